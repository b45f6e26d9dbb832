//! From a plan to a learner in training.

use clipwright_shared::learners::{CoCoOp, ContextInit, Coop, CoopSettings, Method, PromptTokens};
use clipwright_shared::protocol::TrainPlan;
use clipwright_shared::train::{
    CoCoOpTrainer, CoopTrainer, OptimizerSettings, Trainer, prompts_at_once,
};
use clipwright_shared::{Error, Session};

use crate::engine::Failure;

/// Bytes that the activations of a step's prompts may take: a browser's worker has
/// some 4 GB for everything.
const PROMPTS_BUDGET_BYTES: usize = 512 << 20;

/// The learner of `plan` before its first step.
pub fn trainer(
    session: &Session,
    plan: &TrainPlan,
    class_names: &[String],
) -> Result<Box<dyn Trainer>, Failure> {
    let (clip, tokenizer) = (&session.clip, &session.tokenizer);
    let words = plan.words.trim();
    let settings = CoopSettings {
        n_ctx: plan.n_ctx,
        class_specific: plan.class_specific && words.is_empty(),
        position: plan.position,
        init: match words.is_empty() {
            true => ContextInit::Random { seed: plan.seed },
            false => ContextInit::Words(words.into()),
        },
    };
    let tokens = PromptTokens::new(tokenizer, class_names);
    let optimizer = OptimizerSettings::coop();
    let at_once = |coop: &Coop| -> Result<usize, Error> {
        let rows = coop.prompts(clip, &tokens)?.rows_each();
        Ok(prompts_at_once(clip, rows, PROMPTS_BUDGET_BYTES))
    };
    Ok(match plan.method {
        Method::Coop => {
            let coop = Coop::new(clip, tokenizer, class_names, &settings)?;
            let at_once = at_once(&coop)?;
            Box::new(CoopTrainer::new(clip, coop, &tokens, at_once, optimizer)?)
        }
        Method::CoCoOp => {
            let cocoop = CoCoOp::new(clip, tokenizer, class_names, &settings, plan.seed)?;
            let at_once = at_once(&cocoop.coop)?;
            Box::new(CoCoOpTrainer::new(
                clip, &cocoop, &tokens, at_once, optimizer,
            )?)
        }
        other => {
            let expected = "CoOp or CoCoOp";
            return Err(Error::setting("the method", other.title(), expected).into());
        }
    })
}
