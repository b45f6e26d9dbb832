//! The vocabulary of the world: every attribute a scene can have, and the words for it.
//!
//! Each attribute is one table, a row per value: the usual word first, then one or two unusual
//! words that mean the same. The unusual words appear now and then in captions, and name the
//! classes of the shifted domain.

use rand::Rng;

/// Declares an attribute from its table, so that a value and its words stand in one place.
macro_rules! attribute {
    ($(#[$doc:meta])* $name:ident, $count:literal, { $($value:ident: $word:literal $(, $synonym:literal)*;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($value),+ }

        impl $name {
            pub const ALL: [Self; $count] = [$(Self::$value),+];

            /// The usual word for this value.
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }

            /// Unusual words for this value, the most telling first; empty where there are none.
            pub fn synonyms(self) -> &'static [&'static str] {
                match self { $(Self::$value => &[$($synonym),*]),+ }
            }

            /// Any value, each as likely.
            pub fn sample(rng: &mut impl Rng) -> Self {
                Self::ALL[rng.random_range(0..Self::ALL.len())]
            }
        }
    };
}

attribute!(
    /// What the object is.
    Shape, 12, {
        Circle: "circle", "disc", "round";
        Square: "square", "box", "block";
        Triangle: "triangle", "wedge", "pyramid";
        Star: "star", "asterisk", "starburst";
        Heart: "heart", "valentine";
        Ring: "ring", "hoop", "annulus";
        Cross: "cross", "plus";
        Crescent: "crescent", "moon";
        Diamond: "diamond", "rhombus", "lozenge";
        Hexagon: "hexagon", "honeycomb";
        Arrow: "arrow", "pointer", "dart";
        Flower: "flower", "blossom", "rosette";
    }
);

attribute!(
    /// The object's own colour: the one that covers most of it.
    Colour, 10, {
        Red: "red", "scarlet", "crimson";
        Green: "green", "emerald", "jade";
        Blue: "blue", "azure", "cobalt";
        Yellow: "yellow", "golden", "lemon";
        Orange: "orange", "tangerine", "amber";
        Purple: "purple", "violet", "plum";
        Pink: "pink", "rosy", "fuchsia";
        Cyan: "cyan", "turquoise", "teal";
        White: "white", "ivory", "snowy";
        Black: "black", "ebony", "inky";
    }
);

attribute!(
    /// The pattern on the object, drawn in a second, clearly lighter or darker colour.
    Texture, 4, {
        Plain: "plain", "solid", "uniform";
        Striped: "striped", "banded", "lined";
        Dotted: "dotted", "spotted", "speckled";
        Checkered: "checkered", "tiled", "chequered";
    }
);

attribute!(
    /// How much of the image the object spans.
    Size, 3, {
        Small: "small", "little";
        Medium: "medium", "middling";
        Large: "large", "big";
    }
);

attribute!(
    /// Where in the image the object lies, said as a caption says it.
    Position, 5, {
        Left: "on the left", "to the left";
        Right: "on the right", "to the right";
        Top: "at the top", "up high";
        Bottom: "at the bottom", "down low";
        Centre: "in the centre", "in the middle";
    }
);

attribute!(
    /// What the object lies on, said as a caption says it.
    Background, 5, {
        Dark: "on a dark background", "on dark ground";
        Light: "on a light background", "on light ground";
        Grass: "on grass", "on a lawn";
        Sand: "on sand", "on a beach";
        Water: "on water", "on a lake";
    }
);

impl Background {
    /// Whether an object of this colour would be lost on this background.
    pub fn hides(self, colour: Colour) -> bool {
        matches!(
            (self, colour),
            (Self::Dark, Colour::Black)
                | (Self::Light, Colour::White)
                | (Self::Grass, Colour::Green)
                | (Self::Water, Colour::Blue | Colour::Cyan)
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_class_word_has_one_meaning() {
        let mut seen = HashSet::new();
        let mut check = |name: &'static str, synonyms: &'static [&'static str]| {
            assert!(!synonyms.is_empty(), "{name} has no unusual word");
            for word in std::iter::once(&name).chain(synonyms) {
                assert!(seen.insert(*word), "{word} is used twice");
            }
        };
        for shape in Shape::ALL {
            check(shape.name(), shape.synonyms());
        }
        for colour in Colour::ALL {
            check(colour.name(), colour.synonyms());
        }
        for texture in Texture::ALL {
            check(texture.name(), texture.synonyms());
        }
    }

    #[test]
    fn every_colour_shows_on_some_background() {
        for colour in Colour::ALL {
            assert!(
                Background::ALL
                    .iter()
                    .any(|background| !background.hides(colour))
            );
        }
    }
}
