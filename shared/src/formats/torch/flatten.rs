//! The tensors and plain values of a pickle by name.
//!
//! Names are the keys on the way, joined with dots: those of dictionaries, the
//! positions of lists and tuples, the attributes of modules. Other objects (a
//! scheduler, an optimiser kept whole) stay closed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Number, Value as Json};

use super::scalar::scalar;
use super::storage::{Storages, tensor};
use super::value::{Node, Object, Pickle, Value};
use super::{invalid, shown};
use crate::error::Result;
use crate::formats::StoredTensor;

/// Levels of dictionaries, lists and modules.
const DEEPEST: usize = 64;
const LONGEST_NAME: usize = 1024;
/// Bytes that the result may need for each byte of the pickle: a list of small
/// numbers, each with its name, needs fifty or so. A list that holds itself a few
/// times over would need any number.
const BYTES_PER_BYTE: usize = 128;
const BYTES_AT_LEAST: usize = 1 << 20;
/// Views may share a storage, tied weights for one; but not without end.
const VIEWS_PER_STORED_BYTE: usize = 16;
/// Small files may repeat more.
const VIEWS_AT_LEAST: usize = 1 << 20;

/// What a pickle holds, by name.
#[derive(Debug, Default)]
pub(super) struct Contents<'a> {
    pub(super) tensors: BTreeMap<String, StoredTensor<'a>>,
    pub(super) values: BTreeMap<String, Json>,
}

/// Names everything that a pickle holds. The storages lie in a file of
/// `file_bytes` bytes.
///
/// # Errors
/// [`crate::Error::Format`] if a tensor does not fit its storage, two have the
/// same name, or names would need too much memory.
pub(super) fn flatten<'a>(
    pickle: &Pickle<'_>,
    storages: &Storages<'a>,
    file_bytes: usize,
) -> Result<Contents<'a>> {
    let mut walk = Walk {
        pickle,
        storages,
        budget: pickle.bytes.len() * BYTES_PER_BYTE + BYTES_AT_LEAST,
        view_budget: file_bytes
            .saturating_mul(VIEWS_PER_STORED_BYTE)
            .saturating_add(VIEWS_AT_LEAST),
        name: String::new(),
        levels: Vec::new(),
        contents: Contents::default(),
    };
    if children(pickle, pickle.root).is_none() {
        // A tensor or a value that was saved by itself.
        walk.name = "value".into();
    }
    walk.visit(pickle.root)?;
    while let Some(level) = walk.levels.last_mut() {
        let child = level.children.get(pickle, level.next);
        level.next += 1;
        walk.name.truncate(level.prefix);
        match child {
            None => drop(walk.levels.pop()),
            Some((Step::Past, _)) => walk.pay(0)?,
            Some((Step::Through, value)) => walk.visit(value)?,
            Some((Step::Into(key), value)) => {
                walk.append(&key)?;
                walk.visit(value)?;
            }
        }
    }
    Ok(walk.contents)
}

struct Walk<'p, 'f, 'a> {
    pickle: &'p Pickle<'f>,
    storages: &'p Storages<'a>,
    budget: usize,
    view_budget: usize,
    /// The name of what is visited.
    name: String,
    levels: Vec<Level<'p>>,
    contents: Contents<'a>,
}

/// A container whose children are being visited.
struct Level<'p> {
    children: Children<'p>,
    next: usize,
    /// The length of its own name.
    prefix: usize,
}

impl<'p> Walk<'p, '_, '_> {
    /// Keeps a tensor or plain value under the name, or goes into a container.
    fn visit(&mut self, value: Value) -> Result<()> {
        let json = match value {
            Value::Bool(flag) => Json::Bool(flag),
            Value::Int(number) => number.into(),
            Value::Float(number) => json_number(number),
            Value::Text(span) => {
                let text = String::from_utf8_lossy(self.pickle.slice(span));
                self.pay(text.len())?;
                text.into()
            }
            Value::None | Value::LargeInt(_) | Value::Bytes(_) => return self.pay(0),
            Value::Node(_) => match children(self.pickle, value) {
                Some(children) => return self.enter(children),
                None => match self.tensor(value)? {
                    Some(json) => json,
                    None => return self.pay(0),
                },
            },
        };
        self.pay(self.name.len() + size_of::<(String, Json)>())?;
        match self.contents.values.insert(self.name.clone(), json) {
            Some(_) => Err(self.twice()),
            None => Ok(()),
        }
    }

    fn enter(&mut self, children: Children<'p>) -> Result<()> {
        self.pay(0)?;
        if self.levels.len() == DEEPEST {
            return Err(invalid(format!(
                "`{}` is nested more than {DEEPEST} times",
                shown(&self.name)
            )));
        }
        self.levels.push(Level {
            children,
            next: 0,
            prefix: self.name.len(),
        });
        Ok(())
    }

    /// Keeps a tensor under the name. Of other objects gives the number, if it is
    /// one of numpy's, or the class.
    fn tensor(&mut self, value: Value) -> Result<Option<Json>> {
        let found = tensor(self.pickle, value, self.storages);
        let found =
            found.map_err(|reason| invalid(format!("tensor `{}`: {reason}", shown(&self.name))))?;
        let Some(tensor) = found else {
            return Ok(scalar(self.pickle, value).or_else(|| self.class(value)));
        };
        let sizes = 2 * size_of_val(tensor.dims.as_slice());
        self.pay(self.name.len() + size_of::<(String, StoredTensor<'_>)>() + sizes)?;
        let left = self.view_budget.checked_sub(tensor.nbytes());
        self.view_budget = left.ok_or_else(|| {
            invalid(format!(
                "its tensors have more than {VIEWS_PER_STORED_BYTE} times the bytes of the file"
            ))
        })?;
        match self.contents.tensors.insert(self.name.clone(), tensor) {
            Some(_) => Err(self.twice()),
            None => Ok(None),
        }
    }

    /// What a closed object is, as Python prints its class.
    fn class(&self, value: Value) -> Option<Json> {
        let Node::Object(object) = self.pickle.as_node(value)? else {
            return None;
        };
        let (module, name) = self.pickle.global(Value::Node(object.callable))?;
        Some(shown(&format!("<class '{module}.{name}'>")).into())
    }

    fn append(&mut self, key: &str) -> Result<()> {
        if !self.name.is_empty() {
            self.name.push('.');
        }
        self.name.push_str(key);
        if self.name.len() > LONGEST_NAME {
            return Err(invalid(format!(
                "the name `{}` is too long",
                shown(&self.name)
            )));
        }
        Ok(())
    }

    /// Counts `bytes`, and what each visit takes.
    fn pay(&mut self, bytes: usize) -> Result<()> {
        let left = self.budget.checked_sub(bytes + size_of::<Value>());
        self.budget = left.ok_or_else(|| {
            invalid("naming what it holds needs too much memory; a container holds itself, or many others hold it")
        })?;
        Ok(())
    }

    fn twice(&self) -> crate::Error {
        invalid(format!("two values have the name `{}`", shown(&self.name)))
    }
}

/// What a container holds.
#[derive(Clone, Copy)]
enum Children<'p> {
    /// A dictionary's.
    Entries(&'p [(Value, Value)]),
    /// A module's attributes.
    Attributes(&'p [(Value, Value)]),
    /// Those of a list or tuple.
    Items(&'p [Value]),
    /// Pairs of key and value, as Python 2 wrote ordered dictionaries.
    Pairs(&'p [Value]),
}

/// How a child continues the name.
enum Step<'p> {
    Into(Cow<'p, str>),
    /// The child has the name of its parent.
    Through,
    /// The child has a key that is no name.
    Past,
}

impl<'p> Children<'p> {
    fn get(self, pickle: &Pickle<'p>, index: usize) -> Option<(Step<'p>, Value)> {
        match self {
            Self::Items(items) => {
                let value = *items.get(index)?;
                Some((Step::Into(index.to_string().into()), value))
            }
            Self::Entries(entries) => {
                let &(key, value) = entries.get(index)?;
                Some((step(pickle, key), value))
            }
            Self::Attributes(entries) => {
                let &(key, value) = entries.get(index)?;
                match pickle.text(key) {
                    Some("_parameters" | "_buffers" | "_modules") => Some((Step::Through, value)),
                    _ => Some((step(pickle, key), value)),
                }
            }
            Self::Pairs(pairs) => match pickle.items(*pairs.get(index)?) {
                Some(&[key, value]) => Some((step(pickle, key), value)),
                _ => Some((Step::Past, Value::None)),
            },
        }
    }
}

fn step<'p>(pickle: &Pickle<'p>, key: Value) -> Step<'p> {
    match key {
        Value::Int(number) => Step::Into(number.to_string().into()),
        _ => pickle
            .text(key)
            .map_or(Step::Past, |text| Step::Into(text.into())),
    }
}

/// What is open for naming: dictionaries, lists, tuples and modules.
fn children<'p>(pickle: &'p Pickle<'_>, value: Value) -> Option<Children<'p>> {
    match pickle.as_node(value)? {
        Node::Tuple(items) | Node::List(items) => Some(Children::Items(items)),
        Node::Dict(entries) => Some(Children::Entries(entries)),
        Node::Object(object) => opened(pickle, object),
        Node::Set(_) | Node::Global { .. } | Node::Persistent(_) => None,
    }
}

fn opened<'p>(pickle: &'p Pickle<'_>, object: &'p Object) -> Option<Children<'p>> {
    let class = pickle.global(Value::Node(object.callable));
    if let Some(Node::Dict(attributes)) = object.state.and_then(|state| pickle.as_node(state)) {
        // A TorchScript module, or one of PyTorch's: it begins with what
        // `Module.__init__` sets.
        let is_script = class.is_some_and(|(module, _)| module.starts_with("__torch__"));
        let mut first = attributes.iter().take(32);
        if is_script || first.any(|(key, _)| pickle.text(*key) == Some("_modules")) {
            return Some(Children::Attributes(attributes));
        }
    }
    if !object.entries.is_empty() {
        return Some(Children::Entries(&object.entries));
    }
    match (class?, pickle.items(object.arguments)?) {
        (("collections", "OrderedDict"), &[pairs]) => pickle.items(pairs).map(Children::Pairs),
        (("torch", "Size"), &[items]) => pickle.items(items).map(Children::Items),
        _ => None,
    }
}

/// JSON has no NaN and no infinity; they become texts.
fn json_number(number: f64) -> Json {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Json::Number)
}
