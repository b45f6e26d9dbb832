//! A prompt made visible: words outlined, learned vectors filled, the class
//! dashed.

use yew::prelude::*;

use crate::prompt::{Piece, spoken};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub pieces: Vec<Piece>,
    /// What stands in the class name's place.
    pub class_name: AttrValue,
    /// Whether that is the answer.
    #[prop_or_default]
    pub answered: bool,
}

#[component]
pub fn PromptLine(props: &Props) -> Html {
    // A full stop stays with the piece before it, whatever the line's width.
    let mut groups: Vec<Vec<Html>> = Vec::new();
    for piece in &props.pieces {
        let shown = shown(piece, &props.class_name);
        match groups.last_mut() {
            Some(group) if is_mark(piece) => group.push(shown),
            _ => groups.push(vec![shown]),
        }
    }
    let groups = groups.into_iter();
    let pieces = groups.map(|group| html! { <span class="piece-group">{ for group }</span> });
    let look = props.answered.then_some("is-answered");
    html! {
        <p class={classes!("prompt", look)}>
            <span class="visually-hidden">
                { format!("Prompt: {}", spoken(&props.pieces, &props.class_name)) }
            </span>
            <span class="pieces" aria-hidden="true">{ for pieces }</span>
        </p>
    }
}

fn shown(piece: &Piece, class_name: &AttrValue) -> Html {
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
