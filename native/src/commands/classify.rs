//! `clipwright classify`: ranked class names for images.

use anyhow::{Context, Result};
use clipwright_shared::protocol::Ranking;
use clipwright_shared::session::check_class_names;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::load_learned_with;
use crate::args::Classify;
use crate::data::read_picture;
use crate::model;

pub fn run(args: &Classify) -> Result<()> {
    let class_names: Vec<String> = args
        .classes
        .iter()
        .map(|name| name.trim().to_string())
        .collect();
    check_class_names(&class_names)?;
    let mut session = model::open(&args.model)?;
    let options = args.unsaid.options()?;
    for path in &args.learned {
        load_learned_with(&mut session, path, &options)?;
    }
    let mut answers = Vec::new();
    for path in &args.images {
        let picture = read_picture(path)?;
        let answer = session
            .classify(&picture, &class_names, &args.template)
            .with_context(|| path.display().to_string())?;
        if args.json {
            answers.push(json!({"image": path, "rankings": answer.rankings}));
        } else {
            println!("{}", path.display());
            for ranking in &answer.rankings {
                println!("{}", table(ranking));
            }
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&answers)?);
    }
    Ok(())
}

fn table(ranking: &Ranking) -> String {
    if let Some(problem) = &ranking.problem {
        return format!("{}: {problem}", ranking.name);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([ranking.name.as_str(), "probability"]);
    for class in &ranking.classes {
        table.add_row([
            class.class.clone(),
            format!("{:.2} %", 100.0 * class.probability),
        ]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
