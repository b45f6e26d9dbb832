//! Few-shot draws (KaiyangZhou/Dassl.pytorch `generate_fewshot_dataset`).

use std::collections::HashMap;

use super::Item;
use super::python_random::PythonRandom;

/// What a run learns from and validates on, labels counted from 0 within the
/// classes that take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FewShot {
    pub train: Vec<Item>,
    /// At most four images of each class, if shots are drawn at all.
    pub val: Vec<Item>,
}

/// Most validation images of a class in a few-shot draw.
pub const MOST_VALIDATION_SHOTS: usize = 4;

/// Indices of `shots` items of each class, classes in the order they first
/// appear in `labels`. A class with fewer items gives all it has, or, with
/// `repeat`, draws with replacement.
pub fn draw(labels: &[usize], shots: usize, repeat: bool, random: &mut PythonRandom) -> Vec<usize> {
    let mut place_of = HashMap::new();
    let mut classes: Vec<Vec<usize>> = Vec::new();
    for (index, &label) in labels.iter().enumerate() {
        let place = *place_of.entry(label).or_insert(classes.len());
        if place == classes.len() {
            classes.push(Vec::new());
        }
        classes[place].push(index);
    }
    let mut drawn = Vec::new();
    for items in classes {
        let picks = match (items.len() >= shots, repeat) {
            (true, _) => random.sample(items.len(), shots),
            (false, true) => random.choices(items.len(), shots),
            (false, false) => (0..items.len()).collect(),
        };
        drawn.extend(picks.into_iter().map(|pick| items[pick]));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::super::python_random::PythonRandom;
    use super::draw;

    #[test]
    fn draws_are_cpythons() {
        let mut random = PythonRandom::new(1);
        assert_eq!(random.sample(100, 5), [17, 72, 97, 8, 32]);
        assert_eq!(random.sample(10, 4), [1, 7, 8, 3]);
    }

    /// 1.28 million labels of 1000 classes, as ImageNet has them: the time must
    /// not grow with images × classes.
    #[test]
    fn as_many_images_as_imagenets_are_drawn_in_no_time() {
        let labels: Vec<usize> = (0..1_280_000).map(|index| index / 1280).collect();
        let start = std::time::Instant::now();
        let drawn = draw(&labels, 16, false, &mut PythonRandom::new(1));
        assert_eq!(drawn.len(), 16_000);
        assert!(
            drawn
                .chunks(16)
                .enumerate()
                .all(|(class, picks)| { picks.iter().all(|&pick| labels[pick] == class) })
        );
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    }
}
