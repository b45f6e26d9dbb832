//! Views in words.

use clipwright_shared::protocol::ViewOfImage;
use clipwright_shared::tuning::ViewKind;
use clipwright_shared::views::augmix::{AugMixDraw, Operation};

use crate::format::{count, duration, percent};
use crate::state::ShownViews;

/// What a view shows, as a title and what was done to it.
pub fn described(view: &ViewOfImage, grid: usize) -> (String, String) {
    let title = match view.kind {
        ViewKind::Image => "Whole image".to_string(),
        other => {
            let label = other.label();
            let mut letters = label.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    };
    let mut done = Vec::new();
    match view.kind {
        ViewKind::Image => done.push("as CLIP sees it".to_string()),
        ViewKind::Patch { patch } if grid > 0 => {
            let (row, column) = ((patch - 1) / grid + 1, (patch - 1) % grid + 1);
            done.push(format!("row {row}, column {column}"));
        }
        _ => {}
    }
    let part = view.source;
    if !matches!(view.kind, ViewKind::Image) {
        done.push(format!("{} × {} pixels", part.width, part.height));
    }
    if view.is_flipped {
        done.push("flipped".into());
    }
    if let Some(draw) = &view.mixed {
        done.push(mixture(draw));
    }
    (title, done.join(", "))
}

/// `mixed of 40 % as it is; 30 % turned, then equalised`, without what would round to
/// nothing.
fn mixture(draw: &AugMixDraw) -> String {
    let whole = |share: f32| format!("{:.0}\u{202f}%", 100.0 * share);
    let mut parts = vec![format!("{} as it is", whole(draw.original))];
    for (chain, weight) in draw.chains.iter().zip(&draw.weights) {
        let share = weight * draw.changed;
        if share >= 0.005 {
            let steps = chain.iter().map(|(operation, _)| in_words(*operation));
            let steps = steps.collect::<Vec<_>>().join(", then ");
            parts.push(format!("{} {steps}", whole(share)));
        }
    }
    format!("mixed of {}", parts.join("; "))
}

fn in_words(operation: Operation) -> &'static str {
    match operation {
        Operation::ShearX => "sheared across",
        Operation::ShearY => "sheared down",
        Operation::TranslateX => "moved across",
        Operation::TranslateY => "moved down",
        Operation::Rotate => "turned",
        Operation::Posterize => "posterised",
        Operation::Solarize => "solarised",
        Operation::AutoContrast => "contrast stretched",
        Operation::Equalize => "equalised",
        Operation::Brightness => "brightness changed",
        Operation::Color => "colour changed",
        Operation::Contrast => "contrast changed",
        Operation::Sharpness => "sharpness changed",
    }
}

/// What entropy is, for so many classes.
pub fn entropy_help(classes: usize) -> String {
    let guess = (classes.max(1) as f32).ln();
    format!(
        "H, the entropy, says how undecided a prediction is, in nats: 0 is certain, {guess:.2} a \
         blind guess."
    )
}

/// `17 views in 212 ms`.
pub fn finished(shown: &ShownViews<'_>) -> String {
    let views = count(shown.answer.views.len(), "view", "views");
    format!("{views} in {}", duration(shown.milliseconds))
}

/// The answer in a sentence, for those who hear it.
pub fn spoken(shown: &ShownViews<'_>, trusted: usize) -> Option<String> {
    let (class, probability) = shown.top(0)?;
    let views = count(shown.answer.views.len(), "view", "views");
    let marked = match trusted {
        1 => "the most confident one is".to_string(),
        several => format!("the {several} most confident are"),
    };
    Some(format!(
        "{views}. The whole image: {class}, {}. Of all views {marked} marked.",
        percent(probability)
    ))
}

#[cfg(test)]
mod tests {
    use clipwright_shared::protocol::ViewOfImage;
    use clipwright_shared::tuning::ViewKind;
    use clipwright_shared::views::CropBox;
    use clipwright_shared::views::augmix::{AugMixDraw, Operation};

    use super::described;

    fn view(kind: ViewKind) -> ViewOfImage {
        ViewOfImage {
            kind,
            source: CropBox::of_size(40, 30),
            is_flipped: false,
            mixed: None,
            entropy: 0.0,
            probabilities: Vec::new(),
        }
    }

    #[test]
    fn views_are_told_in_words() {
        for (kind, title, done) in [
            (ViewKind::Image, "Whole image", "as CLIP sees it"),
            (
                ViewKind::Patch { patch: 5 },
                "Patch 5",
                "row 2, column 1, 40 × 30 pixels",
            ),
            (ViewKind::Crop { crop: 2 }, "Crop 2", "40 × 30 pixels"),
        ] {
            let got = described(&view(kind), 4);
            assert_eq!(got, (title.to_string(), done.to_string()));
        }
    }

    #[test]
    fn a_mixture_names_its_shares() {
        let mixed = ViewOfImage {
            is_flipped: true,
            mixed: Some(AugMixDraw {
                original: 0.4,
                changed: 0.6,
                weights: vec![0.5, 0.499, 0.001],
                chains: vec![
                    vec![(Operation::Rotate, 3.0), (Operation::Equalize, 0.0)],
                    vec![(Operation::ShearX, 0.1)],
                    vec![(Operation::ShearY, 0.1)],
                ],
            }),
            ..view(ViewKind::Crop { crop: 1 })
        };
        let expected = "40 × 30 pixels, flipped, mixed of 40\u{202f}% as it is; \
                        30\u{202f}% turned, then equalised; 30\u{202f}% sheared across";
        assert_eq!(described(&mixed, 0).1, expected);
    }
}
