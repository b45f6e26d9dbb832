//! The newest views that were encoded, so that other prompts need no new features.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use candle_core::Tensor;
use clipwright_shared::Session;
use clipwright_shared::tuning::{Augmenter, View};

use super::Failure;
use super::encoding::{Encoding, rgba};

/// Bytes of pixels that are kept in all.
const MOST_BYTES: usize = 48 << 20;

/// What encoded views belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewsKey {
    image: u64,
    image_bytes: usize,
    augmenter: Augmenter,
    seed: u64,
    /// The learned file whose own encoder sees them; none sees as the model does.
    encoder: Option<String>,
}

impl ViewsKey {
    /// # Errors
    /// If there is no such learned file.
    pub fn new(
        session: &Session,
        image: &[u8],
        augmenter: Augmenter,
        seed: u64,
        learned: Option<&str>,
    ) -> Result<Self, Failure> {
        let encoder = session.image_encoder(learned)?;
        let is_own = !std::ptr::eq(encoder, &session.clip.image);
        let mut hasher = DefaultHasher::new();
        image.hash(&mut hasher);
        Ok(Self {
            image: hasher.finish(),
            image_bytes: image.len(),
            augmenter,
            seed,
            encoder: learned.filter(|_| is_own).map(String::from),
        })
    }
}

/// Views with their features.
#[derive(Debug)]
pub struct SeenViews {
    key: ViewsKey,
    /// Width and height of the image, in pixels.
    pub dimensions: (u32, u32),
    pub views: Vec<View>,
    /// As the encoder gives them, `[views, embed_dim]`.
    pub features: Tensor,
}

impl SeenViews {
    /// # Errors
    /// If nothing was encoded.
    pub fn new(key: ViewsKey, encoding: &Encoding) -> Result<Self, Failure> {
        Ok(Self {
            key,
            dimensions: encoding.dimensions(),
            views: encoding.views().to_vec(),
            features: encoding.raw_features()?,
        })
    }

    /// Their pixels as RGBA, one view after another.
    pub fn rgba(&self) -> Vec<u8> {
        let views = self.views.iter();
        views.flat_map(|view| rgba(&view.pixels)).collect()
    }

    fn bytes(&self) -> usize {
        let views = self.views.iter();
        views.map(|view| view.pixels.as_raw().len()).sum()
    }
}

/// The newest views, newest last.
#[derive(Debug, Default)]
pub struct KeptViews(VecDeque<SeenViews>);

impl KeptViews {
    /// Those of `key`, if they are still here.
    pub fn get(&self, key: &ViewsKey) -> Option<&SeenViews> {
        self.0.iter().find(|seen| seen.key == *key)
    }

    /// Keeps these, and lets go of the oldest where they become too many. The newest
    /// stay whatever their size.
    pub fn keep(&mut self, seen: SeenViews) {
        self.0.retain(|kept| kept.key != seen.key);
        self.0.push_back(seen);
        let mut bytes: usize = self.0.iter().map(SeenViews::bytes).sum();
        while bytes > MOST_BYTES && self.0.len() > 1 {
            bytes -= self.0.pop_front().map_or(0, |oldest| oldest.bytes());
        }
    }

    /// Lets go of what the own encoder of the learned file `name` saw.
    pub fn forget(&mut self, name: &str) {
        self.0
            .retain(|seen| seen.key.encoder.as_deref() != Some(name));
    }

    /// Lets go of everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
