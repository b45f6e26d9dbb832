//! Named settings: those of the papers and their code, as TOML files in the form that
//! people write themselves.

/// A named file of settings.
pub struct Preset {
    pub name: &'static str,
    pub toml: &'static str,
}

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// All of them; those named like a method are its defaults.
        pub const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            toml: include_str!(concat!("../../presets/", $name, ".toml")),
        }),*];
    };
}

presets![
    "linear-probe",
    "coop",
    "coop-words",
    "coop-csc",
    "cocoop",
    "cocoop-early-stopping",
    "cocoop-eurosat",
    "lora",
    "lora-notebook",
    "disef",
    "disef-improved",
    "disef-paper",
];

impl Preset {
    /// The preset of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// What its comment says, on one line.
    pub fn description(&self) -> String {
        let comment = self.toml.lines().map_while(|line| line.strip_prefix("# "));
        comment.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::settings::{MethodArg, Settings, layered};

    #[test]
    fn every_preset_is_read_and_says_what_it_is() {
        for preset in PRESETS {
            let method = MethodArg::value_variants().iter().find(|method| {
                let line = format!("method = \"{}\"", method.name());
                preset.toml.lines().any(|found| found == line)
            });
            let method = *method.unwrap_or_else(|| panic!("{} names no method", preset.name));
            layered(method, Some(preset.name), None, &Settings::default()).unwrap();
            assert!(
                preset.description().ends_with('.'),
                "{}: {}",
                preset.name,
                preset.description()
            );
        }
    }
}
