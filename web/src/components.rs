//! What the page looks like. Components render the state and name actions;
//! they decide nothing.

mod app;
mod augment;
mod bar;
mod batch;
mod camera;
mod card;
mod class_panel;
mod device_line;
mod drop_overlay;
mod file_input;
mod header;
mod image_panel;
mod invitation;
mod learned;
mod learned_row;
mod learner_card;
mod model_picker;
mod model_status;
mod notices;
mod offline_status;
mod patches;
mod point_map;
mod problem_box;
mod prompt_line;
mod prompt_panel;
mod raster;
mod results;
mod share_button;
mod skeleton;
mod slider;
mod tabs;
mod theme_button;
mod tour;
mod train;
mod tune;
mod views;
mod work_strip;

pub use app::App;

use clipwright_shared::learners::Method;

/// What styles and tests know a method by.
fn method_key(method: Method) -> &'static str {
    match method {
        Method::ZeroShot => "zero_shot",
        Method::LinearProbe => "linear_probe",
        Method::Coop => "coop",
        Method::CoCoOp => "cocoop",
        Method::Lora => "lora",
    }
}

/// A method's name as a title.
fn method_title(method: Method) -> &'static str {
    match method {
        Method::ZeroShot => "Zero-shot",
        Method::LinearProbe => "Linear probe",
        learned => learned.title(),
    }
}
