//! What is known of the device that computes.

use js_sys::Reflect;

/// What a browser tells.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DeviceFacts {
    pub cores: Option<f64>,
    /// In GiB, rounded by the browser; some do not tell.
    pub memory: Option<f64>,
}

/// Asks the browser.
pub fn device_facts() -> DeviceFacts {
    let Some(window) = web_sys::window() else {
        return DeviceFacts::default();
    };
    let fact = |name: &str| {
        let value = Reflect::get(&window.navigator(), &name.into()).ok()?;
        value.as_f64().filter(|value| *value > 0.0)
    };
    DeviceFacts {
        cores: fact("hardwareConcurrency"),
        memory: fact("deviceMemory"),
    }
}
