//! What a pickle holds, as plain data.
//!
//! Containers lie in one arena and name each other by number: a pickle that nests
//! a million lists, or puts a list into itself, builds and drops like any other.

use std::ops::Range;

/// Names in a pickle are looked at again and again, and have to be short.
const LONGEST_NAME: u32 = 4096;

/// A piece of the pickle: texts stay where they lie in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    pub(super) fn new(range: Range<usize>) -> Option<Self> {
        let length = range.end.checked_sub(range.start)?;
        Some(Self {
            start: range.start.try_into().ok()?,
            length: length.try_into().ok()?,
        })
    }

    /// Whether it is short enough to be a name.
    pub(super) fn is_short(self) -> bool {
        self.length <= LONGEST_NAME
    }

    /// What lies between the first and the last byte, if there is anything.
    pub(super) fn without_quotes(self) -> Self {
        match self.length.checked_sub(2) {
            Some(length) => Self {
                start: self.start + 1,
                length,
            },
            None => self,
        }
    }
}

/// A value. Small on purpose: a hostile pickle makes one of every byte.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits, little-endian.
    LargeInt(Span),
    Float(f64),
    Text(Span),
    Bytes(Span),
    Node(NodeId),
}

/// The place of a [`Node`] in its pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(pub(super) u32);

/// A value that holds others.
#[derive(Debug)]
pub(super) enum Node {
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Set(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// A function or class, by name only.
    Global {
        module: Span,
        name: Span,
    },
    /// What calling a function or class would give. It is never called.
    Object(Box<Object>),
    /// What the pickle's writer kept elsewhere: a storage of PyTorch's.
    Persistent(Value),
}

/// A call that was not made, and what would have been done with its result.
#[derive(Debug)]
pub(super) struct Object {
    /// The [`Node::Global`] to call.
    pub(super) callable: NodeId,
    pub(super) arguments: Value,
    pub(super) state: Option<Value>,
    pub(super) items: Vec<Value>,
    pub(super) entries: Vec<(Value, Value)>,
}

/// A pickle that was read.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) nodes: Vec<Node>,
    pub(super) root: Value,
}

impl<'a> Pickle<'a> {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The node that a value is.
    pub(super) fn as_node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(id) => Some(self.node(id)),
            _ => None,
        }
    }

    pub(super) fn slice(&self, span: Span) -> &'a [u8] {
        slice(self.bytes, span)
    }

    /// A text that can be a name, if the value is one.
    pub(super) fn text(&self, value: Value) -> Option<&'a str> {
        match value {
            Value::Text(span) if span.is_short() => std::str::from_utf8(self.slice(span)).ok(),
            _ => None,
        }
    }

    /// The elements of a tuple or list.
    pub(super) fn items(&self, value: Value) -> Option<&[Value]> {
        match self.as_node(value)? {
            Node::Tuple(items) | Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// `module.name` of a function or class.
    pub(super) fn global(&self, value: Value) -> Option<(&'a str, &'a str)> {
        match self.as_node(value)? {
            Node::Global { module, name } => Some((
                std::str::from_utf8(self.slice(*module)).ok()?,
                std::str::from_utf8(self.slice(*name)).ok()?,
            )),
            _ => None,
        }
    }

    /// The function or class of a call that was not made, and its arguments.
    pub(super) fn call(&self, value: Value) -> Option<(&'a str, &'a str, &[Value])> {
        let Node::Object(object) = self.as_node(value)? else {
            return None;
        };
        let (module, name) = self.global(Value::Node(object.callable))?;
        Some((module, name, self.items(object.arguments)?))
    }

    /// Looks a name up in a dictionary.
    pub(super) fn get(&self, dict: Value, key: &str) -> Option<Value> {
        let Node::Dict(entries) = self.as_node(dict)? else {
            return None;
        };
        let found = entries
            .iter()
            .find(|(name, _)| self.text(*name) == Some(key));
        found.map(|(_, value)| *value)
    }
}

pub(super) fn slice(bytes: &[u8], span: Span) -> &[u8] {
    &bytes[span.start as usize..][..span.length as usize]
}
