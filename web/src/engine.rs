//! What the worker computes: one request and its bytes in, one event out. Free
//! of the browser, so that it runs in native tests too.

use candle_core::Device;
use clipwright_shared::protocol::{Event, Request};
use clipwright_shared::{Error, Session, views};

/// The worker's memory: the open model with its learned files.
#[derive(Default)]
pub struct Engine {
    session: Option<Session>,
}

impl Engine {
    /// Answers one request. `bytes` is the file that came beside it.
    pub fn answer(&mut self, request: Request, bytes: &[u8]) -> Event {
        let id = match request {
            Request::Classify { id, .. } => Some(id),
            _ => None,
        };
        self.try_answer(request, bytes)
            .unwrap_or_else(|failure| Event::Failed {
                id,
                message: failure.message,
                hint: failure.hint,
            })
    }

    fn try_answer(&mut self, request: Request, bytes: &[u8]) -> Result<Event, Failure> {
        Ok(match request {
            Request::LoadModel { name } => {
                // A model that does not open leaves the one before in its place.
                let session = Session::from_bytes(bytes, &Device::Cpu)?;
                let info = session.model_info();
                self.session = Some(session);
                Event::ModelLoaded { name, info }
            }
            Request::LoadLearned { name } => Event::LearnedLoaded {
                info: self.session()?.add_learned(&name, bytes)?,
            },
            Request::RemoveLearned { name } => {
                self.session()?.remove_learned(&name);
                Event::LearnedRemoved { name }
            }
            Request::Classify {
                id,
                class_names,
                template,
            } => {
                let session = self.session()?;
                let picture = views::decode(bytes)?;
                let classification = session.classify(&picture, &class_names, &[template])?;
                Event::Classified { id, classification }
            }
        })
    }

    fn session(&mut self) -> Result<&mut Session, Failure> {
        self.session.as_mut().ok_or_else(|| Failure {
            message: "no model is open; expected a loaded one".into(),
            hint: Some("load a model first".into()),
        })
    }
}

/// Why a request has no answer.
struct Failure {
    message: String,
    hint: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

#[cfg(test)]
mod tests;
