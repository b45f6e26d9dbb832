//! Views of an image, made and encoded some at a time: what takes long about patches,
//! augmentations and tuning.

use candle_core::Tensor;
use clipwright_shared::Session;
use clipwright_shared::clip::{Backbone, ImageConfig};
use clipwright_shared::tuning::{View, ViewsInTurn};
use clipwright_shared::views::RgbImage;

use super::Failure;

/// Multiplications that take a browser some 20 ms.
const A_MOMENT: usize = 400_000_000;

/// Views encoded together at most.
const MOST_AT_ONCE: usize = 16;

/// Views on their way to features.
pub struct Encoding {
    views_to_come: ViewsInTurn,
    views: Vec<View>,
    features: Vec<Tensor>, // each [some, embed_dim]
}

impl Encoding {
    pub fn new(views: ViewsInTurn) -> Self {
        Self {
            views_to_come: views,
            views: Vec::new(),
            features: Vec::new(),
        }
    }

    /// Makes and encodes some more views as `learned` sees them, or as the model alone
    /// does. Whether all are done.
    pub fn step(&mut self, session: &Session, learned: Option<&str>) -> Result<bool, Failure> {
        let at_once = at_once(&session.clip.config.image);
        let mut pixels = Vec::new();
        for view in self.views_to_come.by_ref().take(at_once) {
            let view = view?;
            pixels.push(view.pixels.clone());
            self.views.push(view);
        }
        if !pixels.is_empty() {
            let encoder = session.image_encoder(learned)?;
            let features = encoder.forward(&session.pixels(&pixels)?)?;
            self.features.push(features.detach());
        }
        Ok(self.views.len() >= self.total())
    }

    /// Views encoded so far.
    pub fn done(&self) -> usize {
        self.views.len()
    }

    /// Views in all.
    pub fn total(&self) -> usize {
        self.views_to_come.total()
    }

    /// Width and height of the image, in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.views_to_come.dimensions()
    }

    /// The views encoded so far.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Their features as the encoder gives them, `[views, embed_dim]`.
    pub fn raw_features(&self) -> Result<Tensor, Failure> {
        Ok(Tensor::cat(&self.features, 0)?)
    }
}

/// Opaque RGBA of an image, row by row.
pub fn rgba(image: &RgbImage) -> impl Iterator<Item = u8> {
    let pixels = image.pixels();
    pixels.flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2], u8::MAX])
}

/// As many views as take a moment.
fn at_once(config: &ImageConfig) -> usize {
    let multiplications = match &config.backbone {
        Backbone::Vit { patch, tower } => {
            let tokens = (config.side / patch).pow(2) + 1;
            let token = tower.width * (4 * tower.width + 2 * tower.hidden + 2 * tokens);
            tower.layers * tokens * token
        }
        // All released ones take longer than a moment for each.
        Backbone::ResNet { .. } => A_MOMENT,
    };
    (A_MOMENT / multiplications.max(1)).clamp(1, MOST_AT_ONCE)
}
