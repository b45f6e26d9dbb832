//! The questions of the page, one tab each.

/// A tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Tab {
    #[default]
    Classify,
    Patches,
    Augment,
    Tune,
    Train,
    Learned,
}

impl Tab {
    pub const ALL: [Self; 6] = [
        Self::Classify,
        Self::Patches,
        Self::Augment,
        Self::Tune,
        Self::Train,
        Self::Learned,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Classify => "Classify",
            Self::Patches => "Patches",
            Self::Augment => "Augment",
            Self::Tune => "Tune",
            Self::Train => "Train",
            Self::Learned => "What it learned",
        }
    }

    /// What links, styles and tests know it by.
    pub fn key(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::Patches => "patches",
            Self::Augment => "augment",
            Self::Tune => "tune",
            Self::Train => "train",
            Self::Learned => "learned",
        }
    }

    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.key() == key)
    }
}
