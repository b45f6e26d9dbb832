//! Learned files that see with an image encoder of their own.

use super::Session;
use crate::checkpoint::LearnedFile;
use crate::clip::{Clip, ImageEncoder};
use crate::error::Result;
use crate::learners::Learner;

/// An image encoder that is not the model's own.
pub(super) struct OwnImage {
    pub encoder: ImageEncoder,
    /// What makes it of the model's.
    adapter: Learner,
}

impl OwnImage {
    /// # Errors
    /// If the adapter does not fit.
    pub fn new(adapter: Option<Learner>, clip: &Clip) -> Result<Option<Self>> {
        let Some(adapter) = adapter else {
            return Ok(None);
        };
        let encoder = adapter.image_encoder(clip)?;
        Ok(encoder.map(|encoder| Self { encoder, adapter }))
    }
}

impl Session {
    /// The image encoder that the learned file `learned` sees with, or the model's own.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if there is none of this name.
    pub fn image_encoder(&self, learned: Option<&str>) -> Result<&ImageEncoder> {
        let own = self.own_image(learned)?;
        Ok(own.map_or(&self.clip.image, |own| &own.encoder))
    }

    /// What makes the encoder that `learned` sees with of the model's own, if that is not
    /// the one: a learned file of adapters of the image encoder alone, which a session of
    /// that encoder alone takes too.
    ///
    /// # Errors
    /// As [`Self::image_encoder`].
    pub fn image_adapter(&self, learned: Option<&str>) -> Result<Option<Vec<u8>>> {
        let own = self.own_image(learned)?;
        // A model without its text encoder may have another fingerprint.
        own.map(|own| LearnedFile::new(&own.adapter, None).to_bytes())
            .transpose()
    }

    fn own_image(&self, learned: Option<&str>) -> Result<Option<&OwnImage>> {
        match learned {
            Some(name) => Ok(self.find(name)?.image.as_ref()),
            None => Ok(None),
        }
    }
}
