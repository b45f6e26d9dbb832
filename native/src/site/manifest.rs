//! The page's web app manifest with a site's own name, for those who install it.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Described;

/// Its file, beside `index.html`.
pub const MANIFEST: &str = "manifest.webmanifest";

/// The manifest with the site's title and description.
///
/// # Errors
/// If `manifest` is no JSON object.
pub fn described_manifest(manifest: &str, by: &Described<'_>) -> Result<String> {
    let context = || format!("the built page's {MANIFEST} is not a JSON object");
    let mut manifest: serde_json::Map<String, Value> =
        serde_json::from_str(manifest).with_context(context)?;
    for (key, text) in [
        ("name", by.title),
        ("short_name", by.title),
        ("description", by.description),
    ] {
        manifest.insert(key.into(), text.into());
    }
    Ok(serde_json::to_string_pretty(&manifest)? + "\n")
}
