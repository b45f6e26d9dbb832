//! A model, what was learned on it, and the questions people ask of it. The
//! command line and the page's worker both hold one.

use std::borrow::Cow;

use candle_core::{DType, Device, Tensor};
use image::RgbImage;

use crate::checkpoint::{LearnedFile, ReadyFile};
use crate::clip::{CarriedZeroShot, Clip, ImageEncoder, Tokenizer, Weights};
use crate::error::{Error, Result};
use crate::eval::highest_first;
use crate::interop::{self, ModelSizes, NamedBytes, ReadOptions};
use crate::learners::{Classifier, Coop, Learner, Method, ZeroShot};
use crate::ops::softmax;
use crate::parallel::*;
use crate::protocol::{ClassProbability, Classification, LearnedInfo, ModelInfo, Ranking};
use crate::views::{Picture, clip_view, clip_view_of_rgb, normalise_pixels_by};

mod kept;
mod opening;
mod own_image;
mod preparing;
mod ready;

use kept::Kept;
use own_image::OwnImage;
use preparing::Preparing;
use ready::Known;

pub use opening::{ModelPart, Opening};

/// Name of the learner that is always there.
pub const ZERO_SHOT: &str = "zero-shot";

/// Views encoded together; bounds the memory of a large batch.
const VIEWS_PER_FORWARD: usize = 64;

/// Lists of class names, with their templates, that each learner's classifiers are kept
/// for: a person who edits names goes back and forth, and seldom far.
const KEPT_LISTS: usize = 4;

/// What a kept classifier belongs to: what answers, and for which class names.
type Question = (Source, Vec<String>);

#[derive(PartialEq, Eq)]
enum Source {
    Learned(String),
    ZeroShot(ZeroShot),
}

impl Source {
    /// The learned file of that name, or zero-shot with these templates.
    fn of(learned: Option<&str>, templates: &[String]) -> Result<Self> {
        Ok(match learned {
            Some(name) => Self::Learned(name.into()),
            None => Self::ZeroShot(ZeroShot::new(templates.iter().cloned())?),
        })
    }
}

/// A learned file that was opened.
struct Learned {
    info: LearnedInfo,
    known: Known,
    /// If it does not see as the model does.
    image: Option<OwnImage>,
}

/// A loaded model with its learned files.
pub struct Session {
    pub clip: Clip,
    pub tokenizer: Tokenizer,
    pub device: Device,
    precision: DType,
    fingerprint: String,
    learned: Vec<Learned>,
    classifiers: Kept<Question, Classifier>,
    preparing: Option<Preparing>,
    /// What zero-shot answers with if there is no text encoder.
    zero_shot: Option<CarriedZeroShot>,
}

impl Session {
    /// Opens a model from its weights.
    pub fn new(weights: Weights, device: &Device) -> Result<Self> {
        Self::in_precision(weights, device, DType::F32)
    }

    /// As [`Self::new`], computing in another float type. What is learned stays in f32.
    pub fn in_precision(weights: Weights, device: &Device, dtype: DType) -> Result<Self> {
        let fingerprint = weights.fingerprint()?;
        let weights = match dtype {
            DType::F32 => weights,
            other => weights.to_dtype(other)?,
        };
        let zero_shot = weights.zero_shot().cloned();
        let clip = Clip::load(weights)?;
        // Nothing is encoded without a text encoder: any vocabulary does.
        let vocabulary = match clip.text.is_there() {
            true => clip.config.text.vocabulary,
            false => Tokenizer::INCLUDED,
        };
        Ok(Self {
            tokenizer: Tokenizer::new(vocabulary)?,
            fingerprint,
            device: device.clone(),
            precision: dtype,
            clip,
            learned: Vec::new(),
            classifiers: Kept::default(),
            preparing: None,
            zero_shot,
        })
    }

    /// Opens a model from the bytes of a file of weights.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        Self::new(Weights::from_bytes(bytes, device)?, device)
    }

    /// Opens a model from its files, on the CPU: weights (several are the shards of one
    /// model), and the configurations beside them (`.json`).
    ///
    /// # Errors
    /// As [`Opening`].
    pub fn from_files(files: &[NamedBytes<'_>]) -> Result<Self> {
        let part = |file: &NamedBytes<'_>| ModelPart {
            name: file.name.into(),
            bytes: Some(file.bytes.len() as u64),
        };
        let mut opening = Opening::new(files.iter().map(part).collect(), false);
        while let Some((file, place)) = opening.wants() {
            let bytes = files[file].bytes;
            let [from, to] = [place.start, place.end].map(|at| at.min(bytes.len() as u64) as usize);
            opening.give(&bytes[from..to])?;
        }
        opening.finish()
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
            threads: threads(),
        }
    }

    /// The float type that the model computes in.
    pub fn precision(&self) -> DType {
        self.precision
    }

    /// The model's fingerprint, which learned files name.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Adds a learned file under `name`, replacing one of that name; it may be one of
    /// class features ([`ReadyFile`]).
    pub fn add_learned(&mut self, name: &str, bytes: &[u8]) -> Result<LearnedInfo> {
        if ReadyFile::is_one(bytes) {
            return self.add_ready_file(name, &ReadyFile::from_bytes(bytes)?);
        }
        let file = LearnedFile::from_bytes(bytes)?;
        self.add_learned_file(name, &file)
    }

    /// As [`Self::add_learned`], from what any program left: see [`interop::read`].
    ///
    /// # Errors
    /// As [`interop::read`] and [`Self::add_learned`].
    pub fn add_learned_files(
        &mut self,
        name: &str,
        files: &[NamedBytes<'_>],
    ) -> Result<LearnedInfo> {
        if let [file] = files
            && ReadyFile::is_one(file.bytes)
        {
            return self.add_learned(name, file.bytes);
        }
        let options = ReadOptions {
            model: Some(ModelSizes::of(&self.clip)?),
            ..ReadOptions::default()
        };
        self.add_learned_file(name, &interop::read(files, &options)?)
    }

    /// As [`Self::add_learned`], already read.
    pub fn add_learned_file(&mut self, name: &str, file: &LearnedFile) -> Result<LearnedInfo> {
        let learner = file.learner(&self.clip, &self.fingerprint)?;
        let context = match &learner {
            Learner::Coop(coop) => Some(coop),
            Learner::CoCoOp(cocoop) => Some(&cocoop.coop),
            _ => None,
        };
        let facts = &file.metadata.facts;
        let info = LearnedInfo {
            name: name.into(),
            method: file.metadata.method,
            n_ctx: context.map_or(0, Coop::n_ctx),
            class_specific: context.is_some_and(Coop::class_specific),
            class_token_position: facts.class_token_position,
            template: facts.template.clone(),
            class_names: facts.class_names.clone(),
            shots: file.metadata.shots,
        };
        self.remove_learned(name);
        self.learned.push(Learned {
            info: info.clone(),
            image: OwnImage::new(learner.image_adapter(), &self.clip)?,
            known: Known::Learner(Box::new(learner)),
        });
        Ok(info)
    }

    /// Forgets the learned file `name`, if it is there.
    pub fn remove_learned(&mut self, name: &str) {
        self.learned.retain(|learned| learned.info.name != name);
        let forgotten = Source::Learned(name.into());
        self.classifiers.forget(|(source, _)| *source == forgotten);
    }

    /// The learned files, in the order they came.
    pub fn learned(&self) -> impl Iterator<Item = &LearnedInfo> {
        self.learned.iter().map(|learned| &learned.info)
    }

    fn find(&self, name: &str) -> Result<&Learned> {
        let found = self
            .learned
            .iter()
            .find(|learned| learned.info.name == name);
        found.ok_or_else(|| Error::setting("the learned file", name, "a loaded one"))
    }

    /// What was learned, by the name of its file.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is none of this name, or only its class features are
    /// here.
    pub fn learner(&self, name: &str) -> Result<&Learner> {
        match &self.find(name)?.known {
            Known::Learner(learner) => Ok(learner),
            Known::Ready(_) => Err(Error::setting(
                "the learned file",
                format!("{name}, of which only the class features are here"),
                "what was learned itself",
            )),
        }
    }

    /// Image features `[images, embed_dim]` of each image's CLIP view, as the encoder
    /// of `learned` (or the model's own) gives them. The images have been converted to
    /// RGB first, as data sets are read.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are no images, or no learned file of this name.
    pub fn image_features(&self, learned: Option<&str>, images: &[RgbImage]) -> Result<Tensor> {
        let side = self.clip.config.image.side as u32;
        let encoder = self.image_encoder(learned)?;
        self.encode_views(encoder, images.len(), |at| {
            clip_view_of_rgb(&images[at], side)
        })
    }

    /// Features `[count, embed_dim]`, as `encoder` gives them, of the views that `view`
    /// makes, in parallel and a batch at a time, so that a long list needs no more
    /// memory than a short one.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are none; whatever `view` fails with.
    pub fn encode_views<E: From<Error> + Send>(
        &self,
        encoder: &ImageEncoder,
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
            features.push(encoder.forward(&self.pixels(&views)?)?.detach());
        }
        Ok(Tensor::cat(&features, 0).map_err(Error::from)?)
    }

    /// Views → pixels `[views, 3, side, side]`, normalised as the model asks for.
    pub fn pixels(&self, views: &[RgbImage]) -> Result<Tensor> {
        let image = &self.clip.config.image;
        normalise_pixels_by(views, image.mean, image.standard_deviation, &self.device)
    }

    /// What tells `class_names` apart: the learned file of that name, or zero-shot with
    /// these templates. Kept for the next calls.
    ///
    /// # Errors
    /// As [`Learner::classifier`]; [`Error::Setting`] if there is no such learned file,
    /// or a template is none; [`Error::NoTextEncoder`] if there is no text encoder and
    /// the features of these names are not carried.
    pub fn classifier(
        &mut self,
        learned: Option<&str>,
        class_names: &[String],
        templates: &[String],
    ) -> Result<Classifier> {
        if let Some(ready) = self.ready_classifier(learned, class_names, templates)? {
            return Ok(ready);
        }
        let source = Source::of(learned, templates)?;
        let question = (source, class_names.to_vec());
        if let Some(classifier) = self.classifiers.get(&question) {
            return Ok(classifier);
        }
        let learner = self.answering(&question.0)?;
        let classifier = learner.classifier(&self.clip, &self.tokenizer, class_names)?;
        self.keep(question, classifier.clone());
        Ok(classifier)
    }

    /// The learner behind a source.
    fn answering(&self, source: &Source) -> Result<Cow<'_, Learner>> {
        match source {
            Source::Learned(name) => self.learner(name).map(Cow::Borrowed),
            Source::ZeroShot(own) => Ok(Cow::Owned(Learner::ZeroShot(own.clone()))),
        }
    }

    fn keep(&mut self, question: Question, classifier: Classifier) {
        let most = KEPT_LISTS * (1 + self.learned.len());
        self.classifiers.put(question, classifier, most);
    }

    /// Ranks the classes of one picture, zero-shot first and then by each learned
    /// file. A learned file that cannot answer says why in its place.
    pub fn classify(
        &mut self,
        picture: &Picture,
        class_names: &[String],
        templates: &[String],
    ) -> Result<Classification> {
        check_class_names(class_names)?;
        let side = self.clip.config.image.side as u32;
        let pixels = self.pixels(&[clip_view(picture, side)?])?;
        // Most learners see with the model's own encoder: its features are theirs too.
        let features = self.clip.image.forward(&pixels)?;
        let mut rankings = vec![self.ranking(&features, None, class_names, templates)?];
        for info in self.learned().cloned().collect::<Vec<_>>() {
            let features = match &self.find(&info.name)?.image {
                Some(own) => own.encoder.forward(&pixels)?,
                None => features.clone(),
            };
            let ranking = self.ranking(&features, Some(&info), class_names, templates);
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
        templates: &[String],
    ) -> Result<Ranking> {
        let name = learned.map(|info| info.name.as_str());
        let classifier = self.classifier(name, class_names, templates)?;
        let probabilities = softmax(&classifier.logits(features)?)?;
        let probabilities = probabilities.get(0)?.to_vec1::<f32>()?;
        let best_first = highest_first(probabilities.iter().copied());
        let classes = best_first.into_iter().map(|at| ClassProbability {
            class: class_names[at].clone(),
            probability: probabilities[at],
        });
        Ok(Ranking {
            name: name.unwrap_or(ZERO_SHOT).into(),
            method: learned.map_or(Method::ZeroShot, |info| info.method),
            classes: classes.collect(),
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
