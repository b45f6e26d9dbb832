//! The page's own side: mounts the app.

use clipwright_web::components::App;

fn main() {
    console_error_panic_hook::set_once();
    let window = web_sys::window();
    let root = window.and_then(|window| window.document()?.get_element_by_id("app"));
    match root {
        Some(root) => yew::Renderer::<App>::with_root(root).render(),
        None => yew::Renderer::<App>::new().render(),
    };
}
