//! What computes, in a line: a person who compares times wants to know.

use yew::prelude::*;

use crate::format::count;
use crate::hooks::device_facts;
use crate::state::State;

pub fn device_line(state: &State) -> Html {
    let facts = device_facts();
    let mut parts = Vec::new();
    // The page does not start without vector instructions.
    let mut engine = "WebAssembly with SIMD".to_string();
    if let Some(model) = state.model.info() {
        parts.push(format!("{}, {} px", model.image_encoder, model.image_side));
        engine += &format!(" on {}", count(model.threads, "thread", "threads"));
    }
    parts.push(engine);
    if let Some(cores) = facts.cores {
        parts.push(format!("of {cores} cores"));
    }
    if let Some(memory) = facts.memory {
        parts.push(format!("at least {memory} GB of memory"));
    }
    html! {
        <p class="device help" data-testid="device" title="What computes, and what the times depend on">
            { parts.join(" · ") }
        </p>
    }
}
