//! A titled surface that folds on narrow screens, where its summary tells what
//! is inside; on wide ones it is always open.

use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub id: AttrValue,
    pub title: AttrValue,
    /// What is inside, in a few words.
    pub summary: AttrValue,
    pub children: Html,
}

#[component]
pub fn Card(props: &Props) -> Html {
    let open = use_state(|| false);
    let onclick = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let Props {
        id, title, summary, ..
    } = props;
    let (heading, content) = (format!("{id}-title"), format!("{id}-content"));
    html! {
        <section class={classes!("card", "folds", open.then_some("is-open"))} aria-labelledby={heading.clone()}>
            <div class="card-head">
                <h2 class="card-title" id={heading}>{ title }</h2>
                <span class="card-summary">{ summary }</span>
                <button
                    class="fold" type="button" {onclick}
                    aria-expanded={open.to_string()} aria-controls={content.clone()}
                    aria-label={format!("{title}: {}", if *open { "fold" } else { "unfold" })}
                />
            </div>
            <div class="card-content" id={content}>{ props.children.clone() }</div>
        </section>
    }
}
