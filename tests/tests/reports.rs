//! What a run leaves behind: event files, charts, tables, pages, published figures.

#[path = "reports/charts.rs"]
mod charts;
#[path = "reports/event_files.rs"]
mod event_files;
#[path = "reports/pages.rs"]
mod pages;
#[path = "reports/published.rs"]
mod published;
#[path = "reports/tables.rs"]
mod tables;
