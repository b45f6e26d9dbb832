//! A pickle read as data.
//!
//! The opcodes build the values of [`super::value`]; a function or class stays a
//! name, and a call stays a note that there was one. Calls of anything but what
//! [`super::globals`] knows are refused, with the name.
//!
//! Source: CPython `Lib/pickletools.py`, which describes every opcode.

use super::globals::{may_be_called, may_be_named};
use super::machine::{Machine, invalid, pairs};
use super::shown;
use super::value::{Node, Object, Pickle, Span, Value, slice};
use crate::error::{Error, Result};

/// Reads the pickle that `bytes` begin with, and says how long it is.
///
/// # Errors
/// [`Error::Format`] if it is cut or damaged, [`Error::ForeignCode`] if it asks
/// for a function that does not only build data.
pub(super) fn read(bytes: &[u8]) -> Result<(Pickle<'_>, usize)> {
    let mut machine = Machine::new(bytes);
    let root = machine.run()?;
    let Machine {
        bytes, at, nodes, ..
    } = machine;
    Ok((Pickle { bytes, nodes, root }, at))
}

impl Machine<'_> {
    /// Runs until the pickle stops; its value.
    fn run(&mut self) -> Result<Value> {
        loop {
            let opcode = self.byte()?;
            match opcode {
                b'.' => return self.pop(),
                // PROTO, FRAME: nothing that matters here.
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'(' => self.marks.push(self.stack.len() as u32),
                b'0' => self.drop_top()?,
                b'1' => drop(self.pop_to_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }
                b'N' => self.stack.push(Value::None),
                0x88 => self.stack.push(Value::Bool(true)),
                0x89 => self.stack.push(Value::Bool(false)),
                b'K' | b'M' | b'J' | 0x8a | 0x8b | b'G' | b'I' | b'L' | b'F' => {
                    self.number(opcode)?;
                }
                b'X' | 0x8c | 0x8d | b'T' | b'U' | b'B' | b'C' | 0x8e | 0x96 | b'S' | b'V' => {
                    self.string(opcode)?;
                }
                b')' | b't' | 0x85..=0x87 | b']' | b'l' | b'}' | b'd' | 0x8f | 0x91 => {
                    self.container(opcode)?;
                }
                b'a' | b'e' | 0x90 | b's' | b'u' => self.fill(opcode)?,
                b'q' | b'r' | b'p' | 0x94 | b'h' | b'j' | b'g' => self.memorise(opcode)?,
                b'c' | 0x93 | b'i' | b'o' | b'R' | 0x81 | 0x92 | b'b' => self.object(opcode)?,
                b'P' | b'Q' => self.persistent(opcode)?,
                // READONLY_BUFFER changes nothing.
                0x98 => {}
                _ => {
                    return Err(invalid(format!(
                        "byte {} is {opcode:#04x}; expected an opcode",
                        self.at - 1
                    )));
                }
            }
        }
    }

    fn number(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b'K' => Value::Int(self.byte()?.into()),
            b'M' => Value::Int(u16::from_le_bytes(self.array()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.array()?).into()),
            b'G' => Value::Float(f64::from_be_bytes(self.array()?)),
            // Before protocol 2 flags were numbers with a zero in front.
            b'I' if self.bytes[self.at..].starts_with(b"00\n") => self.flag(false)?,
            b'I' if self.bytes[self.at..].starts_with(b"01\n") => self.flag(true)?,
            b'I' | b'L' => Value::Int(self.parsed()?),
            b'F' => Value::Float(self.parsed()?),
            _ => {
                let length = match opcode {
                    0x8a => self.byte()?.into(),
                    _ => self.length::<4>()?,
                };
                let span = self.span(length)?;
                let digits = slice(self.bytes, span);
                let mut wide = match digits.last() {
                    Some(last) if last & 0x80 != 0 => [0xff; 8],
                    _ => [0; 8],
                };
                match wide.get_mut(..digits.len()) {
                    Some(low) => {
                        low.copy_from_slice(digits);
                        Value::Int(i64::from_le_bytes(wide))
                    }
                    None => Value::LargeInt(span),
                }
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn flag(&mut self, flag: bool) -> Result<Value> {
        self.line()?;
        Ok(Value::Bool(flag))
    }

    fn string(&mut self, opcode: u8) -> Result<()> {
        let span = match opcode {
            b'S' => self.line()?.without_quotes(),
            b'V' => self.line()?,
            _ => {
                let length = match opcode {
                    b'U' | b'C' | 0x8c => self.byte()?.into(),
                    b'T' | b'B' | b'X' => self.length::<4>()?,
                    _ => self.length::<8>()?,
                };
                self.span(length)?
            }
        };
        // Python 2 wrote texts with the opcodes of bytes; what is no text stays bytes.
        let is_bytes = matches!(opcode, b'B' | b'C' | 0x8e | 0x96);
        let is_text = !is_bytes && std::str::from_utf8(slice(self.bytes, span)).is_ok();
        self.stack.push(if is_text {
            Value::Text(span)
        } else {
            Value::Bytes(span)
        });
        Ok(())
    }

    fn container(&mut self, opcode: u8) -> Result<()> {
        let node = match opcode {
            b')' => {
                let tuple = match self.empty_tuple {
                    Some(tuple) => tuple,
                    None => self.add(Node::Tuple(Vec::new()))?,
                };
                self.empty_tuple = Some(tuple);
                self.stack.push(tuple);
                return Ok(());
            }
            b't' => Node::Tuple(self.pop_to_mark()?),
            0x85..=0x87 => Node::Tuple(self.pop_many(usize::from(opcode) - 0x84)?),
            b']' => Node::List(Vec::new()),
            b'l' => Node::List(self.pop_to_mark()?),
            b'}' => Node::Dict(Vec::new()),
            b'd' => Node::Dict(pairs(&self.pop_to_mark()?)?),
            0x8f => Node::Set(Vec::new()),
            _ => Node::Set(self.pop_to_mark()?),
        };
        self.push(node)
    }

    /// Puts values into the container below them.
    fn fill(&mut self, opcode: u8) -> Result<()> {
        let values = match opcode {
            b'a' => self.pop_many(1)?,
            b's' => self.pop_many(2)?,
            _ => self.pop_to_mark()?,
        };
        let top = self.top()?;
        let Some(node) = self.node_mut(top) else {
            return Err(invalid("values are put into what is no container"));
        };
        match (opcode, node) {
            (b'a' | b'e', Node::List(items)) | (0x90, Node::Set(items)) => items.extend(values),
            (b'a' | b'e' | 0x90, Node::Object(object)) => object.items.extend(values),
            (b's' | b'u', Node::Dict(entries)) => entries.extend(pairs(&values)?),
            (b's' | b'u', Node::Object(object)) => object.entries.extend(pairs(&values)?),
            _ => {
                return Err(invalid("values are put into a container of another kind"));
            }
        }
        Ok(())
    }

    fn memorise(&mut self, opcode: u8) -> Result<()> {
        let index = match opcode {
            b'q' | b'h' => usize::from(self.byte()?),
            b'r' | b'j' => self.length::<4>()?,
            b'p' | b'g' => self.parsed()?,
            // MEMOIZE takes the next number.
            _ => self.memo.len(),
        };
        if matches!(opcode, b'h' | b'j' | b'g') {
            let value = self.memo.get(index).copied().flatten();
            let value = value.ok_or_else(|| invalid(format!("memo {index} was never written")))?;
            self.stack.push(value);
            return Ok(());
        }
        // Writers number memos from zero, and need bytes for each.
        if index > self.at {
            return Err(invalid(format!("memo {index} is out of order")));
        }
        let value = self.top()?;
        if self.memo.len() <= index {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(value);
        Ok(())
    }

    fn object(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let global = self.global(module, name)?;
                self.stack.push(global);
                Ok(())
            }
            0x93 => match self.pop_many(2)?[..] {
                [Value::Text(module), Value::Text(name)] => {
                    let global = self.global(module, name)?;
                    self.stack.push(global);
                    Ok(())
                }
                _ => Err(invalid("a function's name is no text")),
            },
            // INST: the name is in the pickle, the arguments lie above a mark.
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let callable = self.global(module, name)?;
                let arguments = self.pop_to_mark()?;
                let arguments = self.add(Node::Tuple(arguments))?;
                self.call(callable, arguments)
            }
            // OBJ: the class and its arguments lie above a mark.
            b'o' => {
                let values = self.pop_to_mark()?;
                let (&callable, arguments) = values
                    .split_first()
                    .ok_or_else(|| invalid("an object has no class"))?;
                let arguments = self.add(Node::Tuple(arguments.to_vec()))?;
                self.call(callable, arguments)
            }
            b'R' => {
                let arguments = self.pop()?;
                let callable = self.pop()?;
                self.call(callable, arguments)
            }
            // NEWOBJ, NEWOBJ_EX: an object that is made without calling its class.
            // No function can be run this way, so any class will do.
            0x81 | 0x92 => {
                if opcode == 0x92 {
                    self.pop()?;
                }
                let arguments = self.pop()?;
                let class = self.pop()?;
                self.push_object(class, arguments)
            }
            _ => {
                let state = self.pop()?;
                let top = self.top()?;
                match self.node_mut(top) {
                    Some(Node::Object(object)) => object.state = Some(state),
                    // What hangs on an OrderedDict: PyTorch's `_metadata`.
                    Some(Node::Dict(_)) => {}
                    _ => return Err(invalid("a state is given to what is no object")),
                }
                Ok(())
            }
        }
    }

    fn persistent(&mut self, opcode: u8) -> Result<()> {
        let id = match opcode {
            b'P' => Value::Text(self.line()?),
            _ => self.pop()?,
        };
        // `('module', class, its source file, its source)`: the class.
        if let Some(Node::Tuple(parts)) = self.node_mut(id)
            && let &mut [Value::Text(kind), class, _, _] = parts.as_mut_slice()
            && slice(self.bytes, kind) == b"module"
        {
            self.stack.push(class);
            return Ok(());
        }
        self.push(Node::Persistent(id))
    }

    /// A call, if it is of something that only builds data.
    fn call(&mut self, callable: Value, arguments: Value) -> Result<()> {
        let Some((module, name)) = self.global_names(callable) else {
            return Err(invalid("it calls what is no function"));
        };
        if !may_be_called(module, name) {
            return Err(foreign(module, name));
        }
        // An ordinary dictionary from here on, which the entries are put into.
        let is_dict = module == "collections" && matches!(name, "OrderedDict" | "defaultdict");
        let takes_pairs = name == "OrderedDict" && Some(arguments) != self.empty_tuple;
        if is_dict && !takes_pairs {
            return self.push(Node::Dict(Vec::new()));
        }
        self.push_object(callable, arguments)
    }

    fn push_object(&mut self, class: Value, arguments: Value) -> Result<()> {
        let (Some(_), Value::Node(callable)) = (self.global_names(class), class) else {
            return Err(invalid("an object's class is no class"));
        };
        self.push(Node::Object(Box::new(Object {
            callable,
            arguments,
            state: None,
            items: Vec::new(),
            entries: Vec::new(),
        })))
    }

    fn global(&mut self, module: Span, name: Span) -> Result<Value> {
        if !module.is_short() || !name.is_short() {
            return Err(invalid("a function's name is too long"));
        }
        let global = self.add(Node::Global { module, name })?;
        match self.global_names(global) {
            Some((module, name)) if may_be_named(module, name) => Ok(global),
            Some((module, name)) => Err(foreign(module, name)),
            None => Err(invalid("a function's name is no text")),
        }
    }
}

fn foreign(module: &str, name: &str) -> Error {
    Error::ForeignCode {
        name: shown(&format!("{module}.{name}")),
    }
}
