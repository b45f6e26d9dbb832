//! What a page says of itself that somebody made of their own classifier with
//! `clipwright site`: the file `site.json` beside it.

use serde::{Deserialize, Serialize};

use crate::learners::Method;

/// Name of the file, beside `index.html`.
pub const SITE_FILE: &str = "site.json";
/// Name of the `meta` element of `index.html` whose content is the file's address. A page
/// without it is the ordinary one and asks for nothing.
pub const SITE_META: &str = "clipwright-site";

/// A classifier's own page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteInfo {
    pub title: String,
    /// The classes that it tells apart; without a text encoder it knows no others.
    pub class_names: Vec<String>,
    /// What zero-shot is asked with, `{}` for the class name; several are an ensemble.
    pub templates: Vec<String>,
    /// Whether the text encoder is there, so that class names and prompts can be changed.
    pub has_text: bool,
    pub model: SiteModel,
    pub learned: Vec<SiteLearned>,
}

/// The model of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteModel {
    /// Shown to people.
    pub name: String,
    /// Its address, relative to the page.
    pub file: String,
    pub bytes: u64,
}

/// One learner of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SiteLearned {
    /// Shown to people; no two are the same.
    pub name: String,
    pub method: Method,
    /// Its address, relative to the page.
    pub file: String,
    pub bytes: u64,
}
