//! The guided tour: steps that each point at the real thing.

use super::{State, Tab};

/// A stop of the tour.
#[derive(Debug, PartialEq)]
pub struct Step {
    pub title: &'static str,
    pub text: &'static str,
    /// What to try there.
    pub task: &'static str,
    /// The tab that it is about.
    pub tab: Tab,
    /// What is pointed at: the first of these selectors whose element can be seen.
    pub targets: &'static [&'static str],
    /// Templates to compare at a touch.
    pub templates: &'static [&'static str],
}

pub const STEPS: [Step; 9] = [
    Step {
        title: "What CLIP compares",
        text: "CLIP turns the image into a list of numbers, and each class name, as part of a \
               sentence, into another. The closer two lists point the same way, the longer the bar.",
        task: "Choose another sample image and watch the bars.",
        tab: Tab::Classify,
        targets: &["[data-testid=learner-card]", "#room"],
        templates: &[],
    },
    Step {
        title: "The classes are only words",
        text: "Nothing was trained for these class names. Any words will do, and the shares are \
               always among those that stand here.",
        task: "Add a class of your own and see what it takes from the others.",
        tab: Tab::Classify,
        targets: &[
            "[aria-labelledby=classes-title]",
            "[data-testid=class-input]",
        ],
        templates: &[],
    },
    Step {
        title: "The words around them matter",
        text: "The template is the sentence that each name is put into. The image stays the same, \
               and still the answer moves with the words.",
        task: "Compare the name alone with a whole sentence:",
        tab: Tab::Classify,
        targets: &[
            "[data-testid=template-input]",
            "[aria-labelledby=prompts-title]",
        ],
        templates: &["{}", "a picture of a {}.", "a blurry drawing of the {}"],
    },
    Step {
        title: "A prompt can be learned",
        text: "CoOp puts vectors in the place of the words and learns them from a few photos: the \
               coloured pills. They need not mean anything that can be said. CoCoOp moves them \
               with each image.",
        task: "Add a learned file, or learn one here, a few steps on.",
        tab: Tab::Classify,
        targets: &[
            ".learned-files:not(:empty)",
            ".add",
            "[aria-labelledby=prompts-title]",
        ],
        templates: &[],
    },
    Step {
        title: "Looking at parts",
        text: "Cut into patches, the image is asked about part by part. Where a part shows what \
               matters the answer is sure: its entropy is low.",
        task: "Change the grid, and find the patch that gives the class away.",
        tab: Tab::Patches,
        targets: &["#room"],
        templates: &[],
    },
    Step {
        title: "Many looks at one image",
        text: "Random crops, flips and mixtures are other looks at the same thing. Entropy says \
               how undecided each answer is; only the most decided looks are kept.",
        task: "Make the changes stronger, and see entropy rise.",
        tab: Tab::Augment,
        targets: &["#room"],
        templates: &[],
    },
    Step {
        title: "Tuning on the image itself",
        text: "Test-time tuning moves the prompt a little, for this image alone, until the kept \
               looks agree. No label is needed.",
        task: "Run it, and compare the bars before and after.",
        tab: Tab::Tune,
        targets: &["#room"],
        templates: &[],
    },
    Step {
        title: "Teaching with a few photos",
        text: "Here a prompt is learned in the page: a few photos of each class, and only the \
               context vectors move. The model itself stays as it is.",
        task: "Give two classes a few photos each, and follow the curves.",
        tab: Tab::Train,
        targets: &["#room"],
        templates: &[],
    },
    Step {
        title: "What was learned",
        text: "The nearest words of each vector, how alike the classes' prompts are, and a map of \
               images and prompts: what learning changed, made visible.",
        task: "Keep the file that you learned: other programs read it too.",
        tab: Tab::Learned,
        targets: &["#room"],
        templates: &[],
    },
];

/// Where the tour is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tour {
    at: Option<usize>,
    /// The templates from before the tour tried others.
    before: Option<Vec<String>>,
}

/// What a person does with the tour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TourAction {
    Start,
    Next,
    Back,
    Close,
    /// Tries the step's template at this place.
    Try(usize),
}

impl Tour {
    /// The number of the step, from 0, and the step; none outside of the tour.
    pub fn step(&self) -> Option<(usize, &'static Step)> {
        let at = self.at?;
        Some((at, STEPS.get(at)?))
    }
}

impl State {
    pub(super) fn tour_did(&mut self, action: TourAction) {
        let at = self.tour.at;
        match action {
            TourAction::Start => self.tour_stands_at(0),
            TourAction::Next => match at {
                Some(at) if at + 1 < STEPS.len() => self.tour_stands_at(at + 1),
                Some(_) => self.tour_ends(),
                None => {}
            },
            TourAction::Back => {
                if let Some(before) = at.and_then(|at| at.checked_sub(1)) {
                    self.tour_stands_at(before);
                }
            }
            TourAction::Close => self.tour_ends(),
            TourAction::Try(index) => {
                let step = self.tour.step();
                if let Some(template) = step.and_then(|(_, step)| step.templates.get(index)) {
                    let tried = vec![template.to_string()];
                    let before = std::mem::replace(&mut self.templates, tried);
                    self.tour.before.get_or_insert(before);
                }
            }
        }
    }

    fn tour_stands_at(&mut self, at: usize) {
        self.tour.at = Some(at);
        self.tab = STEPS[at].tab;
    }

    /// A template that only the tour put there goes with it.
    fn tour_ends(&mut self) {
        self.tour.at = None;
        let tried = |step: &Step| {
            step.templates
                .iter()
                .any(|tried| self.templates == [*tried])
        };
        let is_tried = STEPS.iter().any(tried);
        if let Some(before) = self.tour.before.take()
            && is_tried
        {
            self.templates = before;
        }
    }
}

#[cfg(test)]
mod tests;
