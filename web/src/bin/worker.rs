//! The worker's side: answers requests until the page ends it.

fn main() {
    console_error_panic_hook::set_once();
    clipwright_web::worker::run();
}
