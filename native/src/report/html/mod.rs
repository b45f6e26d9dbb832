//! One page that shows a run: HTML that stands alone, with nothing to load and
//! nothing to run.

mod run_report;

use anyhow::Result;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub use run_report::RunReport;

use super::charts::dark_colours;
use super::table::ResultTable;

/// A table with more rows than this is folded away until it is asked for.
const MOST_OPEN_ROWS: usize = 60;

/// A page. All text is escaped when it is written; only charts are markup.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub title: String,
    /// What this is, in a sentence or two.
    pub what: String,
    pub key_numbers: Vec<KeyNumber>,
    pub sections: Vec<Section>,
}

/// A figure that stands large at the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNumber {
    pub name: String,
    pub value: String,
    /// In small letters under it.
    pub note: Option<String>,
}

/// A part of a page with a heading of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    pub title: String,
    pub content: Vec<Content>,
}

/// What a section is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A paragraph.
    Text(String),
    KeyValues(Vec<(String, String)>),
    Table(ResultTable),
    /// As [`charts::svg`](super::charts::svg) makes it; taken as it is.
    Chart(String),
    Images(Vec<Picture>),
}

/// An image with what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub png: Vec<u8>,
    pub caption: String,
}

impl KeyNumber {
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            note: None,
        }
    }

    pub fn note(self, note: impl Into<String>) -> Self {
        let note = Some(note.into());
        Self { note, ..self }
    }
}

impl Section {
    pub fn new(title: impl Into<String>, content: impl Into<Vec<Content>>) -> Self {
        Self {
            title: title.into(),
            content: content.into(),
        }
    }
}

impl Page {
    /// The whole page.
    pub fn html(&self) -> String {
        let style = format!("{}{}", include_str!("style.css"), dark_colours(".chart"));
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    // Nothing may be loaded or run, whatever a class is called.
                    meta http-equiv="Content-Security-Policy"
                        content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                    title { (self.title) }
                    style { (PreEscaped(style)) }
                }
                body {
                    header {
                        h1 { (self.title) }
                        @if !self.what.is_empty() { p.what { (self.what) } }
                    }
                    @if !self.key_numbers.is_empty() {
                        ul.key-numbers {
                            @for number in &self.key_numbers { (number.markup()) }
                        }
                    }
                    @for section in &self.sections { (section.markup()) }
                }
            }
        };
        page.into_string()
    }
}

impl KeyNumber {
    fn markup(&self) -> Markup {
        html! {
            li {
                span.name { (self.name) }
                span.value { (self.value) }
                @if let Some(note) = &self.note { span.note { (note) } }
            }
        }
    }
}

impl Section {
    fn markup(&self) -> Markup {
        html! {
            section {
                h2 { (self.title) }
                @for content in &self.content { (content.markup()) }
            }
        }
    }
}

impl Content {
    fn markup(&self) -> Markup {
        match self {
            Self::Text(text) => html! { p { (text) } },
            Self::KeyValues(lines) => html! {
                dl { @for (name, value) in lines { div { dt { (name) } dd { (value) } } } }
            },
            Self::Table(content) => folded(content),
            Self::Chart(svg) => html! { figure.chart { (PreEscaped(svg)) } },
            Self::Images(pictures) => html! {
                div.images { @for picture in pictures { (picture.markup()) } }
            },
        }
    }
}

impl Picture {
    fn markup(&self) -> Markup {
        let data = format!(
            "data:image/png;base64,{}",
            BASE64_STANDARD.encode(&self.png)
        );
        html! {
            figure { img src=(data) alt=(self.caption); figcaption { (self.caption) } }
        }
    }
}

/// A table, behind its title where it is long.
fn folded(content: &ResultTable) -> Markup {
    let rows: usize = content.groups.iter().map(|group| group.rows.len()).sum();
    let inner = table(content);
    if rows <= MOST_OPEN_ROWS {
        return inner;
    }
    html! { details { summary { (rows) " rows" } (inner) } }
}

fn table(content: &ResultTable) -> Markup {
    html! {
        div.table {
            table {
                @if !content.title.is_empty() { caption { (content.title) } }
                thead {
                    tr {
                        th scope="col" { (content.rows_are) }
                        @for column in &content.columns { th scope="col" { (column.name) } }
                    }
                }
                @for group in &content.groups {
                    tbody {
                        @if let Some(name) = &group.name {
                            tr { th.group colspan=(content.columns.len() + 1) { (name) } }
                        }
                        @for row in &group.rows {
                            tr {
                                th scope="row" { (row.name) }
                                @for (text, is_best) in content.cells(group, row) {
                                    td { @if is_best { strong { (text) } } @else { (text) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Charts become content once they are drawn.
pub fn chart(chart: &impl super::charts::Chart) -> Result<Content> {
    Ok(Content::Chart(super::charts::svg(chart)?))
}
