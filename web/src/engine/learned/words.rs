//! What was learned in words and norms, and what an image makes of it.

use candle_core::Tensor;
use clipwright_shared::Session;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::normalise;
use clipwright_shared::explain::{ExplainSettings, Explanation, explain};
use clipwright_shared::learners::{CoCoOp, Coop, Learner};
use clipwright_shared::protocol::{ContextShift, LearnedRequest, ShiftedVector};

use super::super::Failure;
use super::MOST_CLASSES;

/// Words or classes named beside each vector or row.
const NEAREST: usize = 5;

#[derive(Default)]
pub(super) struct Told {
    pub explanation: Option<Explanation>,
    pub problem: Option<String>,
    pub shift: Option<ContextShift>,
}

/// `shown` are the features `[1, embed_dim]` of the image that is shown.
pub(super) fn told(
    request: &LearnedRequest,
    shown: Option<&Tensor>,
    session: &Session,
) -> Result<Told, Failure> {
    let Some(name) = request.learned.as_deref() else {
        return Ok(Told::default());
    };
    let learner = match session.learner(name) {
        Ok(learner) => learner,
        // Only its class features are here: there is nothing to look into.
        Err(error) => {
            return Ok(Told {
                problem: Some(error.to_string()),
                ..Told::default()
            });
        }
    };
    let (classes, most_classes) = match learner {
        Learner::Coop(coop) if coop.class_specific() => {
            (request.class.iter().cloned().collect(), 1)
        }
        _ => (Vec::new(), MOST_CLASSES),
    };
    let settings = ExplainSettings {
        nearest: NEAREST,
        classes,
        most_classes,
    };
    let shift = match (learner, shown) {
        (Learner::CoCoOp(cocoop), Some(image)) => Some(shift(cocoop, image, session)?),
        _ => None,
    };
    Ok(Told {
        explanation: Some(explanation(learner, session, &settings)?),
        problem: None,
        shift,
    })
}

fn explanation(
    learner: &Learner,
    session: &Session,
    settings: &ExplainSettings,
) -> Result<Explanation, Failure> {
    let file = LearnedFile::new(learner, Some(session.fingerprint().into()));
    let model = session
        .has_text()
        .then_some((&session.clip, &session.tokenizer));
    Ok(explain(&file, model, settings)?)
}

/// The context that an image of features `[1, embed_dim]` makes, as one of CoOp's.
fn shift(cocoop: &CoCoOp, image: &Tensor, session: &Session) -> Result<ContextShift, Failure> {
    let image = normalise(image)?;
    let shift = cocoop.meta_net.forward(&image)?;
    let norm = shift.sqr()?.sum_all()?.to_scalar::<f32>()?;
    let shifted = Learner::Coop(Coop {
        context: cocoop.contexts(&image)?.get(0)?,
        ..cocoop.coop.clone()
    });
    let settings = ExplainSettings {
        nearest: NEAREST,
        classes: Vec::new(),
        most_classes: 0,
    };
    let vectors = match explanation(&shifted, session, &settings)? {
        Explanation::Context { vectors, .. } => vectors,
        _ => Vec::new(),
    };
    Ok(ContextShift {
        norm: f64::from(norm).sqrt(),
        vectors: vectors
            .into_iter()
            .map(|vector| ShiftedVector {
                vector: vector.vector,
                norm: vector.norm,
                nearest: vector.nearest,
            })
            .collect(),
    })
}
