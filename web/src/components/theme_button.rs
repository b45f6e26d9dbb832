//! Light, dark, or as the system is.

use yew::prelude::*;

use crate::hooks::Theme;

/// `choose` takes another one.
pub fn theme_button(theme: Theme, choose: &Callback<Theme>) -> Html {
    let next = theme.next();
    let onclick = choose.reform(move |_: MouseEvent| next);
    let label = AttrValue::from(format!("Theme: {}. Change to {}", theme.key(), next.key()));
    // A disc: half filled for the system, empty for light, a crescent for dark.
    let path = match theme {
        Theme::System => "M10 3a7 7 0 0 1 0 14z",
        Theme::Light => "M10 7a3 3 0 1 0 0 6a3 3 0 1 0 0-6z",
        Theme::Dark => "M10 3a7 7 0 1 0 7 7a5 5 0 0 1-7-7z",
    };
    let has_ring = theme != Theme::Dark;
    html! {
        <button
            class="tool is-icon" type="button" data-testid="theme" data-choice={theme.key()}
            title={label.clone()} aria-label={label} {onclick}
        >
            <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" focusable="false">
                if has_ring {
                    <circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" stroke-width="1.6" />
                }
                <path d={path} fill="currentColor" />
            </svg>
        </button>
    }
}
