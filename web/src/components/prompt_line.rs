//! A prompt made visible: words outlined, learned vectors filled, the class
//! dashed.

use yew::prelude::*;

use super::text::looks;
use crate::prompt::{Piece, spoken};

/// `class_name` stands in the class's place; `is_answered`: it is the answer.
pub fn prompt_line(pieces: &[Piece], class_name: &str, is_answered: bool) -> Html {
    // A full stop stays with the piece before it, whatever the line's width.
    let mut groups: Vec<Vec<Html>> = Vec::new();
    for piece in pieces {
        let shown = shown(piece, class_name);
        match groups.last_mut() {
            Some(group) if is_mark(piece) => group.push(shown),
            _ => groups.push(vec![shown]),
        }
    }
    let groups = groups.into_iter();
    let shown = groups.map(|group| html! { <span class="piece-group">{ for group }</span> });
    let look = is_answered.then_some("is-answered");
    html! {
        <p class={looks("prompt", look)}>
            <span class="visually-hidden">
                { format!("Prompt: {}", spoken(pieces, class_name)) }
            </span>
            <span class="pieces" aria-hidden="true">{ for shown }</span>
        </p>
    }
}

fn shown(piece: &Piece, class_name: &str) -> Html {
    match piece {
        Piece::Word(word) if is_mark(piece) => {
            html! { <span class="piece is-mark">{ word }</span> }
        }
        Piece::Word(word) => html! { <span class="piece is-word">{ word }</span> },
        Piece::Vector(number) => {
            html! { <span class="piece is-vector">{ "v" }<sub>{ *number }</sub></span> }
        }
        Piece::Class => html! { <span class="piece is-class">{ class_name }</span> },
    }
}

fn is_mark(piece: &Piece) -> bool {
    matches!(piece, Piece::Word(word) if !word.chars().any(char::is_alphanumeric))
}
