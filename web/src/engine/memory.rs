//! What the worker remembers from one task to the next.

use std::collections::BTreeMap;

use candle_core::Tensor;
use clipwright_shared::Session;
use clipwright_shared::interop::NamedBytes;
use clipwright_shared::views::{self, Picture};

use super::kept_views::KeptViews;
use super::{Course, Failure, Helpers, NamedFile};

/// What the worker remembers.
#[derive(Default)]
pub struct Memory {
    session: Option<Session>,
    /// Normalised image features `[1, embed_dim]` by the page's number of the image.
    pub features: BTreeMap<u32, Tensor>,
    /// Image features `[1, embed_dim]`, not normalised, by the page's number of the file:
    /// those of the last map.
    pub mapped: BTreeMap<u32, Tensor>,
    /// The newest views that were encoded.
    pub(super) views: KeptViews,
    /// Who encodes views beside this worker.
    pub(super) helpers: Option<Box<dyn Helpers>>,
    /// The training that was asked for last, under way or at rest.
    pub(super) course: Option<Course>,
}

impl Memory {
    /// The open model.
    ///
    /// # Errors
    /// If none is open.
    pub fn session(&mut self) -> Result<&mut Session, Failure> {
        self.session.as_mut().ok_or_else(no_model)
    }

    /// The open model, and who helps with it.
    ///
    /// # Errors
    /// If none is open.
    pub fn session_and_helpers(
        &mut self,
    ) -> Result<(&Session, Option<&mut (dyn Helpers + 'static)>), Failure> {
        let session = self.session.as_ref().ok_or_else(no_model)?;
        Ok((session, self.helpers.as_deref_mut()))
    }

    /// Another model: what was kept of the last one goes with it.
    pub fn open(&mut self, session: Session) {
        self.session = Some(session);
        self.features.clear();
        self.mapped.clear();
        self.views.clear();
        self.course = None;
    }
}

fn no_model() -> Failure {
    Failure {
        message: "no model is open; expected a loaded one".into(),
        hint: Some("load a model first".into()),
    }
}

/// The image that came beside a message.
///
/// # Errors
/// If there is none, or it cannot be decoded.
pub(super) fn picture(files: &[NamedFile]) -> Result<Picture, Failure> {
    let bytes = files.first().map_or(&[][..], NamedFile::bytes);
    Ok(views::decode(bytes)?)
}

/// The files as the libraries take them.
pub(super) fn named(files: &[NamedFile]) -> Vec<NamedBytes<'_>> {
    files
        .iter()
        .map(|file| NamedBytes {
            name: &file.name,
            bytes: file.bytes(),
        })
        .collect()
}
