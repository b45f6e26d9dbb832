//! What Unicode says of a character.

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

fn is_of(character: char, group: GeneralCategoryGroup) -> bool {
    group.contains(CodePointMapData::<GeneralCategory>::new().get(character))
}

/// `\p{L}`.
pub fn is_letter(character: char) -> bool {
    is_of(character, GeneralCategoryGroup::Letter)
}

/// `\p{N}`.
pub fn is_number(character: char) -> bool {
    is_of(character, GeneralCategoryGroup::Number)
}

/// `\d`, as Python has it.
pub fn is_digit(character: char) -> bool {
    is_of(character, GeneralCategoryGroup::DecimalNumber)
}
