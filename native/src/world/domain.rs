//! Domains: the sets of labelled pictures that prompts are learned on and measured on.
//!
//! Both show the same twenty held-out compositions. `world` looks and is named as in pretraining;
//! `shifted` looks fainter and is named in unusual words, so that the plain prompt does badly and
//! a learned one has room to help.

use std::fmt;
use std::str::FromStr;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::composition::{Composition, held_out};
use super::render::{Style, render};
use super::scene::Scene;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    World,
    Shifted,
}

/// Which use the pictures are for; no two splits share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    Train,
    Validation,
    Test,
}

impl Domain {
    pub const ALL: [Self; 2] = [Self::World, Self::Shifted];

    pub fn name(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Shifted => "shifted",
        }
    }

    pub fn style(self) -> Style {
        match self {
            Self::World => Style::NATURAL,
            Self::Shifted => Style::SHIFTED,
        }
    }

    /// One name per class, in the order of the class indices.
    pub fn class_names(self) -> Vec<String> {
        let name = match self {
            Self::World => Composition::describe,
            Self::Shifted => Composition::describe_unusually,
        };
        held_out().iter().map(name).collect()
    }

    /// What picture `index` of a class shows.
    ///
    /// # Panics
    /// If `class` is not below the number of class names.
    pub fn scene(self, split: Split, class: usize, index: usize, seed: u64) -> Scene {
        let mut rng = ChaCha8Rng::from_seed(self.picture_key(split, class, index, seed));
        Scene::sample(&mut rng, held_out()[class])
    }

    /// Picture `index` of a class, as `side` rows of `side` red, green and blue pixels.
    ///
    /// # Panics
    /// If `class` is not below the number of class names.
    pub fn image(
        self,
        split: Split,
        class: usize,
        index: usize,
        seed: u64,
        side: usize,
    ) -> Vec<u8> {
        render(&self.scene(split, class, index, seed), &self.style(), side)
    }

    /// Every picture has a key of its own, so that any one can be drawn without those before it.
    fn picture_key(self, split: Split, class: usize, index: usize, seed: u64) -> [u8; 32] {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(index as u64).to_le_bytes());
        key[16..24].copy_from_slice(&(class as u64).to_le_bytes());
        key[24] = split as u8;
        key[25] = self as u8;
        key
    }
}

impl FromStr for Domain {
    type Err = UnknownDomain;

    fn from_str(name: &str) -> Result<Self, UnknownDomain> {
        Self::ALL
            .into_iter()
            .find(|domain| domain.name() == name)
            .ok_or_else(|| UnknownDomain {
                name: name.to_owned(),
            })
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is no domain's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDomain {
    pub name: String,
}

impl fmt::Display for UnknownDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let valid = Domain::ALL.map(Domain::name).join(", ");
        write!(
            formatter,
            "there is no domain '{}'\nhint: the domains are {valid}",
            self.name
        )
    }
}

impl std::error::Error for UnknownDomain {}

impl Split {
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn class_names_are_unique_in_each_domain() {
        for domain in Domain::ALL {
            let names = domain.class_names();
            assert_eq!(names.len(), 20);
            assert_eq!(names.iter().collect::<HashSet<_>>().len(), 20, "{names:?}");
        }
        let [world, shifted] = Domain::ALL.map(Domain::class_names);
        assert!(world.iter().all(|name| !shifted.contains(name)));
    }

    #[test]
    fn every_picture_is_its_own() {
        let mut seen = HashSet::new();
        for domain in Domain::ALL {
            for split in Split::ALL {
                for (class, index, seed) in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)] {
                    let image = domain.image(split, class, index, seed, 32);
                    assert_eq!(image, domain.image(split, class, index, seed, 32));
                    assert!(
                        seen.insert(image),
                        "{domain} {split:?} {class} {index} {seed}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_domain_is_found_by_its_name() {
        for domain in Domain::ALL {
            assert_eq!(domain.name().parse(), Ok(domain));
        }
        let message = "sketch".parse::<Domain>().unwrap_err().to_string();
        assert_eq!(
            message,
            "there is no domain 'sketch'\nhint: the domains are world, shifted"
        );
    }
}
