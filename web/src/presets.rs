//! Data sets whose class names the page knows. The names are files beside the page,
//! fetched when one is chosen.

use crate::state::Problem;

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its name on the command line, and of its file.
    pub key: &'static str,
    pub title: &'static str,
    pub classes: usize,
}

pub const PRESETS: [Preset; 11] = [
    preset("caltech101", "Caltech101", 100),
    preset("cifar10", "CIFAR-10", 10),
    preset("dtd", "DTD, textures", 47),
    preset("eurosat", "EuroSAT, land use", 10),
    preset("fgvc_aircraft", "FGVCAircraft, variants", 100),
    preset("food101", "Food101", 101),
    preset("oxford_flowers", "Flowers102", 102),
    preset("oxford_pets", "OxfordPets", 37),
    preset("stanford_cars", "StanfordCars", 196),
    preset("sun397", "SUN397, scenes", 397),
    preset("ucf101", "UCF101, actions", 101),
];

const fn preset(key: &'static str, title: &'static str, classes: usize) -> Preset {
    Preset {
        key,
        title,
        classes,
    }
}

impl Preset {
    pub fn find(key: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.key == key)
    }

    /// Where its class names are.
    pub fn url(&self) -> String {
        format!("class_names/{}.txt", self.key)
    }

    /// The class names in label order, and the template: a line each, the template
    /// first.
    ///
    /// # Errors
    /// If there are more or fewer classes than the data set has.
    pub fn read(&self, text: &str) -> Result<(Vec<String>, String), Problem> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let template = lines.next().unwrap_or_default().to_string();
        let class_names: Vec<String> = lines.map(String::from).collect();
        if class_names.len() != self.classes {
            let found = class_names.len();
            let message = format!(
                "{} has {found} class names; expected {}",
                self.url(),
                self.classes
            );
            return Err(Problem::new(
                message,
                "build the page again with its files in place",
            ));
        }
        Ok((class_names, template))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{PRESETS, Preset};

    #[test]
    fn every_preset_has_its_file() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../static");
        for preset in PRESETS {
            let text = fs::read_to_string(folder.join(preset.url())).expect(preset.key);
            let (class_names, template) = preset.read(&text).expect(preset.key);
            assert_eq!(class_names.len(), preset.classes);
            assert_eq!(template.matches("{}").count(), 1, "{}", preset.key);
            assert_eq!(Preset::find(preset.key), Some(&preset));
            assert!(preset.read("a {}.\none\n").is_err());
            // None twice, and none that the page would take for two.
            let mut different = class_names.clone();
            different.sort();
            different.dedup();
            assert_eq!(different.len(), preset.classes, "{}", preset.key);
            let is_one = |name: &String| name.trim() == name && !name.contains(['_', ',']);
            assert!(class_names.iter().all(is_one), "{}", preset.key);
        }
    }

    /// Labels of these data sets go by the names of folders, or of variants, sorted.
    #[test]
    fn names_are_in_the_order_of_the_labels() {
        let names = |key: &str| {
            let preset = Preset::find(key).expect(key);
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../static");
            let text = fs::read_to_string(folder.join(preset.url())).expect(key);
            preset.read(&text).expect(key).0
        };
        let food: Vec<String> = names("food101")
            .iter()
            .map(|name| name.replace(' ', "_"))
            .collect();
        assert!(food.is_sorted());
        assert!(names("fgvc_aircraft").is_sorted());
        // SUN397's folders are within those of the first letters, places within kinds.
        let scenes = names("sun397");
        for (label, name) in [
            (0, "abbey"),
            (7, "anechoic chamber"),
            (9, "indoor apse"),
            (70, "outdoor cabin"),
            (99, "indoor cloister"),
            (396, "youth hostel"),
        ] {
            assert_eq!(scenes[label], name);
        }
    }
}
