//! A probability as a bar. An SVG, because its width is an attribute: the page's
//! security policy forbids inline styles.

use yew::prelude::*;

use super::text::{looks, span};
use crate::format::percent;

/// `share` is between 0 and 1.
pub fn bar(share: f32) -> Html {
    let width = format!("{:.3}%", (share * 100.0).clamp(0.0, 100.0));
    html! {
        <svg class="bar" aria-hidden="true" focusable="false">
            <rect class="bar-track" width="100%" height="100%" rx="5" />
            <rect class="bar-fill" {width} height="100%" rx="5" />
        </svg>
    }
}

/// Places in the order of their shares, the largest first.
pub fn by_share(shares: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
    order
}

/// A class with its bar and its share in percent, in a ranking.
pub fn ranked_row(class: &str, share: f32, is_top: bool, testid: &'static str) -> Html {
    let class: AttrValue = class.to_string().into();
    html! {
        <li
            key={&*class} class={looks("row", is_top.then_some("is-top"))} data-testid={testid}
            data-class={class.clone()} data-probability={share.to_string()}
        >
            <span class="row-name" title={class.clone()}>{ class }</span>
            { bar(share) }
            { span("row-percent", percent(share)) }
        </li>
    }
}
