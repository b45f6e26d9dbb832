//! Views of the image as two tabs show them: what each says, which of them are
//! trusted, and what that comes to. Pure arithmetic on what the worker answered, so
//! that it follows a slider at once.

use clipwright_shared::protocol::{Answer, LearnedInfo, Request, ViewsAnswer, ViewsRequest};
use clipwright_shared::tuning::{Augmenter, ViewKind, kept_of, most_confident};
use clipwright_shared::views::CropBox;

use super::{Asker, Inquiry, LearnedStage, SourceId, State, Task};

/// An answer about views, with the question that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShownViews<'a> {
    pub request: &'a ViewsRequest,
    pub answer: &'a ViewsAnswer,
    pub pixels: Option<SourceId>,
    /// The image that they are of.
    pub image: Option<SourceId>,
    pub milliseconds: f64,
}

/// A part of the image and how probable a class is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heat {
    pub part: CropBox,
    pub probability: f32,
}

impl<'a> ShownViews<'a> {
    /// The newest views, to whatever question.
    pub fn of(inquiry: &'a Inquiry) -> Option<Self> {
        let (task, answered) = (inquiry.answered_task()?, inquiry.answered()?);
        let (Request::Views(request), Answer::Views(answer)) = (&task.request, &answered.answer)
        else {
            return None;
        };
        Some(Self {
            request,
            answer,
            pixels: answered.pixels,
            image: task.files.first().map(|file| file.source),
            milliseconds: answered.milliseconds,
        })
    }

    pub fn class_names(&self) -> &'a [String] {
        &self.request.prompts.class_names
    }

    /// The classes of a distribution with their probabilities, most probable first.
    pub fn ranked(&self, probabilities: &[f32]) -> Vec<(&'a str, f32)> {
        let names = self.class_names().iter().map(String::as_str);
        let mut ranked: Vec<(&str, f32)> = names.zip(probabilities.iter().copied()).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }

    /// The class that a view finds most probable, of equal ones the first.
    pub fn top(&self, at: usize) -> Option<(&'a str, f32)> {
        self.ranked(self.probabilities(at)).first().copied()
    }

    /// What a view says, class by class.
    pub fn probabilities(&self, at: usize) -> &'a [f32] {
        let view = self.answer.views.get(at);
        view.map_or(&[], |view| &view.probabilities)
    }

    /// The most confident share of the views, lowest entropy first: as many as test-time
    /// tuning would keep, and one at least.
    pub fn trusted(&self, share: f64) -> Vec<usize> {
        let entropies = self.entropies();
        let kept = kept_of(entropies.len(), share).max(1);
        most_confident(&entropies, kept)
    }

    /// All views, the most confident first.
    pub fn by_entropy(&self) -> Vec<usize> {
        let entropies = self.entropies();
        most_confident(&entropies, entropies.len())
    }

    fn entropies(&self) -> Vec<f32> {
        let views = self.answer.views.iter();
        views.map(|view| view.entropy).collect()
    }

    /// The mean of what these views say, class by class.
    pub fn mean(&self, views: &[usize]) -> Vec<f32> {
        let probability = |at: usize, class: usize| {
            let probability = self.probabilities(at).get(class).copied();
            f64::from(probability.unwrap_or_default())
        };
        let count = views.len().max(1) as f64;
        let classes = 0..self.class_names().len();
        let mean = classes.map(|class| {
            let sum: f64 = views.iter().map(|at| probability(*at, class)).sum();
            (sum / count) as f32
        });
        mean.collect()
    }

    /// How many patches lie along each side of the image.
    pub fn grid(&self) -> usize {
        let views = self.answer.views.iter();
        let patches = views.filter(|view| matches!(view.kind, ViewKind::Patch { .. }));
        patches.count().isqrt()
    }

    /// The cell of the grid that patch `at` stands in, without what it reaches over.
    pub fn cell(&self, at: usize) -> Option<CropBox> {
        let (grid, at) = (self.grid(), at.checked_sub(1)?);
        if at >= grid * grid {
            return None;
        }
        let (row, column) = ((at / grid) as u32, (at % grid) as u32);
        let grid = grid as u32;
        let (width, height) = (self.answer.width / grid, self.answer.height / grid);
        Some(CropBox {
            left: column * width,
            top: row * height,
            width,
            height,
        })
    }

    /// How probable `class` is over the image: in each part, the mean of the patches
    /// that cover it. Parts that no patch covers are left out.
    pub fn heat(&self, class: usize) -> Vec<Heat> {
        let views = self.answer.views.iter();
        let patches: Vec<(CropBox, f32)> = views
            .filter(|view| matches!(view.kind, ViewKind::Patch { .. }))
            .filter_map(|view| Some((view.source, *view.probabilities.get(class)?)))
            .collect();
        let boxes = || patches.iter().map(|(part, _)| part);
        let across = edges(boxes().map(|part| (part.left, part.width)));
        let down = edges(boxes().map(|part| (part.top, part.height)));
        let mut heat = Vec::new();
        for rows in down.windows(2) {
            for columns in across.windows(2) {
                let part = CropBox {
                    left: columns[0],
                    top: rows[0],
                    width: columns[1] - columns[0],
                    height: rows[1] - rows[0],
                };
                let covering = patches.iter().filter(|(patch, _)| covers(patch, &part));
                let (count, sum) = covering.fold((0, 0.0), |(count, sum), (_, probability)| {
                    (count + 1, sum + f64::from(*probability))
                });
                if count > 0 {
                    let probability = (sum / f64::from(count)) as f32;
                    heat.push(Heat { part, probability });
                }
            }
        }
        heat
    }
}

/// Where boxes begin and end along one side, each place once, in order.
fn edges(spans: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
    let ends = spans.flat_map(|(first, length)| [first, first.saturating_add(length)]);
    let mut ends: Vec<u32> = ends.collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

fn covers(patch: &CropBox, part: &CropBox) -> bool {
    let along =
        |first: u32, length: u32, at: u32| (first..first.saturating_add(length)).contains(&at);
    along(patch.left, patch.width, part.left) && along(patch.top, patch.height, part.top)
}

impl State {
    /// The learned file `name`, if it can be asked; else zero-shot is.
    pub fn learner_asked(&self, name: Option<&str>) -> Option<&LearnedInfo> {
        let name = name?;
        self.learners_open().find(|info| info.name == name)
    }

    /// The learned files that can be asked.
    pub fn learners_open(&self) -> impl Iterator<Item = &LearnedInfo> {
        let learned = self.learned.iter();
        let open = learned.filter(|learned| learned.stage == LearnedStage::Open);
        open.filter_map(|learned| learned.info.as_ref())
    }

    /// A question about views of the image.
    pub(super) fn views_question(
        &self,
        asker: Asker,
        augmenter: Augmenter,
        seed: u64,
        learned: Option<&str>,
    ) -> Option<Task> {
        let learned = self.learner_asked(learned).map(|info| info.name.clone());
        let request = ViewsRequest {
            augmenter,
            seed,
            learned,
            prompts: self.prompts(),
        };
        self.about_the_image(asker, Request::Views(request))
    }
}
