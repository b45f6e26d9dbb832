//! A page of somebody's own classifier (`clipwright site`): it opens with their classes
//! and files, and keeps to them where there is no text encoder.

use clipwright_shared::protocol::SiteInfo;

use super::{Action, SampleList, State, Tab};

/// Tabs that need no text encoder.
const WITHOUT_TEXT: [Tab; 3] = [Tab::Classify, Tab::Patches, Tab::Augment];

impl State {
    /// Whether classes and prompts are the site's own and cannot be changed.
    pub fn is_fixed(&self) -> bool {
        self.site.as_ref().is_some_and(|site| !site.has_text)
    }

    /// The tabs that there are.
    pub fn tabs(&self) -> &'static [Tab] {
        match self.is_fixed() {
            true => &WITHOUT_TEXT,
            false => &Tab::ALL,
        }
    }

    /// What a link of another page, or a key, asks for in vain here.
    pub(super) fn is_forbidden(&self, action: &Action) -> bool {
        match action {
            Action::ClassesAdded(_)
            | Action::ClassRemoved(_)
            | Action::ClassesReplaced(_)
            | Action::Words(_)
            | Action::TemplateChanged(..) => self.is_fixed(),
            Action::TabChosen(tab) => !self.tabs().contains(tab),
            _ => false,
        }
    }

    pub(super) fn site_opened(&mut self, site: SiteInfo) {
        // What the page opens with: a link says what differs from it.
        self.samples = Some(SampleList {
            classes: site.class_names.clone(),
            template: site.templates.first().cloned().unwrap_or_default(),
            samples: Vec::new(),
        });
        self.class_names = site.class_names.clone();
        self.templates = site.templates.clone();
        self.site = Some(site);
        self.keep_to_site();
    }

    /// Takes back what a link has changed and must not.
    pub(super) fn keep_to_site(&mut self) {
        let Some(site) = self.site.as_ref().filter(|site| !site.has_text) else {
            return;
        };
        self.class_names.clone_from(&site.class_names);
        self.templates.clone_from(&site.templates);
        if !self.tabs().contains(&self.tab) {
            self.tab = Tab::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clipwright_shared::protocol::SiteModel;

    fn opened(has_text: bool) -> State {
        let mut state = State::default();
        state.apply(Action::SiteOpened(SiteInfo {
            title: "cat or dog?".into(),
            class_names: vec!["cat".into(), "dog".into()],
            templates: vec!["a {}".into(), "the {}".into()],
            has_text,
            model: SiteModel {
                name: "tiny".into(),
                file: "site/model.safetensors".into(),
                bytes: 1,
            },
            learned: Vec::new(),
        }));
        state
    }

    #[test]
    fn a_site_without_text_keeps_to_its_classes() {
        let mut state = opened(false);
        for action in [
            Action::ClassesAdded("bird".into()),
            Action::ClassRemoved(0),
            Action::ClassesReplaced(vec!["bird".into(), "fish".into()]),
            Action::TemplateChanged(0, "a photo of a {}".into()),
            Action::TabChosen(Tab::Train),
            Action::TabChosen(Tab::Tune),
        ] {
            let before = state.clone();
            state.apply(action.clone());
            assert!(state == before, "{action:?}");
        }
        let link = "classes=bird,fish&tab=train";
        state.apply(Action::SetUpArrived(crate::share::read(link)));
        assert_eq!(state.class_names, ["cat", "dog"]);
        assert_eq!(state.tab, Tab::Classify);
        state.apply(Action::TabChosen(Tab::Patches));
        assert_eq!(state.tab, Tab::Patches);
    }

    #[test]
    fn a_site_with_text_only_opens_with_its_classes() {
        let mut state = opened(true);
        assert_eq!(state.templates, ["a {}", "the {}"]);
        assert_eq!(state.tabs(), Tab::ALL);
        state.apply(Action::ClassesAdded("bird".into()));
        state.apply(Action::TabChosen(Tab::Train));
        assert_eq!(state.class_names, ["cat", "dog", "bird"]);
        assert_eq!(state.tab, Tab::Train);
    }
}
