//! The page of a run, and the environment it tells of.

use clipwright::report::charts::{ClassDistribution, Part, svg};
use clipwright::report::environment::Environment;
use clipwright::report::html::{Content, KeyNumber, Page, Picture, RunReport, Section};
use clipwright::report::table::{Cell, Column, Group, ResultTable, Row};
use clipwright_shared::eval::{ConfusionMatrix, Metrics};

const NASTY: &str = "<script>alert('\"&')</script>";

/// A report with something in each of its parts, and a nasty name in most.
fn full() -> RunReport {
    let names = [NASTY, "b", "c"].map(String::from);
    let (predicted, labels) = ([0, 1, 1, 2, 0], [0, 0, 1, 2, 2]);
    let distribution = ClassDistribution {
        title: NASTY.into(),
        class_names: names.to_vec(),
        parts: vec![Part::of_labels("train", 3, labels)],
    };
    let drawn = svg(&distribution).unwrap();
    RunReport {
        title: format!("title {NASTY}"),
        what: format!("what {NASTY}"),
        key_numbers: vec![KeyNumber::new(NASTY, "4 s").note(NASTY)],
        settings: vec![(NASTY.into(), NASTY.into())],
        results: vec![ResultTable {
            title: NASTY.into(),
            rows_are: NASTY.into(),
            columns: vec![Column::higher_is_better(NASTY)],
            groups: vec![Group {
                name: Some(NASTY.into()),
                rows: [0.25, 0.5]
                    .map(|share| Row {
                        name: NASTY.into(),
                        cells: vec![Some(Cell::share(share))],
                    })
                    .into(),
            }],
        }],
        curves: vec![drawn.clone()],
        distribution: Some(drawn),
        metrics: Some(Metrics::new(&names, &predicted, &labels).unwrap()),
        confusion: Some(ConfusionMatrix::new(&names, &predicted, &labels).unwrap()),
        sections: vec![Section::new(
            "Own part",
            [
                Content::Text(NASTY.into()),
                Content::Images(vec![Picture {
                    png: vec![1, 2, 3],
                    caption: NASTY.into(),
                }]),
            ],
        )],
        environment: Some(Environment {
            command: vec!["clipwright".into(), NASTY.into()],
            ..Environment::here("cpu")
        }),
    }
}

fn headings(html: &str) -> Vec<&str> {
    let parts = html.split("<h2>").skip(1);
    parts
        .map(|part| part.split("</h2>").next().unwrap())
        .collect()
}

#[test]
fn a_page_holds_what_there_is_and_nothing_else() {
    let all = [
        "Results",
        "Curves",
        "Classes",
        "Confusions",
        "Images",
        "Own part",
        "Settings",
    ];
    let all: Vec<&str> = all.into_iter().chain(["Environment"]).collect();
    let html = full().page().unwrap().html();
    assert_eq!(headings(&html), all);
    // Measures by hand: 3 of 5 images; F1 of 1/2, 2/3 and 2/3.
    for shown in [
        "60.00 %",
        "61.11 %",
        "<strong>50.00</strong>",
        "of 5 images",
    ] {
        assert!(html.contains(shown), "{shown} is missing");
    }
    type Remove = fn(&mut RunReport);
    let cases: [(&str, Remove); 7] = [
        ("Results", |report| report.results.clear()),
        ("Curves", |report| report.curves.clear()),
        ("Classes", |report| report.metrics = None),
        ("Confusions", |report| report.confusion = None),
        ("Images", |report| report.distribution = None),
        ("Settings", |report| report.settings.clear()),
        ("Environment", |report| report.environment = None),
    ];
    for (without, remove) in cases {
        let mut report = full();
        remove(&mut report);
        let html = report.page().unwrap().html();
        let rest: Vec<&str> = all
            .iter()
            .copied()
            .filter(|title| *title != without)
            .collect();
        assert_eq!(headings(&html), rest);
    }
    let empty = RunReport::default().page().unwrap();
    assert_eq!(empty, Page::default());
    assert!(headings(&empty.html()).is_empty());
}

#[test]
fn a_page_stands_alone_whatever_names_say() {
    let html = full().page().unwrap().html();
    assert!(!html.contains("<script"), "a name became markup");
    let escaped = html.matches("&lt;script&gt;").count();
    assert!(escaped > 15, "the name is shown, {escaped} times");
    // SVG names its namespace; beyond that, no address and nothing that loads.
    let addresses = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for loads in ["http:", "https:", "url(", "@import", "<link", "<iframe"] {
        assert!(!addresses.contains(loads), "{loads}");
    }
    let sources: Vec<&str> = html.split(" src=\"").skip(1).collect();
    assert_eq!(sources.len(), 1);
    assert!(sources[0].starts_with("data:image/png;base64,AQID\""));
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn long_tables_are_folded() {
    let folded = |classes: usize| {
        let names: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
        let labels: Vec<usize> = (0..classes).collect();
        let report = RunReport {
            metrics: Some(Metrics::new(&names, &labels, &labels).unwrap()),
            ..RunReport::default()
        };
        report.page().unwrap().html().contains("<details>")
    };
    assert_eq!([60, 61].map(folded), [false, true]);
}

#[test]
fn the_environment_says_what_it_should_and_no_more() {
    let environment = Environment::here("cpu, 2 threads");
    let json = serde_json::to_value(&environment).unwrap();
    let mut keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    keys.sort();
    let expected = [
        "command",
        "commit",
        "device",
        "memory_bytes",
        "processor",
        "started",
        "system",
        "target",
        "threads",
        "version",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        serde_json::from_value::<Environment>(json).unwrap(),
        environment
    );
    assert_eq!(environment.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(environment.device, "cpu, 2 threads");
    assert!(
        environment.memory_bytes > 1 << 26,
        "{}",
        environment.memory_bytes
    );
    assert!(environment.threads > 0);
    // RFC 3339 in UTC: 2026-11-22T12:00:00Z.
    let started = environment.started.as_bytes();
    assert_eq!(started.len(), 20, "{}", environment.started);
    for (at, mark) in [
        (4, b'-'),
        (7, b'-'),
        (10, b'T'),
        (13, b':'),
        (16, b':'),
        (19, b'Z'),
    ] {
        assert_eq!(started[at], mark, "{}", environment.started);
    }
    let typed: Vec<String> = std::env::args().collect();
    assert_eq!(environment.command, typed);
    if let Some(commit) = &environment.commit {
        assert!(
            commit.len() == 12 && commit.bytes().all(|b| b.is_ascii_hexdigit()),
            "{commit}"
        );
    }
}
