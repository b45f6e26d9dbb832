//! CoOp's and CoCoOp's `model.pth.tar-N` (KaiyangZhou/CoOp `trainers/coop.py`,
//! `trainers/cocoop.py`; KaiyangZhou/Dassl.pytorch `save_checkpoint`).

use candle_core::Tensor;

use super::ReadOptions;
use super::layers::{numbers, values};
use super::notes::{KEY, Notes};
use super::source::foreign;
use crate::checkpoint::LearnedFile;
use crate::clip::{Clip, Tokenizer};
use crate::error::{Error, Result};
use crate::formats::{Checkpoint, SavedValue, torch_archive};
use crate::learners::{Method, NamedTensors};

const CONTEXT: &str = "ctx";
const META_NET: &str = "meta_net.";
/// The embeddings of the tokens around a context: the references store them, and drop
/// them when they load.
const FROZEN: [&str; 2] = ["token_prefix", "token_suffix"];

/// Reads a checkpoint whose learned tensors are named with `prefix` before them.
///
/// # Errors
/// [`Error::WrongFile`] if it holds another method's tensors, or class-specific
/// vectors without the names of their classes.
pub(super) fn read(
    file: &Checkpoint<'_>,
    prefix: &str,
    options: &ReadOptions,
) -> Result<LearnedFile> {
    let mut tensors = Vec::new();
    for (name, stored) in &file.tensors {
        let Some(name) = name.strip_prefix(prefix) else {
            continue; // the optimiser's state
        };
        if FROZEN.contains(&name) || (prefix.is_empty() && name.contains("optimizer.")) {
            continue;
        }
        if name != CONTEXT && !name.starts_with(META_NET) {
            let expected = "CoOp's `ctx`, or CoCoOp's `ctx` and `meta_net`";
            return Err(foreign("a checkpoint", name, expected));
        }
        tensors.push((name.to_string(), values(name, stored)?));
    }
    let tensors: NamedTensors = tensors.into_iter().collect();
    let method = match tensors.iter().any(|(name, _)| name.starts_with(META_NET)) {
        true => Method::CoCoOp,
        false => Method::Coop,
    };
    let number = |name: &str| file.values.get(name)?.as_u64();
    let mut notes = Notes::read(file.values.get(KEY).and_then(serde_json::Value::as_str))?;
    if let Some(epoch) = number("epoch") {
        notes.epochs = usize::try_from(epoch).unwrap_or(usize::MAX);
    }
    let metadata = notes.context(method, options);
    let classes = metadata.facts.class_names.len();
    let dims = tensors.get(CONTEXT).map(Tensor::dims).unwrap_or_default();
    match *dims {
        [_, _] => {}
        [of, _, _] if of == classes => {}
        [of, _, _] => {
            return Err(Error::WrongFile {
                found: format!(
                    "a class-specific context of {of} classes, with the names of {classes}"
                ),
                expected: format!("{of} names"),
                remedy: "the file does not hold them: give them with --class-names, in the order \
                         that they were learned in",
            });
        }
        _ => {
            return Err(Error::TensorShape {
                name: CONTEXT.into(),
                expected: [16, 512].as_slice().into(),
                got: dims.into(),
            });
        }
    }
    Ok(LearnedFile { metadata, tensors })
}

/// The bytes of a `model.pth.tar-N` that the references load. With a model it also
/// holds the embeddings of the tokens around the context, as theirs do; what the
/// references do not store (class names, the class token's position) is in an entry
/// that they do not look at.
///
/// # Errors
/// [`Error::Setting`] if the file is of another method; [`Error::TextTooLong`] if a
/// class name does not fit behind the context.
pub fn write(file: &LearnedFile, model: Option<(&Clip, &Tokenizer)>) -> Result<Vec<u8>> {
    let method = file.metadata.method;
    if !matches!(method, Method::Coop | Method::CoCoOp) {
        let expected = "CoOp or CoCoOp, for CoOp's checkpoint";
        return Err(Error::setting("the method", method.title(), expected));
    }
    let context = file
        .tensors
        .get(CONTEXT)
        .ok_or_else(|| Error::format("the learned file", "no `ctx`"))?;
    // The order of the references' state dicts: parameters, buffers, modules.
    let mut state = vec![(CONTEXT.to_string(), saved(context)?)];
    let names = &file.metadata.facts.class_names;
    if let Some((clip, tokenizer)) = model
        && !names.is_empty()
    {
        let n_ctx = context.dims()[context.rank().saturating_sub(2)];
        for (name, frozen) in FROZEN.iter().zip(frozen(clip, tokenizer, names, n_ctx)?) {
            state.push((name.to_string(), saved(&frozen)?));
        }
    }
    for layer in [
        "linear1.weight",
        "linear1.bias",
        "linear2.weight",
        "linear2.bias",
    ] {
        let name = format!("{META_NET}{layer}");
        if let Some(tensor) = file.tensors.get(&name) {
            state.push((name, saved(tensor)?));
        }
    }
    torch_archive(&SavedValue::Dict(vec![
        ("state_dict".into(), SavedValue::OrderedDict(state)),
        ("epoch".into(), SavedValue::Int(file.metadata.epochs as i64)),
        ("val_result".into(), SavedValue::None),
        Notes::of(file).saved()?,
    ]))
}

/// A tensor as it is saved.
pub(super) fn saved(tensor: &Tensor) -> Result<SavedValue> {
    Ok(SavedValue::Tensor {
        dims: tensor.dims().into(),
        values: numbers(tensor)?,
    })
}

/// The embeddings of what stands before a context, `[n_classes, 1, width]`, and
/// behind it up to the last slot, `[n_classes, slots, width]`.
fn frozen(
    clip: &Clip,
    tokenizer: &Tokenizer,
    class_names: &[String],
    n_ctx: usize,
) -> Result<[Tensor; 2]> {
    let (width, classes) = (clip.text.width(), class_names.len());
    let slots = clip.text.context_length().saturating_sub(1 + n_ctx);
    let start = vec![tokenizer.start_of_text(); classes];
    let mut behind = Vec::with_capacity(classes * slots);
    for name in class_names {
        let mut ids = tokenizer.encode(&format!("{}.", name.replace('_', " ")));
        ids.push(tokenizer.end_of_text());
        if ids.len() > slots {
            return Err(Error::TextTooLong {
                text: format!("{n_ctx} context vectors and {name}"),
                got: 1 + n_ctx + ids.len(),
                context_length: clip.text.context_length(),
            });
        }
        ids.resize(slots, 0);
        behind.extend(ids);
    }
    let embed = |ids: &[u32], slots: usize| -> Result<Tensor> {
        let embeddings = clip.text.token_embedding(ids)?;
        Ok(embeddings.reshape((classes, slots, width))?)
    };
    Ok([embed(&start, 1)?, embed(&behind, slots)?])
}
