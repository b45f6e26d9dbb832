//! The stack, the memo and the arena that a pickle's opcodes work on.

use super::value::{Node, NodeId, Span, Value, slice};
use crate::error::{Error, Result};

/// Far more than the description of any model's tensors: it names and places
/// them, and does not hold their numbers.
const LONGEST: usize = 16 << 20;
/// PyTorch writes a container with its opcode, its memo and what it holds.
const BYTES_PER_NODE: usize = 2;

pub(super) struct Machine<'a> {
    pub(super) bytes: &'a [u8],
    /// The next byte to read.
    pub(super) at: usize,
    pub(super) nodes: Vec<Node>,
    pub(super) stack: Vec<Value>,
    /// Heights of the stack.
    pub(super) marks: Vec<u32>,
    pub(super) memo: Vec<Option<Value>>,
    /// One is enough, however often it is asked for.
    pub(super) empty_tuple: Option<Value>,
}

impl<'a> Machine<'a> {
    /// A machine for the pickle that `bytes` begin with.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes: &bytes[..bytes.len().min(LONGEST)],
            at: 0,
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            empty_tuple: None,
        }
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let bytes: &'a [u8] = self.bytes;
        let taken = bytes[self.at..].get(..length).ok_or_else(|| self.cut())?;
        self.at += length;
        Ok(taken)
    }

    /// The place of the next `length` bytes.
    pub(super) fn span(&mut self, length: usize) -> Result<Span> {
        let start = self.at;
        self.take(length)?;
        Span::new(start..self.at).ok_or_else(|| self.cut())
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let taken = self.take(N)?;
        taken.first_chunk().copied().ok_or_else(|| self.cut())
    }

    /// A length of `N` bytes, little-endian.
    pub(super) fn length<const N: usize>(&mut self) -> Result<usize> {
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&self.array::<N>()?);
        // What does not fit cannot follow either.
        usize::try_from(u64::from_le_bytes(wide)).map_err(|_| self.cut())
    }

    /// The place of the bytes up to the end of the line.
    pub(super) fn line(&mut self) -> Result<Span> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let span = self.span(end.ok_or_else(|| self.cut())?)?;
        self.at += 1;
        Ok(span)
    }

    /// A line that holds a number.
    pub(super) fn parsed<T: std::str::FromStr>(&mut self) -> Result<T> {
        let line = self.line()?;
        let text = std::str::from_utf8(slice(self.bytes, line)).unwrap_or_default();
        let number = text.strip_suffix('L').unwrap_or(text).trim().parse();
        number.map_err(|_| invalid("a number is no number"))
    }

    /// How many values lie above the topmost mark.
    fn available(&self) -> usize {
        let mark = self.marks.last().map_or(0, |&mark| mark as usize);
        self.stack.len() - mark
    }

    pub(super) fn top(&self) -> Result<Value> {
        let top = self.stack.last().filter(|_| self.available() > 0);
        top.copied().ok_or_else(empty)
    }

    pub(super) fn pop(&mut self) -> Result<Value> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// The topmost `count` values, lowest first.
    pub(super) fn pop_many(&mut self, count: usize) -> Result<Vec<Value>> {
        if self.available() < count {
            return Err(empty());
        }
        Ok(self.stack.split_off(self.stack.len() - count))
    }

    /// The values above the topmost mark, lowest first; the mark goes too.
    pub(super) fn pop_to_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.marks.pop().ok_or_else(empty)?;
        Ok(self.stack.split_off(mark as usize))
    }

    /// Drops the topmost value, or the mark if there is none above it.
    pub(super) fn drop_top(&mut self) -> Result<()> {
        if self.available() == 0 {
            return self.pop_to_mark().map(drop);
        }
        self.pop().map(drop)
    }

    /// What an end before the last opcode means.
    pub(super) fn cut(&self) -> Error {
        if self.bytes.len() == LONGEST {
            return invalid(format!("it is longer than {LONGEST} bytes"));
        }
        invalid(format!(
            "it ends after {} bytes, before it is complete",
            self.bytes.len()
        ))
    }

    pub(super) fn global_names(&self, value: Value) -> Option<(&'a str, &'a str)> {
        let Value::Node(id) = value else { return None };
        let Node::Global { module, name } = self.nodes.get(id.0 as usize)? else {
            return None;
        };
        let text = |span| std::str::from_utf8(slice(self.bytes, span)).ok();
        Some((text(*module)?, text(*name)?))
    }

    pub(super) fn node_mut(&mut self, value: Value) -> Option<&mut Node> {
        match value {
            Value::Node(id) => self.nodes.get_mut(id.0 as usize),
            _ => None,
        }
    }

    pub(super) fn add(&mut self, node: Node) -> Result<Value> {
        // Containers are what costs memory; a flood of them describes no tensors.
        if self.nodes.len() > self.bytes.len() / BYTES_PER_NODE + 64 {
            return Err(invalid("it holds too many containers for its length"));
        }
        self.nodes.push(node);
        Ok(Value::Node(NodeId(self.nodes.len() as u32 - 1)))
    }

    pub(super) fn push(&mut self, node: Node) -> Result<()> {
        let value = self.add(node)?;
        self.stack.push(value);
        Ok(())
    }
}

/// The pairs of keys and values that lie one after the other.
pub(super) fn pairs(values: &[Value]) -> Result<Vec<(Value, Value)>> {
    let (pairs, []) = values.as_chunks::<2>() else {
        return Err(invalid("a key has no value"));
    };
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}

pub(super) fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::format("the PyTorch file's pickle", reason)
}

fn empty() -> Error {
    invalid("an opcode asks for more values than there are")
}
