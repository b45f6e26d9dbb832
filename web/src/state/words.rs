//! Class names and templates as a person edits them.

use clipwright_shared::learners::{DEFAULT_TEMPLATE, IMAGENET_TEMPLATES_SELECT};

use super::State;
use crate::share::MOST_TEMPLATES;

/// What a person does with class names and templates, beside adding and removing.
#[derive(Debug, Clone, PartialEq)]
pub enum WordsAction {
    ClassRenamed {
        at: usize,
        name: String,
    },
    /// The class at this place goes to another.
    ClassMoved {
        at: usize,
        to: usize,
    },
    /// The class names of a data set, and the template that goes with them.
    PresetChosen {
        class_names: Vec<String>,
        template: String,
    },
    /// One more, to be averaged with the others.
    TemplateAdded,
    TemplateRemoved(usize),
    /// Seven of ImageNet's templates, and the first one of the page.
    EnsembleChosen,
    /// The first template alone.
    EnsembleLeft,
}

impl State {
    pub(super) fn words_did(&mut self, action: WordsAction) {
        match action {
            WordsAction::ClassRenamed { at, name } => self.class_renamed(at, name.trim()),
            WordsAction::ClassMoved { at, to } => {
                let count = self.class_names.len();
                if at < count && to < count {
                    let name = self.class_names.remove(at);
                    self.class_names.insert(to, name);
                }
            }
            WordsAction::PresetChosen {
                class_names,
                template,
            } => {
                self.class_names.clear();
                for name in &class_names {
                    self.class_added(name);
                }
                self.templates = vec![template];
            }
            WordsAction::TemplateAdded => {
                if self.templates.len() < MOST_TEMPLATES {
                    let fresh = [DEFAULT_TEMPLATE]
                        .into_iter()
                        .chain(IMAGENET_TEMPLATES_SELECT);
                    let mut fresh = fresh.filter(|template| !self.has_template(template));
                    let template = fresh.next().unwrap_or(DEFAULT_TEMPLATE).to_string();
                    self.templates.push(template);
                }
            }
            WordsAction::TemplateRemoved(at) => {
                if self.templates.len() > 1 && at < self.templates.len() {
                    self.templates.remove(at);
                }
            }
            WordsAction::EnsembleChosen => {
                self.templates.truncate(1);
                for template in IMAGENET_TEMPLATES_SELECT {
                    if !self.has_template(template) {
                        self.templates.push(template.into());
                    }
                }
            }
            WordsAction::EnsembleLeft => self.templates.truncate(1),
        }
    }

    /// An empty name, or one that is there already, changes nothing.
    fn class_renamed(&mut self, at: usize, name: &str) {
        let is_known = self.class_names.iter().any(|known| known == name);
        if let Some(old) = self.class_names.get_mut(at)
            && !name.is_empty()
            && !is_known
        {
            *old = name.into();
        }
    }

    fn has_template(&self, template: &str) -> bool {
        self.templates.iter().any(|known| known == template)
    }
}
