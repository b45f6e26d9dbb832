//! `clipwright explain`: what was learned, in words and numbers.

use anyhow::{Context, Result};
use clipwright_shared::explain::{
    ContextVector, ExplainSettings, Explanation, LayerChange, MetaNetNorms, ProbeClass, explain,
};
use clipwright_shared::interop::ModelSizes;
use clipwright_shared::learners::Method;
use comfy_table::{CellAlignment, Table, presets};

use crate::args::{Explain, Precision};
use crate::problem::problem;
use crate::{learned, model};

/// Classes shown of a file that has vectors for each, if none is named.
const MOST_CLASSES: usize = 5;

pub fn run(args: &Explain) -> Result<()> {
    let session = match &args.model {
        Some(name) => Some(model::open_by_name(name, "cpu", Precision::F32)?),
        None => None,
    };
    let mut options = args.unsaid.options()?;
    options.model = match &session {
        Some(session) => Some(ModelSizes::of(&session.clip)?),
        None => None,
    };
    let file = learned::read(&args.file, &options)?;
    let context = || format!("cannot explain {}", args.file.display());
    if let Some(session) = &session {
        learned::check_fit(&file, &args.file, &session.clip, session.fingerprint())?;
    }
    if file.metadata.method == Method::Lora && !args.class.is_empty() {
        return Err(problem(
            "--class is given for an adapter, which has nothing of its own for a class",
            "leave it out",
        ));
    }
    let settings = ExplainSettings {
        nearest: args.top,
        classes: args.class.clone(),
        most_classes: MOST_CLASSES,
    };
    let model = session.as_ref();
    let model = model.map(|session| (&session.clip, &session.tokenizer));
    let explanation = explain(&file, model, &settings).with_context(context)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&explanation)?);
        return Ok(());
    }
    match &explanation {
        Explanation::Context {
            method,
            vectors,
            mean_token_norm,
            meta_net,
        } => {
            println!("{}\n", method.title());
            println!("{}", vector_table(vectors, mean_token_norm.is_some()));
            if let Some(norm) = mean_token_norm {
                println!("\nmean norm of the token embeddings: {norm:.4}");
            }
            if let Some(net) = meta_net {
                println!("\n{}", net_table(net));
            }
        }
        Explanation::Adapter { layers } => println!("{}", layer_table(layers)),
        Explanation::Probe { classes } => println!("{}", class_table(classes)),
    }
    let known = file.metadata.facts.class_names.len();
    let shown = match &explanation {
        Explanation::Context { vectors, .. } => {
            let mut classes: Vec<_> = vectors.iter().filter_map(|x| x.class.as_ref()).collect();
            classes.dedup();
            classes.len()
        }
        Explanation::Probe { classes } => classes.len(),
        Explanation::Adapter { .. } => 0,
    };
    if args.class.is_empty() && (1..known).contains(&shown) {
        eprintln!("note: {shown} of {known} classes; --class NAME shows another");
    }
    if session.is_none() && file.metadata.method != Method::LinearProbe {
        eprintln!("note: with --model it also says what only the model can tell");
    }
    Ok(())
}

fn table<const N: usize>(header: [&str; N], texts: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header);
    for (at, column) in table.column_iter_mut().enumerate() {
        if !texts.contains(&at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn vector_table(vectors: &[ContextVector], has_words: bool) -> Table {
    let words = if has_words {
        "nearest words (distance)"
    } else {
        ""
    };
    let mut table = table(["class", "vector", "norm", words], &[0, 3]);
    for vector in vectors {
        let nearest: Vec<String> = vector
            .nearest
            .iter()
            .map(|near| format!("{} ({:.4})", near.word, near.distance))
            .collect();
        table.add_row([
            vector.class.clone().unwrap_or_else(|| "(all)".into()),
            vector.vector.to_string(),
            format!("{:.4}", vector.norm),
            nearest.join("  "),
        ]);
    }
    table
}

fn net_table(net: &MetaNetNorms) -> Table {
    let mut table = table(["meta-net", "norm"], &[0]);
    for (name, norm) in [
        ("linear1, bias", net.linear1_bias),
        ("linear1, weight", net.linear1_weight),
        ("linear2, bias", net.linear2_bias),
        ("linear2, weight", net.linear2_weight),
        ("shift for an image feature of zeros", net.shift_of_zero),
    ] {
        table.add_row([name.to_string(), format!("{norm:.4}")]);
    }
    table
}

fn layer_table(layers: &[LayerChange]) -> Table {
    let header = [
        "encoder",
        "block",
        "projection",
        "rank",
        "norm of change",
        "of the weight",
    ];
    let mut table = table(header, &[0, 2]);
    for layer in layers {
        let encoder = if layer.is_image { "image" } else { "text" };
        table.add_row([
            encoder.to_string(),
            layer.block.to_string(),
            layer.projection.letter().to_string(),
            layer.rank.to_string(),
            format!("{:.4}", layer.norm),
            match layer.share {
                Some(share) => format!("{:.2} %", 100.0 * share),
                None => String::new(),
            },
        ]);
    }
    table
}

fn class_table(classes: &[ProbeClass]) -> Table {
    let mut table = table(
        ["class", "norm", "bias", "nearest classes (cosine)"],
        &[0, 3],
    );
    for class in classes {
        let nearest: Vec<String> = class
            .nearest
            .iter()
            .map(|near| format!("{} ({:.3})", near.class, near.cosine))
            .collect();
        table.add_row([
            class.class.clone(),
            format!("{:.4}", class.norm),
            format!("{:.4}", class.bias),
            nearest.join("  "),
        ]);
    }
    table
}
