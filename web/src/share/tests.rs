use super::{
    LONGEST_CLASS, LONGEST_LEARNED, LONGEST_SETTING, LONGEST_VALUE, MOST_BYTES, MOST_LEARNED,
    MOST_TEMPLATES, Reading, SetUp, read,
};
use crate::state::Tab;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

fn set_up() -> SetUp {
    SetUp {
        tab: Some(Tab::Patches),
        sample: Some(2),
        class_names: texts(&["red heart", "a, b & c = d", "50 % off + tax", "Żółw 🐢"]),
        templates: texts(&["a photo of a {}.", "{}"]),
        learned: texts(&["coop.safetensors", "żółw, 2"]),
        settings: vec![("patches.overlap".into(), "0.25".into())],
    }
}

#[test]
fn what_is_written_is_read_again() {
    let alone = |change: fn(&mut SetUp, SetUp)| {
        let mut part = SetUp::default();
        change(&mut part, set_up());
        part
    };
    for set_up in [
        set_up(),
        SetUp::default(),
        alone(|part, whole| part.tab = whole.tab),
        alone(|part, whole| part.class_names = whole.class_names),
        alone(|part, whole| part.templates = whole.templates),
        alone(|part, whole| part.learned = whole.learned),
        alone(|part, whole| part.settings = whole.settings),
    ] {
        let (fragment, left_out) = set_up.fragment();
        assert_eq!(left_out, [""; 0]);
        let refused = Vec::new();
        assert_eq!(read(&fragment), Reading { set_up, refused }, "{fragment}");
        // In a link, and in a text: nothing that ends either.
        let odd = |c: char| !c.is_ascii_alphanumeric() && !"=&%+,.-_~".contains(c);
        assert!(!fragment.contains(odd), "{fragment}");
        assert!(!fragment.ends_with('.'), "{fragment}");
    }
    let (fragment, _) = set_up().fragment();
    let start = "tab=patches&sample=3&learned=coop.safetensors,%C5%BC%C3%B3%C5%82w%2C+2\
                 &patches.overlap=0.25&template=a+photo+of+a+%7B%7D%2E&";
    assert!(fragment.starts_with(start), "{fragment}");
}

#[test]
fn what_makes_no_sense_is_left_out_and_named() {
    for (fragment, named) in [
        ("tab=sketch", "no tab sketch"),
        ("tab=", "no tab"),
        ("sample=0", "no sample 0"),
        ("sample=-3", "no sample -3"),
        ("sample=99999999999999999999", "no sample 99999"),
        ("classes=a%2,b", "classes: not readable"),
        ("classes=%FF", "classes: not readable"),
        ("classes=a%G1", "classes: not readable"),
        ("template=%E2%82", "template: not readable"),
        ("patches.n=%80", "a setting is not readable"),
        (
            &format!("classes={}", "x".repeat(LONGEST_CLASS + 1)),
            "classes: expected at most",
        ),
        (
            &format!("classes={}", "x,".repeat(1001)),
            "classes: expected at most",
        ),
        (
            &format!("template={}", "x".repeat(301)),
            "template: expected at most",
        ),
        (
            &format!("a={}", "x".repeat(LONGEST_VALUE + 1)),
            "too long for a setting",
        ),
        (
            &format!("{}=1", "x".repeat(LONGEST_SETTING + 1)),
            "too long for a setting",
        ),
        ("learned=%FF", "learned: not readable"),
        (
            &format!("a={}", "x".repeat(MOST_BYTES)),
            "the link is 16386 bytes long",
        ),
    ] {
        let Reading { set_up, refused } = read(fragment);
        assert_eq!(set_up, SetUp::default(), "{fragment:.60}");
        let [refused] = &refused[..] else {
            panic!("{fragment:.60}: {refused:?}");
        };
        assert!(refused.contains(named), "{refused}");
    }
    let more = "&template=x".repeat(MOST_TEMPLATES + 1);
    let Reading { set_up, refused } = read(&more);
    assert_eq!((set_up.templates.len(), refused.len()), (MOST_TEMPLATES, 1));
}

#[test]
fn names_of_learned_files_are_few_short_and_plain() {
    let many = vec!["x".repeat(LONGEST_LEARNED + 1); MOST_LEARNED + 1];
    let (fragment, left_out) = SetUp {
        learned: many,
        ..SetUp::default()
    }
    .fragment();
    assert!(left_out.is_empty());
    let expected = vec!["x".repeat(LONGEST_LEARNED); MOST_LEARNED];
    assert_eq!(read(&fragment).set_up.learned, expected);
    for (fragment, names) in [
        ("learned=,+,%0A,a", &["a"][..]),
        (
            "learned=a%00b%0A,%E2%80%AEtxt.exe%E2%81%A6",
            &["ab", "txt.exe"],
        ),
        ("learned=%3Cb%3Ebold", &["<b>bold"]),
    ] {
        assert_eq!(read(fragment).set_up.learned, names, "{fragment}");
    }
}

#[test]
fn the_rest_of_a_broken_link_counts() {
    let fragment = "#tab=nowhere&&classes=,red+heart,,blue&template=%7B%7D&x.y=1&odd";
    let Reading { set_up, refused } = read(fragment);
    assert_eq!(set_up.class_names, ["red heart", "blue"]);
    assert_eq!(set_up.templates, ["{}"]);
    let settings = [("x.y", "1"), ("odd", "")];
    assert_eq!(set_up.settings, settings.map(|(k, v)| (k.into(), v.into())));
    assert_eq!(refused.len(), 1, "{refused:?}");
    for anchor in ["", "#", "#results", "results"] {
        assert_eq!(read(anchor), Reading::default());
    }
}

#[test]
fn what_is_too_long_for_a_link_is_left_out_of_it() {
    let many = (0..1000).map(|number| format!("class number {number}"));
    for class_names in [many.collect(), vec!["x".repeat(LONGEST_CLASS + 1)]] {
        let (fragment, left_out) = SetUp {
            class_names,
            ..set_up()
        }
        .fragment();
        assert_eq!(left_out, ["the class names"]);
        let Reading {
            set_up: again,
            refused,
        } = read(&fragment);
        assert!(refused.is_empty(), "{refused:?}");
        assert_eq!(
            again,
            SetUp {
                class_names: vec![],
                ..set_up()
            }
        );
    }
    let templates = vec!["{}".to_string(); MOST_TEMPLATES + 1];
    let (_, left_out) = SetUp {
        templates,
        ..set_up()
    }
    .fragment();
    assert_eq!(left_out, ["the templates"]);
}
