//! CLIP-LoRA's `.pt` (MaxZanella/CLIP-LoRA `loralib/utils.py`: `save_lora`): layers
//! numbered through both encoders, the text encoder's first, scaled by alpha/√rank.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::coop::saved;
use super::layers::{Encoder, Layer, Layers, values};
use super::notes::{KEY, Notes};
use super::source::foreign;
use super::{ModelSizes, ReadOptions, checked_alpha};
use crate::checkpoint::LearnedFile;
use crate::clip::Projection;
use crate::error::{Error, Result};
use crate::formats::{Checkpoint, SavedValue, torch_archive};
use crate::learners::{Blocks, Scaling};

/// The factor on the cosine that it trains with.
const LOGIT_SCALE: f64 = 100.0;

/// The file's positions: its name, which blocks of twelve it means, and ours.
const POSITIONS: [(&str, &[usize], Blocks); 9] = [
    // The highest are left out of the reference's ViT-L/14, which has 24.
    (
        "all",
        &[
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
        ],
        Blocks::All,
    ),
    ("top1", &[11], Blocks::Top1),
    ("top2", &[10, 11], Blocks::Top2),
    ("top3", &[9, 10, 11], Blocks::Top3),
    ("bottom", &[0, 1, 2, 3], Blocks::Bottom),
    ("mid", &[4, 5, 6, 7], Blocks::Mid),
    ("up", &[8, 9, 10, 11], Blocks::Up),
    ("half-up", &[6, 7, 8, 9, 10, 11], Blocks::HalfUp),
    ("half-bottom", &[0, 1, 2, 3, 4, 5], Blocks::HalfBottom),
];

/// The layers' names for each projection.
const NAMES: [(Projection, &str); 4] = [
    (Projection::Query, "q_proj"),
    (Projection::Key, "k_proj"),
    (Projection::Value, "v_proj"),
    (Projection::Output, "proj"),
];

type Pair = [candle_core::Tensor; 2];

/// # Errors
/// [`Error::WrongFile`] if it does not say what has to be known, or needs the model
/// to tell its layers apart.
pub(super) fn read(file: &Checkpoint<'_>, options: &ReadOptions) -> Result<LearnedFile> {
    let value = |name: &str| {
        let value = file.values.get(&format!("metadata.{name}"));
        value.ok_or_else(|| invalid(format!("its metadata has no `{name}`")))
    };
    let text = |name: &str| {
        let value = value(name)?;
        let text = value.as_str();
        text.ok_or_else(|| invalid(format!("its `{name}` is {value}; expected a text")))
    };
    let alpha = value("alpha")?;
    let alpha = alpha
        .as_f64()
        .ok_or_else(|| invalid(format!("its `alpha` is {alpha}; expected a number")))?;
    let alpha = checked_alpha(alpha)?;
    let rank = value("r")?.as_u64();
    let encoders = match text("encoder")? {
        "text" => vec![Encoder::Text],
        "vision" => vec![Encoder::Image],
        "both" => vec![Encoder::Text, Encoder::Image],
        other => {
            let expected = "text, vision or both";
            return Err(Error::setting("the file's `encoder`", other, expected));
        }
    };
    let numbered = numbered(file)?;
    let places = places(&numbered, &encoders, text("position")?, options.model)?;
    let mut layers = Layers::default();
    for (parts, (encoder, block)) in numbered.into_iter().zip(places) {
        for (projection, pair) in parts {
            let name = format!("{}.{block}.{}", encoder.transformer(), projection.letter());
            let layer = Layer::new(&name, pair, Scaling::AlphaOverRootRank, alpha)?;
            if rank.is_some_and(|rank| rank != layer.rank() as u64) {
                let (got, said) = (layer.rank(), rank.unwrap_or_default());
                return Err(invalid(format!(
                    "the rank of {name} is {got}; its metadata says {said}"
                )));
            }
            layers.0.insert((encoder, block, projection), layer);
        }
    }
    let notes = Notes::read(file.values.get(KEY).and_then(Value::as_str))?;
    let scale = notes.logit_scale.unwrap_or(LOGIT_SCALE);
    let (tensors, facts) = layers.to_learned(Scaling::AlphaOverRootRank, scale)?;
    let mut metadata = notes.adapter(options);
    metadata.facts.lora = Some(facts);
    Ok(LearnedFile { metadata, tensors })
}

/// The layers in the order of their numbers.
fn numbered(file: &Checkpoint<'_>) -> Result<Vec<BTreeMap<Projection, Pair>>> {
    const EXPECTED: &str = "`weights.layer_N.q_proj.w_lora_A`, `w_lora_B`, and the same of k_proj, \
                            v_proj and proj";
    let mut layers = BTreeMap::<usize, BTreeMap<Projection, Pair>>::new();
    for (name, stored) in &file.tensors {
        let unknown = || foreign("a CLIP-LoRA file", name, EXPECTED);
        let rest = name.strip_prefix("weights.layer_").ok_or_else(unknown)?;
        let mut parts = rest.split('.');
        let (Some(number), Some(projection), Some(matrix), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(unknown());
        };
        let number: usize = number.parse().map_err(|_| unknown())?;
        let known = NAMES.iter().find(|(_, name)| *name == projection);
        let (projection, _) = known.ok_or_else(unknown)?;
        match matrix {
            "w_lora_B"
                if file
                    .tensors
                    .contains_key(&name.replace("w_lora_B", "w_lora_A")) => {}
            "w_lora_A" => {
                let other = name.replace("w_lora_A", "w_lora_B");
                let b = file
                    .tensors
                    .get(&other)
                    .ok_or_else(|| Error::MissingTensor {
                        name: other.clone(),
                        expected: stored.dims.iter().rev().copied().collect::<Vec<_>>().into(),
                    })?;
                let pair = [values(name, stored)?, values(&other, b)?];
                layers.entry(number).or_default().insert(*projection, pair);
            }
            _ => return Err(unknown()),
        }
    }
    match layers.keys().copied().eq(0..layers.len()) {
        true => Ok(layers.into_values().collect()),
        false => Err(invalid("the numbers of its layers have gaps")),
    }
}

/// The encoder and block of each layer.
fn places(
    numbered: &[BTreeMap<Projection, Pair>],
    encoders: &[Encoder],
    position: &str,
    model: Option<ModelSizes>,
) -> Result<Vec<(Encoder, usize)>> {
    let position = match position {
        "top" => "top1",
        other => other,
    };
    let Some(known) = POSITIONS.iter().find(|(name, ..)| *name == position) else {
        let names: Vec<&str> = POSITIONS.iter().map(|(name, ..)| *name).collect();
        return Err(Error::setting(
            "the file's `position`",
            position,
            format!("one of {}", names.join(", ")),
        ));
    };
    let (_, reference, ours) = known;
    let count = numbered.len();
    let Some(model) = model else {
        return places_alone(numbered, encoders, reference);
    };
    let layers = |encoder| match encoder {
        Encoder::Image => model.image_layers,
        Encoder::Text => model.text_layers,
    };
    let by_reference = |at: usize, _: usize| reference.contains(&at);
    let by_share = |at: usize, layers: usize| ours.contains(at, layers);
    let rules: [&dyn Fn(usize, usize) -> bool; 2] = [&by_reference, &by_share];
    for rule in rules {
        let places: Vec<(Encoder, usize)> = encoders
            .iter()
            .flat_map(|&encoder| {
                let of = layers(encoder);
                (0..of)
                    .filter(move |&at| rule(at, of))
                    .map(move |at| (encoder, at))
            })
            .collect();
        if places.len() == count {
            return Ok(places);
        }
    }
    let blocks: usize = encoders.iter().map(|&encoder| layers(encoder)).sum();
    Err(Error::WrongFile {
        found: format!("an adapter of {count} layers at `{position}`"),
        expected: format!("one for this model, which has {blocks} blocks there"),
        remedy: "use the model it was trained on",
    })
}

/// As [`places`], where only the file is there: the text encoder's layers end where
/// the width changes.
fn places_alone(
    numbered: &[BTreeMap<Projection, Pair>],
    encoders: &[Encoder],
    reference: &[usize],
) -> Result<Vec<(Encoder, usize)>> {
    let width = |layer: &BTreeMap<Projection, Pair>| {
        let first = layer.values().next();
        first.and_then(|[a, _]| a.dims().get(1).copied())
    };
    let count = numbered.len();
    let first = numbered.first().and_then(width);
    let split = match encoders {
        [_] => count,
        _ => numbered
            .iter()
            .position(|layer| width(layer) != first)
            .unwrap_or(count),
    };
    if (encoders.len() > 1 && split == count) || reference.first() != Some(&0) {
        return Err(Error::WrongFile {
            found: "an adapter whose layers are numbered without their encoders".into(),
            expected: "the model too, to tell them apart".into(),
            remedy: "give the model with --model",
        });
    }
    Ok((0..count)
        .map(|at| match encoders {
            [encoder] => (*encoder, at),
            _ if at < split => (Encoder::Text, at),
            _ => (Encoder::Image, at - split),
        })
        .collect())
}

/// The bytes of the file that `save_lora` writes, for a model of these sizes.
///
/// # Errors
/// [`Error::Setting`] if it has no such form: other blocks than the reference's
/// positions, other projections from block to block, or two ranks.
pub fn write(file: &LearnedFile, model: ModelSizes) -> Result<Vec<u8>> {
    let (layers, _) = Layers::of(file)?;
    let no_form = |name: &str, got: String, expected: &str| {
        Error::setting(name, got, format!("{expected}, for CLIP-LoRA's file"))
    };
    let blocks = |encoder| -> BTreeSet<usize> {
        let places = layers.of_encoder(encoder);
        places.map(|((_, block, _), _)| *block).collect()
    };
    let encoders: Vec<Encoder> = [Encoder::Text, Encoder::Image]
        .into_iter()
        .filter(|encoder| layers.first(*encoder).is_some())
        .collect();
    let position = POSITIONS.iter().find(|(_, reference, _)| {
        encoders.iter().all(|&encoder| {
            let count = match encoder {
                Encoder::Image => model.image_layers,
                Encoder::Text => model.text_layers,
            };
            let meant = reference.iter().copied().filter(|at| *at < count);
            blocks(encoder) == meant.collect()
        })
    });
    let Some((position, ..)) = position else {
        let got = encoders.iter().map(|&encoder| {
            let blocks: Vec<String> = blocks(encoder).iter().map(usize::to_string).collect();
            format!("{} of {}", blocks.join(", "), encoder.transformer())
        });
        let expected = "those of one of its positions";
        let got = got.collect::<Vec<_>>().join("; ");
        return Err(no_form("the adapter's blocks", got, expected));
    };
    let ranks: BTreeSet<usize> = layers.0.values().map(Layer::rank).collect();
    let (Some(&rank), 1) = (ranks.first(), ranks.len()) else {
        return Err(no_form("the rank", format!("{ranks:?}"), "one rank"));
    };
    // Its alpha is an integer and the same everywhere; where ours cannot be, B takes
    // the difference.
    let root = Scaling::AlphaOverRootRank;
    let first = encoders.first().and_then(|first| layers.first(*first));
    let alpha = first.map_or(1.0, |layer| layer.factor * (rank as f64).sqrt());
    let alpha = match (alpha - alpha.round()).abs() < 1e-9 && alpha >= 1.0 {
        true => alpha.round(),
        false => 1.0,
    };
    let own = |layer: &Layer| (layer.factor / root.factor(alpha, rank) - 1.0).abs() < 1e-12;
    let projections: BTreeSet<Projection> = layers.0.keys().map(|(.., of)| *of).collect();
    let mut weights = Vec::new();
    for &encoder in &encoders {
        for block in blocks(encoder) {
            let mut parts = Vec::new();
            for (projection, name) in NAMES {
                if !projections.contains(&projection) {
                    continue;
                }
                let Some(layer) = layers.0.get(&(encoder, block, projection)) else {
                    let got = format!("no {} in block {block}", projection.letter());
                    let expected = "the same in every block";
                    return Err(no_form("the adapter's projections", got, expected));
                };
                let b = match own(layer) {
                    true => layer.b.clone(),
                    false => layer.b_for(root.factor(alpha, rank))?,
                };
                let pair = vec![
                    ("w_lora_A".to_string(), saved(&layer.a)?),
                    ("w_lora_B".to_string(), saved(&b)?),
                ];
                parts.push((name.to_string(), SavedValue::Dict(pair)));
            }
            let number = weights.len();
            weights.push((format!("layer_{number}"), SavedValue::Dict(parts)));
        }
    }
    let letters = projections
        .iter()
        .map(|of| SavedValue::Text(of.letter().into()));
    let encoder = match encoders[..] {
        [Encoder::Text] => "text",
        [Encoder::Image] => "vision",
        _ => "both",
    };
    let text = |text: &str| SavedValue::Text(text.into());
    let metadata = vec![
        ("r".to_string(), SavedValue::Int(rank as i64)),
        ("alpha".into(), SavedValue::Int(alpha as i64)),
        ("encoder".into(), text(encoder)),
        ("params".into(), SavedValue::List(letters.collect())),
        ("position".into(), text(position)),
    ];
    torch_archive(&SavedValue::Dict(vec![
        ("weights".into(), SavedValue::Dict(weights)),
        ("metadata".into(), SavedValue::Dict(metadata)),
        Notes::of(file).saved()?,
    ]))
}

fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::format("the CLIP-LoRA file", reason)
}
