//! Light, dark, or as the system is. `theme.js` shows the choice before anything is
//! painted; this makes it.

use yew::prelude::*;

const STORED_AS: &str = "clipwright-theme";
const ATTRIBUTE: &str = "data-theme-choice";

/// A choice of theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub fn key(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What the button turns to.
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

/// The theme chosen, and a callback that chooses another. It is remembered, unless the
/// browser refuses.
#[hook]
pub fn use_theme() -> (Theme, Callback<Theme>) {
    let theme = use_state_eq(chosen);
    let setter = theme.setter();
    let choose = Callback::from(move |theme: Theme| {
        if let Some(root) = root() {
            let _ = root.set_attribute(ATTRIBUTE, theme.key());
        }
        let storage = web_sys::window().and_then(|window| window.local_storage().ok()?);
        if let Some(storage) = storage {
            let _ = match theme {
                Theme::System => storage.remove_item(STORED_AS),
                _ => storage.set_item(STORED_AS, theme.key()),
            };
        }
        setter.set(theme);
    });
    (*theme, choose)
}

fn root() -> Option<web_sys::Element> {
    web_sys::window()?.document()?.document_element()
}

fn chosen() -> Theme {
    let choice = root().and_then(|root| root.get_attribute(ATTRIBUTE));
    match choice.as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    }
}
