//! A model, what was learned on it, and the questions people ask of it. The
//! command line and the page's worker both hold one.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use image::RgbImage;
use rayon::prelude::*;

use crate::checkpoint::LearnedFile;
use crate::clip::{Clip, Tokenizer, Weights, logits, normalise};
use crate::error::{Error, Result};
use crate::learners::{Learner, Method, ZeroShot};
use crate::ops::softmax;
use crate::protocol::{ClassProbability, Classification, LearnedInfo, ModelInfo, Ranking};
use crate::views::{Picture, clip_view, clip_view_of_rgb, normalise_pixels_by};

/// Name of the learner that is always there.
pub const ZERO_SHOT: &str = "zero-shot";

/// Views encoded together; bounds the memory of a large batch.
const VIEWS_PER_FORWARD: usize = 64;

/// What kept text features belong to: a learned file's name or, for zero-shot,
/// the template; and the class names.
type TextKey = (TextSource, Vec<String>);

#[derive(PartialEq, Eq, Hash)]
enum TextSource {
    Learned(String),
    Template(String),
}

/// A loaded model with its learned files.
pub struct Session {
    pub clip: Clip,
    pub tokenizer: Tokenizer,
    pub device: Device,
    fingerprint: String,
    learned: Vec<(LearnedInfo, Learner)>,
    text_features: HashMap<TextKey, Tensor>,
}

impl Session {
    /// Opens a model from its weights.
    pub fn new(weights: Weights, device: &Device) -> Result<Self> {
        let fingerprint = weights.fingerprint()?;
        let clip = Clip::load(weights)?;
        Ok(Self {
            tokenizer: Tokenizer::new(clip.config.text.vocabulary)?,
            fingerprint,
            device: device.clone(),
            clip,
            learned: Vec::new(),
            text_features: HashMap::new(),
        })
    }

    /// Opens a model from the bytes of a file of weights.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        Self::new(Weights::from_bytes(bytes, device)?, device)
    }

    /// What the model is.
    pub fn model_info(&self) -> ModelInfo {
        let config = &self.clip.config;
        ModelInfo {
            image_encoder: config.image.to_string(),
            image_side: config.image.side,
            embed_dim: config.embed_dim,
            context_length: config.text.context_length,
            fingerprint: self.fingerprint.clone(),
        }
    }

    /// The model's fingerprint, which learned files name.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Adds a learned file under `name`, replacing one of that name.
    pub fn add_learned(&mut self, name: &str, bytes: &[u8]) -> Result<LearnedInfo> {
        let file = LearnedFile::from_bytes(bytes)?;
        let learner = file.learner(&self.clip, &self.fingerprint)?;
        let n_ctx = match &learner {
            Learner::Coop(coop) => coop.n_ctx(),
            Learner::ZeroShot(_) => 0,
        };
        let info = LearnedInfo {
            name: name.into(),
            method: file.metadata.method,
            n_ctx,
            class_specific: file.context.rank() == 3,
            class_token_position: file.metadata.class_token_position,
            class_names: file.metadata.class_names.clone(),
            shots: file.metadata.shots,
        };
        self.remove_learned(name);
        self.learned.push((info.clone(), learner));
        Ok(info)
    }

    /// Forgets the learned file `name`, if it is there.
    pub fn remove_learned(&mut self, name: &str) {
        self.learned.retain(|(info, _)| info.name != name);
        let forgotten = TextSource::Learned(name.into());
        self.text_features
            .retain(|(source, _), _| *source != forgotten);
    }

    /// The learned files, in the order they came.
    pub fn learned(&self) -> impl Iterator<Item = &LearnedInfo> {
        self.learned.iter().map(|(info, _)| info)
    }

    /// Normalised image features `[images, embed_dim]` of each image's CLIP view,
    /// the images having been converted to RGB first, as data sets are read.
    pub fn image_features(&self, images: &[RgbImage]) -> Result<Tensor> {
        let side = self.clip.config.image.side as u32;
        self.view_features(images.len(), |at| clip_view_of_rgb(&images[at], side))
    }

    /// Normalised image features `[count, embed_dim]` of the views that `view`
    /// makes, in parallel and a batch at a time, so that a long list needs no
    /// more memory than a short one.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are none; whatever `view` fails with.
    pub fn view_features<E: From<Error> + Send>(
        &self,
        count: usize,
        view: impl Fn(usize) -> Result<RgbImage, E> + Sync,
    ) -> Result<Tensor, E> {
        Ok(normalise(&self.encode_views(count, view)?)?.detach())
    }

    /// As [`Self::view_features`], not normalised.
    pub fn encode_views<E: From<Error> + Send>(
        &self,
        count: usize,
        view: impl Fn(usize) -> Result<RgbImage, E> + Sync,
    ) -> Result<Tensor, E> {
        if count == 0 {
            return Err(E::from(Error::setting(
                "the list of images",
                "empty",
                "at least one image",
            )));
        }
        let mut features = Vec::new();
        for first in (0..count).step_by(VIEWS_PER_FORWARD) {
            let batch = first..count.min(first + VIEWS_PER_FORWARD);
            let views = batch
                .into_par_iter()
                .map(&view)
                .collect::<Result<Vec<_>, E>>()?;
            let image = &self.clip.config.image;
            let (mean, deviation) = (image.mean, image.standard_deviation);
            let pixels = normalise_pixels_by(&views, mean, deviation, &self.device)?;
            features.push(self.clip.image.forward(&pixels)?);
        }
        Ok(Tensor::cat(&features, 0).map_err(Error::from)?)
    }

    /// Normalised text features `[n_classes, embed_dim]` of one learned file, or
    /// of `template` if `learned` is none. Kept for the next call.
    pub fn text_features(
        &mut self,
        learned: Option<&str>,
        class_names: &[String],
        template: &str,
    ) -> Result<Tensor> {
        let source = match learned {
            Some(name) => TextSource::Learned(name.into()),
            None => TextSource::Template(template.into()),
        };
        let key = (source, class_names.to_vec());
        if let Some(features) = self.text_features.get(&key) {
            return Ok(features.clone());
        }
        let (clip, tokenizer) = (&self.clip, &self.tokenizer);
        let features = match learned {
            None => ZeroShot::new(template)?.text_features(clip, tokenizer, class_names)?,
            Some(name) => {
                let found = self.learned.iter().find(|(info, _)| info.name == name);
                let (_, learner) = found
                    .ok_or_else(|| Error::setting("the learned file", name, "a loaded one"))?;
                learner.text_features(clip, tokenizer, class_names)?
            }
        };
        self.text_features.insert(key, features.clone());
        Ok(features)
    }

    /// Probabilities `[images, n_classes]` for normalised image features
    /// `[images, embed_dim]`.
    pub fn probabilities(
        &mut self,
        image_features: &Tensor,
        learned: Option<&str>,
        class_names: &[String],
        template: &str,
    ) -> Result<Tensor> {
        let text = self.text_features(learned, class_names, template)?;
        let scale = self.clip.logit_scale()?;
        Ok(softmax(&logits(image_features, &text, scale)?)?)
    }

    /// The most probable class of each image, as an index into `class_names`; ties
    /// go to the first.
    pub fn predict(
        &mut self,
        image_features: &Tensor,
        learned: Option<&str>,
        class_names: &[String],
        template: &str,
    ) -> Result<Vec<usize>> {
        let probabilities = self.probabilities(image_features, learned, class_names, template)?;
        let best = probabilities.argmax(1)?.to_vec1::<u32>()?;
        Ok(best.into_iter().map(|class| class as usize).collect())
    }

    /// Ranks the classes of one picture, zero-shot first and then by each learned
    /// file. A learned file that cannot answer says why in its place.
    pub fn classify(
        &mut self,
        picture: &Picture,
        class_names: &[String],
        template: &str,
    ) -> Result<Classification> {
        check_class_names(class_names)?;
        let side = self.clip.config.image.side as u32;
        let features = self.view_features(1, |_| clip_view(picture, side))?;
        let zero_shot = self.ranking(&features, None, class_names, template)?;
        let mut rankings = vec![zero_shot];
        for info in self.learned().cloned().collect::<Vec<_>>() {
            let ranking = self.ranking(&features, Some(&info), class_names, template);
            rankings.push(ranking.unwrap_or_else(|error| Ranking {
                name: info.name.clone(),
                method: info.method,
                classes: Vec::new(),
                problem: Some(error.to_string()),
            }));
        }
        Ok(Classification { rankings })
    }

    fn ranking(
        &mut self,
        features: &Tensor,
        learned: Option<&LearnedInfo>,
        class_names: &[String],
        template: &str,
    ) -> Result<Ranking> {
        let name = learned.map(|info| info.name.as_str());
        let probabilities = self.probabilities(features, name, class_names, template)?;
        let probabilities = probabilities.get(0)?.to_vec1::<f32>()?;
        let mut classes: Vec<ClassProbability> = class_names
            .iter()
            .zip(probabilities)
            .map(|(class, probability)| ClassProbability {
                class: class.clone(),
                probability,
            })
            .collect();
        classes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(Ranking {
            name: name.unwrap_or(ZERO_SHOT).into(),
            method: learned.map_or(Method::ZeroShot, |info| info.method),
            classes,
            problem: None,
        })
    }
}

/// # Errors
/// [`Error::Setting`] unless there are at least two names, all different and
/// none empty.
pub fn check_class_names(class_names: &[String]) -> Result<()> {
    let expected = "at least two different, non-empty names";
    let mut sorted: Vec<&str> = class_names.iter().map(|name| name.trim()).collect();
    sorted.sort_unstable();
    if sorted.len() < 2 || sorted[0].is_empty() {
        return Err(Error::setting(
            "the class names",
            format!("{class_names:?}"),
            expected,
        ));
    }
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::setting(
            "the class names",
            format!("{:?} twice", pair[0]),
            expected,
        )),
        None => Ok(()),
    }
}
