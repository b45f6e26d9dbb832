//! A session without a text encoder: classifiers come ready made, for the class names
//! whose features are carried. And how they are made, where the text encoder is.

use crate::checkpoint::{ReadyFile, ReadyMetadata};
use crate::clip::{CarriedZeroShot, ClassFeatures};
use crate::error::{Error, Result};
use crate::learners::{Classifier, Learner};
use crate::protocol::LearnedInfo;

use super::own_image::OwnImage;
use super::{Learned, Session};

/// What is known of a learned file.
pub(super) enum Known {
    /// What was learned itself: it answers for any class names.
    Learner(Box<Learner>),
    /// Its answers for some.
    Ready(ReadyClasses),
}

/// Class features and the factor on the cosine with them.
pub(super) struct ReadyClasses {
    features: ClassFeatures,
    scale: f64,
}

impl ReadyClasses {
    pub fn classifier(&self, class_names: &[String]) -> Result<Classifier> {
        Ok(Classifier::Text {
            features: self.features.of(class_names)?,
            scale: self.scale,
        })
    }
}

impl Session {
    /// Whether the text encoder is there. If it is not, only class names whose features
    /// the files carry can be told apart: see [`Self::carried_zero_shot`].
    pub fn has_text(&self) -> bool {
        self.clip.text.is_there()
    }

    /// The class names that zero-shot can tell apart without a text encoder, and the
    /// templates that it does so with; nothing where any names will do.
    pub fn carried_zero_shot(&self) -> Option<&CarriedZeroShot> {
        self.zero_shot.as_ref()
    }

    /// Adds class features under `name`, replacing a learned file of that name.
    ///
    /// # Errors
    /// As [`ReadyFile::class_features`].
    pub fn add_ready_file(&mut self, name: &str, file: &ReadyFile) -> Result<LearnedInfo> {
        let ReadyMetadata { facts, .. } = &file.metadata;
        let info = LearnedInfo {
            name: name.into(),
            method: file.metadata.method,
            n_ctx: file.metadata.n_ctx,
            class_specific: file.metadata.class_specific,
            class_token_position: facts.class_token_position,
            template: facts.template.clone(),
            class_names: facts.class_names.clone(),
            shots: file.metadata.shots,
        };
        let features = file.class_features(&self.clip, &self.fingerprint)?;
        let image = OwnImage::new(file.image_adapter(&self.clip)?, &self.clip)?;
        self.remove_learned(name);
        self.learned.push(Learned {
            info: info.clone(),
            image,
            known: Known::Ready(ReadyClasses {
                features,
                scale: file.metadata.logit_scale,
            }),
        });
        Ok(info)
    }

    /// What the learned file `name` answers with for `class_names`, to be used without
    /// the text encoder; nothing if its text features are each image's own (CoCoOp), or
    /// if it has none (a linear probe).
    ///
    /// # Errors
    /// As [`Self::classifier`] and [`Self::learner`].
    pub fn ready_file(&mut self, name: &str, class_names: &[String]) -> Result<Option<ReadyFile>> {
        let classifier = self.classifier(Some(name), class_names, &[])?;
        let shots = self.find(name)?.info.shots;
        let learner = self.learner(name)?;
        let fingerprint = &self.fingerprint;
        Ok(ReadyFile::new(
            learner,
            &classifier,
            class_names,
            fingerprint,
            shots,
        ))
    }

    /// Zero-shot's features for `class_names`, to be carried in the place of the text
    /// encoder.
    ///
    /// # Errors
    /// As [`Self::classifier`].
    pub fn ready_zero_shot(
        &mut self,
        class_names: &[String],
        templates: &[String],
    ) -> Result<CarriedZeroShot> {
        let classifier = self.classifier(None, class_names, templates)?;
        let features = classifier.text_features();
        let features = features.ok_or_else(|| Error::NoTextEncoder {
            asked: "class names".into(),
            carried: Vec::new(),
        })?;
        let embed_dim = self.clip.config.embed_dim;
        Ok(CarriedZeroShot {
            templates: templates.to_vec(),
            classes: ClassFeatures::new(class_names.to_vec(), features.detach(), embed_dim)?,
        })
    }

    /// The classifier of carried features: that of a ready file, or zero-shot's where
    /// there is no text encoder. Nothing where one is to be made.
    pub(super) fn ready_classifier(
        &self,
        learned: Option<&str>,
        class_names: &[String],
        templates: &[String],
    ) -> Result<Option<Classifier>> {
        if let Some(name) = learned {
            return match &self.find(name)?.known {
                Known::Ready(ready) => ready.classifier(class_names).map(Some),
                Known::Learner(_) => Ok(None),
            };
        }
        let Some(zero_shot) = self.zero_shot.as_ref().filter(|_| !self.has_text()) else {
            return Ok(None);
        };
        if zero_shot.templates != templates {
            return Err(Error::NoTextEncoder {
                asked: format!(
                    "the template {}, only features made with {}",
                    templates.join(" + "),
                    zero_shot.templates.join(" + ")
                ),
                carried: zero_shot.classes.class_names().to_vec(),
            });
        }
        Ok(Some(Classifier::Text {
            features: zero_shot.classes.of(class_names)?,
            scale: self.clip.logit_scale()?,
        }))
    }
}
