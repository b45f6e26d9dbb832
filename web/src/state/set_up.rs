//! What of the state a link holds, and a link's set-up put up.

mod settings;

use settings::SETTINGS;

use super::{Learned, LearnedStage, Problem, State, Tab};
use crate::share::{Reading, SetUp};

impl State {
    /// What differs from how the page opens. The image is named if it is a sample; what
    /// is a person's own stays on the device.
    pub fn set_up(&self) -> SetUp {
        let fresh = Self::default();
        let presets = self.samples.as_ref();
        let is_preset = presets.is_some_and(|list| list.classes == self.class_names);
        let site = self.site.as_ref();
        let template_is_preset = match presets {
            _ if site.is_some_and(|site| site.templates == self.templates) => true,
            Some(list) => self.templates == [list.template.as_str()],
            None => self.templates == fresh.templates,
        };
        let sample = self.image.as_ref().and_then(|image| image.sample);
        let settings = SETTINGS.iter().filter_map(|setting| {
            let value = (setting.get)(self);
            (value != (setting.get)(&fresh)).then(|| (setting.key.to_string(), value))
        });
        let of_site = |name: &str| {
            let mut learned = site.iter().flat_map(|site| &site.learned);
            learned.any(|learned| learned.name == name)
        };
        // What could not be opened is nobody's set-up.
        let is_usable = |learned: &&Learned| !matches!(learned.stage, LearnedStage::Refused(_));
        let learned = self.learned.iter().filter(is_usable);
        let learned = learned.map(|learned| &learned.file.name);
        SetUp {
            tab: (self.tab != Tab::default()).then_some(self.tab),
            sample: sample.filter(|sample| *sample > 0),
            class_names: match is_preset {
                true => Vec::new(),
                false => self.class_names.clone(),
            },
            templates: match template_is_preset {
                true => Vec::new(),
                false => self.templates.clone(),
            },
            learned: learned.filter(|name| !of_site(name)).cloned().collect(),
            settings: settings.collect(),
        }
    }

    /// Puts up what a link holds, and says what could not be.
    pub(super) fn set_up_arrived(&mut self, reading: Reading) {
        let Reading {
            set_up,
            mut refused,
        } = reading;
        if let Some(tab) = set_up.tab {
            self.tab = tab;
        }
        if !set_up.class_names.is_empty() {
            self.class_names.clear();
            for name in &set_up.class_names {
                self.class_added(name);
            }
        }
        if !set_up.templates.is_empty() {
            self.templates = set_up.templates;
        }
        for (key, value) in &set_up.settings {
            let setting = SETTINGS.iter().find(|setting| setting.key == key);
            // Settings of other times are no fault of this link.
            if setting.is_some_and(|setting| !(setting.set)(self, value)) {
                refused.push(format!("{key} cannot be “{value}”"));
            }
        }
        let is_here = |name: &&String| self.learned.iter().any(|one| one.file.name == **name);
        let missing = set_up.learned.iter().filter(|name| !is_here(name));
        let missing: Vec<&str> = missing.map(String::as_str).collect();
        let absent = missing.join(", ");
        let (message, hint) = match (refused.is_empty(), missing.is_empty()) {
            (true, true) => return,
            (true, false) => (
                format!("this set-up used learned files: {absent}"),
                "files do not travel in a link: drop them in if you have them",
            ),
            (false, true) => (
                format!("parts of the link were left out: {}", refused.join("; ")),
                "everything else in it is set up",
            ),
            (false, false) => (
                format!(
                    "parts of the link were left out: {}; and it used learned files: {absent}",
                    refused.join("; ")
                ),
                "everything else in it is set up; drop the learned files in if you have them",
            ),
        };
        self.notice = Some(Problem::new(message, hint));
    }
}

#[cfg(test)]
mod tests;
