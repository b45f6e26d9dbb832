//! Few-shot draws (KaiyangZhou/Dassl.pytorch `generate_fewshot_dataset`).

use super::python_random::PythonRandom;

/// Indices of `shots` items of each class, classes in the order they first
/// appear in `labels`. A class with fewer items gives all it has, or, with
/// `repeat`, draws with replacement.
pub fn draw(labels: &[usize], shots: usize, repeat: bool, random: &mut PythonRandom) -> Vec<usize> {
    let mut classes: Vec<(usize, Vec<usize>)> = Vec::new();
    for (index, &label) in labels.iter().enumerate() {
        match classes.iter_mut().find(|(class, _)| *class == label) {
            Some((_, items)) => items.push(index),
            None => classes.push((label, vec![index])),
        }
    }
    let mut drawn = Vec::with_capacity(classes.len() * shots);
    for (_, items) in classes {
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
    use super::PythonRandom;

    #[test]
    fn draws_are_cpythons() {
        let mut random = PythonRandom::new(1);
        assert_eq!(random.sample(100, 5), [17, 72, 97, 8, 32]);
        assert_eq!(random.sample(10, 4), [1, 7, 8, 3]);
    }
}
