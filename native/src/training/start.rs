//! From a plan to a learner in training.

use anyhow::Result;
use clipwright_shared::Session;
use clipwright_shared::learners::{CoCoOp, Coop, Lora, LoraFacts, Method, PromptTokens, ZeroShot};
use clipwright_shared::train::{CoCoOpTrainer, CoopTrainer, LoraTrainer, LoraTraining, Trainer};

use super::memory::prompts_at_once;
use crate::settings::{Adapter, Context, LearnerPlan, Plan};

/// The learner of `plan` before its first step; `template` is the data set's. None for a
/// linear probe, which does not go in steps.
///
/// # Errors
/// If the plan does not fit the model, or a prompt does not fit its context.
pub fn start(
    session: &Session,
    plan: &Plan,
    class_names: &[String],
    template: &str,
) -> Result<Option<Box<dyn Trainer>>> {
    Ok(match &plan.learner {
        LearnerPlan::LinearProbe(_) => None,
        LearnerPlan::Context(context) => {
            let mut trainer = start_context(session, plan, context, class_names)?;
            trainer.record(context.training.replay);
            Some(trainer)
        }
        LearnerPlan::Adapter(adapter) => {
            let mut trainer = start_adapter(session, plan, adapter, class_names, template)?;
            trainer.record(adapter.training.replay);
            Some(trainer)
        }
    })
}

fn start_context(
    session: &Session,
    plan: &Plan,
    context: &Context,
    class_names: &[String],
) -> Result<Box<dyn Trainer>> {
    let (clip, tokenizer) = (&session.clip, &session.tokenizer);
    let tokens = PromptTokens::new(tokenizer, class_names);
    let optimizer = context.training.optimizer;
    let settings = &context.coop;
    if plan.method == Method::CoCoOp {
        let cocoop = CoCoOp::new(clip, tokenizer, class_names, settings, plan.seed)?;
        let rows = cocoop.coop.prompts(clip, &tokens)?.rows_each();
        let at_once = context.training.prompts_at_once;
        let at_once = at_once.unwrap_or_else(|| prompts_at_once(clip, rows));
        let trainer = CoCoOpTrainer::new(clip, &cocoop, &tokens, at_once, optimizer)?;
        return Ok(Box::new(trainer));
    }
    let coop = Coop::new(clip, tokenizer, class_names, settings)?;
    let rows = coop.prompts(clip, &tokens)?.rows_each();
    let at_once = context.training.prompts_at_once;
    let at_once = at_once.unwrap_or_else(|| prompts_at_once(clip, rows));
    Ok(Box::new(CoopTrainer::new(
        clip, coop, &tokens, at_once, optimizer,
    )?))
}

fn start_adapter(
    session: &Session,
    plan: &Plan,
    adapter: &Adapter,
    class_names: &[String],
    template: &str,
) -> Result<Box<dyn Trainer>> {
    let clip = &session.clip;
    let template = adapter.template.as_deref().unwrap_or(template);
    let prompt = ZeroShot::new([template])?;
    let rows = prompt.rows(clip, &session.tokenizer, class_names)?;
    let longest = rows.iter().map(|row| row.end_of_text() + 1).max();
    let at_once = adapter.training.prompts_at_once;
    let at_once = at_once.unwrap_or_else(|| prompts_at_once(clip, longest.unwrap_or(1)));
    let lora = Lora {
        adapter: adapter.lora.start(clip)?,
        facts: LoraFacts {
            image: adapter.lora.image,
            text: adapter.lora.text,
            scaling: adapter.lora.scaling,
            logit_scale: adapter.logit_scale,
        },
        prompt,
        class_names: class_names.to_vec(),
    };
    let training = LoraTraining {
        optimizer: adapter.training.optimizer,
        dropout: adapter.dropout,
        seed: plan.seed,
        classes_at_once: at_once,
    };
    Ok(Box::new(LoraTrainer::new(clip, lora, rows, training)?))
}
