//! A composition: what a class is about, a shape in a colour with a texture.
//!
//! There are 480 of them. Twenty are held out: the pretrained model never sees them, so that
//! classifying them asks for putting known words together, and a prompt has something to learn.

use rand::Rng;

use super::words::{Colour, Shape, Texture};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Composition {
    pub shape: Shape,
    pub colour: Colour,
    pub texture: Texture,
}

impl Composition {
    /// Any composition, each as likely, held out or not.
    pub fn sample(rng: &mut impl Rng) -> Self {
        Self {
            shape: Shape::sample(rng),
            colour: Colour::sample(rng),
            texture: Texture::sample(rng),
        }
    }

    pub fn is_held_out(&self) -> bool {
        HELD_OUT.contains(self)
    }

    /// The canonical class name, such as `red striped heart`.
    pub fn describe(&self) -> String {
        format!(
            "{} {} {}",
            self.colour.name(),
            self.texture.name(),
            self.shape.name()
        )
    }

    /// The same in unusual words, such as `scarlet banded valentine`.
    pub fn describe_unusually(&self) -> String {
        let unusual = |name: &'static str, synonyms: &[&'static str]| {
            synonyms.first().copied().unwrap_or(name)
        };
        format!(
            "{} {} {}",
            unusual(self.colour.name(), self.colour.synonyms()),
            unusual(self.texture.name(), self.texture.synonyms()),
            unusual(self.shape.name(), self.shape.synonyms()),
        )
    }
}

/// The compositions never seen in pretraining, in the order of the classes.
pub fn held_out() -> [Composition; 20] {
    HELD_OUT
}

/// Drawn once, then written down: every colour twice, every texture five times, every shape once
/// or twice, and no two that agree on two attributes.
const HELD_OUT: [Composition; 20] = [
    composition(Shape::Circle, Colour::Green, Texture::Plain),
    composition(Shape::Circle, Colour::Cyan, Texture::Striped),
    composition(Shape::Square, Colour::Red, Texture::Plain),
    composition(Shape::Square, Colour::Black, Texture::Dotted),
    composition(Shape::Triangle, Colour::Blue, Texture::Striped),
    composition(Shape::Triangle, Colour::White, Texture::Plain),
    composition(Shape::Star, Colour::Cyan, Texture::Checkered),
    composition(Shape::Heart, Colour::Green, Texture::Checkered),
    composition(Shape::Heart, Colour::Yellow, Texture::Dotted),
    composition(Shape::Ring, Colour::Purple, Texture::Striped),
    composition(Shape::Ring, Colour::Pink, Texture::Dotted),
    composition(Shape::Cross, Colour::Yellow, Texture::Plain),
    composition(Shape::Cross, Colour::Pink, Texture::Checkered),
    composition(Shape::Crescent, Colour::Orange, Texture::Striped),
    composition(Shape::Diamond, Colour::Red, Texture::Striped),
    composition(Shape::Diamond, Colour::Black, Texture::Checkered),
    composition(Shape::Hexagon, Colour::Blue, Texture::Dotted),
    composition(Shape::Arrow, Colour::Orange, Texture::Plain),
    composition(Shape::Arrow, Colour::Purple, Texture::Checkered),
    composition(Shape::Flower, Colour::White, Texture::Dotted),
];

const fn composition(shape: Shape, colour: Colour, texture: Texture) -> Composition {
    Composition {
        shape,
        colour,
        texture,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_out_compositions_are_balanced() {
        let count = |keep: &dyn Fn(&Composition) -> bool| {
            HELD_OUT.iter().filter(|held_out| keep(held_out)).count()
        };
        for shape in Shape::ALL {
            assert!(
                (1..=2).contains(&count(&|held_out| held_out.shape == shape)),
                "{shape:?}"
            );
        }
        for colour in Colour::ALL {
            assert_eq!(
                count(&|held_out| held_out.colour == colour),
                2,
                "{colour:?}"
            );
        }
        for texture in Texture::ALL {
            assert_eq!(
                count(&|held_out| held_out.texture == texture),
                5,
                "{texture:?}"
            );
        }
    }

    #[test]
    fn held_out_compositions_differ_in_two_attributes() {
        for (index, one) in HELD_OUT.iter().enumerate() {
            for other in &HELD_OUT[..index] {
                let agreements = usize::from(one.shape == other.shape)
                    + usize::from(one.colour == other.colour)
                    + usize::from(one.texture == other.texture);
                assert!(agreements < 2, "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn names_say_colour_then_texture_then_shape() {
        let heart = composition(Shape::Heart, Colour::Red, Texture::Striped);
        assert_eq!(heart.describe(), "red striped heart");
        assert_eq!(heart.describe_unusually(), "scarlet banded valentine");
    }
}
