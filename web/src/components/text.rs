//! Text in the few looks that it has everywhere.

use yew::prelude::*;

/// One line, or a few, on what something is or does.
pub fn help(says: impl Into<AttrValue>) -> Html {
    let says: AttrValue = says.into();
    html! { <p class="help">{ says }</p> }
}

/// A few words of some look.
pub fn span(look: &'static str, says: impl Into<AttrValue>) -> Html {
    let says: AttrValue = says.into();
    html! { <span class={look}>{ says }</span> }
}

/// Words for those alone who hear the page.
pub fn heard(says: &'static str) -> Html {
    span("visually-hidden", says)
}

/// The heads of a table's columns.
pub fn column_heads(titles: &[&'static str]) -> Html {
    let heads = titles.iter();
    let heads = heads.map(|title| html! { <th scope="col">{ *title }</th> });
    heads.collect()
}

/// A cell of a table with a number.
pub fn number_cell(number: String) -> Html {
    html! { <td class="number">{ number }</td> }
}

/// A look, and what is added to it.
pub fn looks(base: &'static str, more: impl Into<Option<&'static str>>) -> Classes {
    let more: Option<&'static str> = more.into();
    classes!(base, more)
}
