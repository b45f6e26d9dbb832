//! Charts: what is drawn says what the figures say, for a few classes and for many,
//! whatever these are called.

use clipwright::report::charts::{
    AccuracyOverShots, Chart, ClassBars, ClassDistribution, ConfusionChart, Curves, MethodLine,
    Part, Scale, Series, png, svg,
};
use clipwright_shared::eval::{ConfusionMatrix, Metrics, Summary};

/// Names that break a chart which trusts them.
const NAMES: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"quoted\" & 'so' ]]>",
    "",
    "line\nbreak \u{0}\u{1b}[31m \u{ffff}",
    "a name so long that no chart has room for it, whatever its width may be, and longer",
    "猫の写真",
    "Äpfel",
    "plain",
];

fn names(count: usize) -> Vec<String> {
    let names = NAMES.iter().cycle().take(count).enumerate();
    names.map(|(at, name)| format!("{name}{at}")).collect()
}

/// An element of an SVG: its name and attributes, and its text.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
}

impl Element {
    fn get(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(other, _)| other == name);
        &found
            .unwrap_or_else(|| panic!("{} has no {name}", self.name))
            .1
    }

    fn number(&self, name: &str) -> f64 {
        self.get(name).parse().unwrap()
    }
}

/// The elements of an SVG, which must be well-formed XML.
fn elements(svg: &str) -> Vec<Element> {
    let allowed = |c: char| c == '\n' || (c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}');
    assert!(
        svg.chars().all(allowed),
        "a character that XML does not have"
    );
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = svg.trim();
    while let Some((text, after)) = rest.split_once('<') {
        if let Some(last) = elements.last_mut() {
            last.text.push_str(text.trim());
        }
        let (tag, after) = after.split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "tags are nested");
            continue;
        }
        let (tag, is_closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, mut attributes_left) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes = Vec::new();
        while let Some((attribute, after)) = attributes_left.split_once("=\"") {
            let (value, after) = after.split_once('"').expect("a value ends");
            attributes.push((attribute.trim().to_owned(), value.to_owned()));
            attributes_left = after;
        }
        assert_eq!(attributes_left.trim(), "", "in {tag}");
        if !is_closed {
            open.push(name.to_owned());
        }
        elements.push(Element {
            name: name.to_owned(),
            attributes,
            text: String::new(),
        });
    }
    assert!(open.is_empty() && rest.is_empty(), "{open:?} {rest}");
    for element in &elements {
        for part in element.text.split('&').skip(1) {
            let entity = part.split(';').next().unwrap();
            assert!(
                ["lt", "gt", "amp", "quot", "apos"].contains(&entity),
                "&{part}"
            );
        }
    }
    elements
}

/// Draws in both forms and checks what holds for every chart.
fn check(chart: &impl Chart) -> Vec<Element> {
    let text = svg(chart).unwrap();
    assert_eq!(svg(chart).unwrap(), text, "the same each time");
    let elements = elements(&text);
    let (width, height) = chart.size();
    assert_eq!(elements[0].name, "svg");
    assert_eq!(elements[0].number("width"), f64::from(width));
    assert_eq!(elements[0].number("height"), f64::from(height));
    assert_eq!(elements[0].get("role"), "img");
    let known = [
        "svg", "rect", "text", "polyline", "polygon", "line", "circle",
    ];
    for element in &elements {
        assert!(known.contains(&&*element.name), "{}", element.name);
    }
    // Nothing lies beyond the edge (text may end a little later in other fonts).
    for rect in elements.iter().filter(|element| element.name == "rect") {
        let right = rect.number("x") + rect.number("width");
        let bottom = rect.number("y") + rect.number("height");
        assert!(right <= f64::from(2 * width) && bottom <= f64::from(2 * height));
    }
    let picture = png(chart).unwrap();
    let pixels = image::load_from_memory(&picture.bytes).unwrap().into_rgb8();
    assert_eq!((pixels.width(), pixels.height()), (2 * width, 2 * height));
    assert_eq!((picture.width, picture.height), (2 * width, 2 * height));
    let dark = pixels.pixels().filter(|pixel| pixel.0 != [255; 3]).count();
    assert!(dark > 500, "the picture is empty: {dark} pixels");
    elements
}

fn texts(elements: &[Element]) -> Vec<&str> {
    let texts = elements.iter().filter(|element| element.name == "text");
    texts.map(|element| &*element.text).collect()
}

fn filled<'a>(elements: &'a [Element], colour: &str) -> Vec<&'a Element> {
    let rects = elements.iter().filter(|element| element.name == "rect");
    rects.filter(|rect| rect.get("fill") == colour).collect()
}

const BLUE: &str = "#2F6DB5";
const COUNTS: [usize; 7] = [1, 2, 10, 20, 60, 61, 1000];

#[test]
fn bars_are_as_long_as_their_shares_best_first() {
    for count in COUNTS {
        let classes: Vec<(String, f64)> = names(count)
            .into_iter()
            .enumerate()
            .map(|(at, name)| (name, ((at * 7919) % count) as f64 / count as f64))
            .collect();
        let chart = ClassBars {
            title: "F1 of each <class>".into(),
            figure: "F1".into(),
            classes,
            reference: Some(("threshold".into(), 0.7)),
        };
        let elements = check(&chart);
        assert!(texts(&elements).contains(&"threshold 70.0 %"), "{count}");
        if count > 60 {
            let lowest = texts(&elements)
                .iter()
                .filter(|text| text.contains("0.0 %"))
                .count();
            assert!(lowest >= 1, "the lowest are named");
            continue;
        }
        let bars = filled(&elements, BLUE);
        assert_eq!(bars.len(), count);
        let scale = bars[0].number("width") / ((count - 1).max(1) as f64);
        for (at, bar) in bars.iter().enumerate() {
            let expected = scale * (count - 1 - at) as f64;
            assert!(
                (bar.number("width") - expected).abs() <= 1.5,
                "bar {at} of {count}"
            );
        }
    }
}

#[test]
fn f1_leaves_out_classes_without_images() {
    let names = ["seen", "absent"].map(String::from);
    let metrics = Metrics::new(&names, &[0, 1, 0], &[0, 0, 0]).unwrap();
    let chart = ClassBars::f1(&metrics);
    assert_eq!(chart.classes, [("seen".to_owned(), 0.8)]);
    assert!(
        chart.title.contains("1 class has no images"),
        "{}",
        chart.title
    );
}

#[test]
fn a_confusion_matrix_fills_the_cells_that_count() {
    for count in COUNTS {
        let names = names(count);
        let labels: Vec<usize> = (0..count * 4).map(|image| image % count).collect();
        // Three of four are recognised, the fourth is taken for the next class.
        let guess = |image: usize| (image % count + image / (3 * count)) % count;
        let predicted: Vec<usize> = (0..count * 4).map(guess).collect();
        let matrix = ConfusionMatrix::new(&names, &predicted, &labels).unwrap();
        let elements = check(&ConfusionChart { matrix: &matrix });
        if count > 60 {
            let title = texts(&elements)[0];
            assert_eq!(title.contains("5 × 5 classes"), count == 1000, "{title}");
            continue;
        }
        let side = |rect: &&Element| rect.number("width") == rect.number("height");
        let cells: Vec<&Element> = elements
            .iter()
            .filter(|element| element.name == "rect")
            .filter(|rect| !["#FFFFFF", "#F5F7FA"].contains(&rect.get("fill")))
            .filter(side)
            .collect();
        let expected = if count == 1 { 1 } else { 2 * count };
        assert_eq!(cells.len(), expected, "{count} classes");
        if (2..=20).contains(&count) {
            let shown = texts(&elements);
            let of = |figure: &str| shown.iter().filter(|text| **text == figure).count();
            assert_eq!((of("3"), of("1")), (count, count), "{count} classes");
        }
    }
}

#[test]
fn a_distribution_stacks_its_parts() {
    for count in COUNTS {
        let chart = ClassDistribution {
            title: "Images of each class".into(),
            class_names: names(count),
            parts: vec![
                Part::of_labels("train", count, (0..count * 16).map(|image| image % count)),
                Part {
                    name: "test".into(),
                    images: (0..count).map(|class| 10 + class).collect(),
                },
            ],
        };
        let elements = check(&chart);
        let legend = format!("train: {} images", 16 * count);
        assert!(texts(&elements).contains(&&*legend), "{legend}");
        if count > 60 {
            continue;
        }
        // The first is the legend's.
        let train = &filled(&elements, BLUE)[1..];
        let test = &filled(&elements, "#D9822B")[1..];
        assert_eq!((train.len(), test.len()), (count, count));
        for (class, (train, test)) in train.iter().zip(test).enumerate() {
            let per_image = train.number("width") / 16.0;
            let expected = per_image * (10 + class) as f64;
            // Edges are rounded to pixels, and a bar of 16 images may be a few wide.
            let slack = 2.0 + expected / train.number("width");
            assert!(
                (test.number("width") - expected).abs() <= slack,
                "{count}, {class}"
            );
            let end = train.number("x") + train.number("width");
            assert!(
                (test.number("x") - end).abs() <= 1.0,
                "one begins where one ends"
            );
        }
    }
}

/// A polyline's points.
fn points(element: &Element) -> Vec<(f64, f64)> {
    let pairs = element.get("points").split_whitespace();
    pairs
        .map(|pair| {
            let (x, y) = pair.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        })
        .collect()
}

fn curves(points: Vec<(f64, f64)>, scale: Scale) -> Curves {
    let names = ["training", NAMES[0]];
    Curves {
        title: "Accuracy".into(),
        x_name: "epoch".into(),
        y_name: "accuracy".into(),
        scale,
        series: names
            .map(|name| Series {
                name: name.into(),
                points: points.clone(),
            })
            .into(),
    }
}

#[test]
fn curves_rise_where_their_figures_do() {
    for epochs in [2, 10, 200, 100_000] {
        let share = |epoch: usize| 0.3 + 0.6 * (epoch as f64 / epochs as f64);
        let rising: Vec<(f64, f64)> = (1..=epochs)
            .map(|epoch| (epoch as f64, share(epoch)))
            .collect();
        let text = svg(&curves(rising.clone(), Scale::Share)).unwrap();
        assert!(
            text.len() < 100_000,
            "{epochs} epochs make {} bytes",
            text.len()
        );
        let elements = check(&curves(rising, Scale::Share));
        let lines = elements.iter().filter(|element| element.name == "polyline");
        let line = lines
            .filter(|line| line.get("stroke") == BLUE)
            .map(points)
            .next()
            .unwrap();
        assert!(
            line.windows(2)
                .all(|two| two[0].0 <= two[1].0 && two[0].1 >= two[1].1)
        );
        assert!(line.last().unwrap().1 < line[0].1, "higher is nearer to 0");
    }
}

#[test]
fn curves_bear_any_figures() {
    let nan = f64::NAN;
    for (points, scale) in [
        (vec![], Scale::Share),
        (vec![(1.0, 0.5)], Scale::Share),
        (vec![(1.0, 0.0), (2.0, 0.0)], Scale::Number),
        (vec![(1.0, 1.0), (2.0, 1.0)], Scale::Share),
        (
            vec![(1.0, nan), (2.0, 0.4), (3.0, f64::INFINITY), (4.0, 0.5)],
            Scale::Share,
        ),
        (vec![(1.0, nan)], Scale::Number),
        (vec![(1.0, -1e30), (2.0, 1e30)], Scale::Number),
        (vec![(1.0, 1e-30), (2.0, 2e-30)], Scale::Number),
        (vec![(1.0, 1e300), (2.0, 1e300)], Scale::Number),
    ] {
        let shown = format!("{points:?}");
        let elements = check(&curves(points, scale));
        assert!(
            !texts(&elements).iter().any(|text| text.contains("NaN")),
            "{shown}"
        );
    }
}

#[test]
fn accuracy_over_shots_shows_every_method() {
    let accuracy = |mean: f64| Summary {
        mean,
        deviation: 0.02,
        count: 3,
    };
    let method = |name: &str, points: &[(usize, f64)]| MethodLine {
        name: name.into(),
        points: points
            .iter()
            .map(|&(shots, mean)| (shots, accuracy(mean)))
            .collect(),
    };
    let chart = AccuracyOverShots {
        title: "Accuracy over shots".into(),
        methods: vec![
            method("zero-shot", &[(0, 0.4)]),
            method(NAMES[0], &[(16, 0.9), (1, 0.5), (4, 0.7)]),
            method("nothing", &[]),
        ],
    };
    let elements = check(&chart);
    for text in ["0", "1", "4", "16", "zero-shot", "nothing"] {
        assert!(texts(&elements).contains(&text), "{text}");
    }
    let circles = elements.iter().filter(|element| element.name == "circle");
    assert_eq!(circles.count(), 4, "one for each point");
    let bands = elements.iter().filter(|element| element.name == "polygon");
    assert_eq!(bands.count(), 1, "the deviation of the only line");
    let empty = AccuracyOverShots {
        title: String::new(),
        methods: Vec::new(),
    };
    assert!(svg(&empty).is_ok() && png(&empty).is_ok());
}
