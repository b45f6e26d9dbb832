//! What a site is called and said to be, by its class names.

/// Class names that are named; the rest are counted.
const NAMED: usize = 4;

/// `cat, dog or bird?`
pub fn title(class_names: &[String]) -> String {
    format!("{}?", list(class_names, "or"))
}

/// A sentence for search engines and previews.
pub fn description(class_names: &[String]) -> String {
    format!(
        "Tells {} apart in your own pictures. It works on your own device: nothing is uploaded.",
        list(class_names, "and")
    )
}

fn list(class_names: &[String], joint: &str) -> String {
    let words: Vec<String> = class_names
        .iter()
        .map(|name| name.replace('_', " "))
        .collect();
    match &words[..] {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if words.len() <= NAMED => {
            format!("{} {joint} {last}", first.join(", "))
        }
        many => format!(
            "{} {joint} {} more",
            many[..NAMED - 1].join(", "),
            many.len() - (NAMED - 1)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{description, title};

    #[test]
    fn many_class_names_are_counted() {
        for (names, expected) in [
            ("cat dog", "cat or dog?"),
            ("cat dog bird", "cat, dog or bird?"),
            ("cat dog bird_of_prey fox", "cat, dog, bird of prey or fox?"),
            ("a b c d e", "a, b, c or 2 more?"),
        ] {
            let names: Vec<String> = names.split(' ').map(String::from).collect();
            assert_eq!(title(&names), expected);
        }
        let names = ["cat", "dog"].map(String::from);
        assert!(description(&names).starts_with("Tells cat and dog apart"));
    }
}
