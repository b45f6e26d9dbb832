//! Captions: what someone might write under a scene.
//!
//! A caption is true but need not be complete: it drops words, and at times says an unusual word
//! for a usual one. So the model learns each word by itself, and meets every word that names a
//! class of either domain.

use rand::Rng;

use super::composition::Composition;
use super::scene::Scene;
use super::words::Texture;

/// One caption of many that fit `scene`.
pub fn caption(scene: &Scene, rng: &mut impl Rng) -> String {
    let thing = phrase(scene.composition, rng);
    let size = pick(rng, scene.size.name(), scene.size.synonyms());
    let place = pick(rng, scene.position.name(), scene.position.synonyms());
    let ground = pick(rng, scene.background.name(), scene.background.synonyms());
    // The article stays "a" before a vowel, because prompts put class names after "a" too.
    match rng.random_range(0..12_u32) {
        0..3 => format!("a photo of a {thing}."),
        3 => format!("a {thing}."),
        4 => thing,
        5 => format!("a picture of the {thing}."),
        6 => format!("this is a {thing}."),
        7 => format!("a {thing} {ground}."),
        8 => format!("a photo of a {thing} {ground}."),
        9 => format!("a {size} {thing} {place}."),
        10 => format!("a photo of a {size} {thing}."),
        _ => format!("a {thing} {place}."),
    }
}

/// The composition with words dropped and swapped: `striped heart`, `red thing`, `heart`.
fn phrase(composition: Composition, rng: &mut impl Rng) -> String {
    let Composition {
        shape,
        colour,
        texture,
    } = composition;
    // Plainness often goes without saying, yet it is a class word, so it is said more than not.
    let texture_dropped = if texture == Texture::Plain { 0.3 } else { 0.15 };
    let mut words = Vec::with_capacity(3);
    if !rng.random_bool(0.15) {
        words.push(pick(rng, colour.name(), colour.synonyms()));
    }
    if !rng.random_bool(texture_dropped) {
        words.push(pick(rng, texture.name(), texture.synonyms()));
    }
    if rng.random_bool(0.05) {
        words.push("thing");
    } else {
        words.push(pick(rng, shape.name(), shape.synonyms()));
    }
    words.join(" ")
}

/// The usual word nine times in ten, else one of the unusual ones.
fn pick(rng: &mut impl Rng, name: &'static str, synonyms: &[&'static str]) -> &'static str {
    if rng.random_bool(0.1) {
        synonyms[rng.random_range(0..synonyms.len())]
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::super::words::{Colour, Shape};
    use super::*;

    fn captions(composition: Composition, count: usize) -> Vec<String> {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let scene = Scene::sample(&mut rng, composition);
        (0..count).map(|_| caption(&scene, &mut rng)).collect()
    }

    fn share(captions: &[String], keep: impl Fn(&str) -> bool) -> f64 {
        captions.iter().filter(|caption| keep(caption)).count() as f64 / captions.len() as f64
    }

    #[test]
    fn captions_say_the_words_most_of_the_time() {
        for texture in Texture::ALL {
            let composition = Composition {
                shape: Shape::Heart,
                colour: Colour::Red,
                texture,
            };
            let captions = captions(composition, 4_000);
            let check = |words: &[&str], range: std::ops::Range<f64>| {
                let share = share(&captions, |caption| {
                    caption.split([' ', '.']).any(|word| words.contains(&word))
                });
                assert!(
                    range.contains(&share),
                    "{words:?} in {share} of the captions"
                );
            };
            check(&["red", "scarlet", "crimson"], 0.82..0.88);
            check(&["scarlet", "crimson"], 0.06..0.11);
            check(&["heart", "valentine"], 0.93..0.97);
            check(&["thing"], 0.03..0.07);
            check(&[texture.name()], 0.6..0.85);
            check(&["blue", "star", "circle"], 0.0..0.0001);
        }
    }

    #[test]
    fn every_class_word_turns_up() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut said = HashSet::new();
        for _ in 0..40_000 {
            let scene = Scene::sample_for_pretraining(&mut rng);
            said.extend(
                caption(&scene, &mut rng)
                    .split([' ', '.'])
                    .map(str::to_owned),
            );
        }
        for composition in super::super::composition::held_out() {
            for name in [composition.describe(), composition.describe_unusually()] {
                assert!(name.split(' ').all(|word| said.contains(word)), "{name}");
            }
        }
    }
}
