//! The pickle of a module's attributes: the opcodes that `torch.jit.save` writes, and no other.
//!
//! An unpickler of Python calls what the pickle names. This one knows how a tensor is put together and calls nothing: everything else
//! becomes [`Value::Opaque`]. The stack, the memo and the values have at most one entry per byte of the pickle, a text is never longer
//! than the pickle, and nesting is limited, because values are dropped and visited by recursion.

use super::value::{Nested, Object, Storage, TensorClaim, Value};
use super::{Unreadable, unreadable};
use std::collections::HashMap;
use std::rc::Rc;

/// The maximum number of levels of values.
const MOST_LEVELS: u32 = 200;

/// The maximum number of dimensions of a tensor; libtorch has the same for most operations.
const MOST_DIMENSIONS: usize = 64;

/// Returns the value that a pickle describes.
pub(super) fn read(pickle: &[u8]) -> Result<Value, Unreadable> {
    Machine { rest: pickle, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() }.run()
}

struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Value>,
    /// Positions in the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<Value, Unreadable> {
        loop {
            let [opcode] = self.array()?;
            match opcode {
                b'.' => return self.pop(),
                // PROTO
                0x80 => match self.array()? {
                    [2..=4] => {}
                    [version] => {
                        return Err(unreadable(format!("its pickle has protocol {version}, expected 2")));
                    }
                },
                b'N' => self.push(Value::None)?,
                0x88 | 0x89 => self.push(Value::Bool)?,
                b'K' | b'M' | b'J' | 0x8a | b'G' => self.number(opcode)?,
                b'X' => {
                    let length = u32::from_le_bytes(self.array()?);
                    let text = text(self.take(length as usize)?)?;
                    self.push(Value::Text(text.into()))?;
                }
                // GLOBAL: a module and a name, each with a line of its own
                b'c' => {
                    let [module, name] = [self.line()?, self.line()?];
                    self.push(Value::Global(format!("{module}.{name}").into()))?;
                }
                b'(' => self.marks.push(self.stack.len()),
                b')' => self.push(tuple(Vec::new()))?,
                b']' => self.push(list(Vec::new()))?,
                b'}' => self.push(dict(Vec::new()))?,
                b't' => {
                    let values = self.pop_to_mark()?;
                    self.push(tuple(values))?;
                }
                0x85..=0x87 => {
                    let count = usize::from(opcode - 0x84);
                    let first = self.stack.len().checked_sub(count).ok_or_else(too_short)?;
                    let values = self.stack.split_off(first);
                    self.push(tuple(values))?;
                }
                b'a' => {
                    let value = self.pop()?;
                    self.append(vec![value])?;
                }
                b'e' => {
                    let values = self.pop_to_mark()?;
                    self.append(values)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.set_items(vec![key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.set_items(items)?;
                }
                b'q' | b'r' | b'h' | b'j' => self.remember(opcode)?,
                b'Q' => {
                    let value = storage(&self.pop()?)?;
                    self.push(value)?;
                }
                b'R' => {
                    let (arguments, function) = (self.pop()?, self.pop()?);
                    self.push(call(&function, &arguments)?)?;
                }
                // NEWOBJ
                0x81 => {
                    let (_, class) = (self.pop()?, self.pop()?);
                    let Value::Global(class) = class else {
                        return Err(unreadable("its pickle makes an object of no class"));
                    };
                    let attributes = Rc::new(Nested { levels: 0, content: Vec::new() });
                    self.push(Value::Object(Rc::new(Nested {
                        levels: 1,
                        content: Object { class, attributes },
                    })))?;
                }
                b'b' => {
                    let (state, object) = (self.pop()?, self.pop()?);
                    self.push(built(&object, &state))?;
                }
                _ => {
                    return Err(unreadable(format!(
                        "its pickle has the opcode {opcode:#04x}, which torch.jit.save does not write"
                    )));
                }
            }
        }
    }

    /// A whole number or a float.
    fn number(&mut self, opcode: u8) -> Result<(), Unreadable> {
        let value = match opcode {
            b'K' => i64::from(u8::from_le_bytes(self.array()?)),
            b'M' => i64::from(u16::from_le_bytes(self.array()?)),
            b'J' => i64::from(i32::from_le_bytes(self.array()?)),
            0x8a => self.long()?,
            _ => {
                let _: [u8; 8] = self.array()?;
                return self.push(Value::Float);
            }
        };
        self.push(Value::Int(value))
    }

    /// Puts a value into the memo, or takes one from it; a place has one byte or four.
    fn remember(&mut self, opcode: u8) -> Result<(), Unreadable> {
        let place = match opcode {
            b'q' | b'h' => u32::from(u8::from_le_bytes(self.array()?)),
            _ => u32::from_le_bytes(self.array()?),
        };
        if matches!(opcode, b'q' | b'r') {
            let value = self.stack.last().ok_or_else(too_short)?.clone();
            self.memo.insert(place, value);
            return Ok(());
        }
        let value = self.memo.get(&place).cloned();
        self.push(
            value.ok_or_else(|| {
                unreadable(format!("its pickle refers to the value {place}, which it lacks"))
            })?,
        )
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or_else(|| {
            unreadable(format!("its pickle claims {bytes} bytes where {} are left", self.rest.len()))
        })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        Ok(self.take(N)?.try_into().expect("N bytes were taken"))
    }

    fn line(&mut self) -> Result<&'a str, Unreadable> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').ok_or_else(too_short)?;
        let line = self.take(end + 1)?;
        text(&line[..end])
    }

    /// LONG1: little-endian, two's complement.
    fn long(&mut self) -> Result<i64, Unreadable> {
        let [length] = self.array()?;
        let bytes = self.take(length.into())?;
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        match wide.get_mut(..bytes.len()) {
            Some(low) => low.copy_from_slice(bytes),
            None => return Err(unreadable(format!("its pickle has an integer of {length} bytes"))),
        }
        Ok(i64::from_le_bytes(wide))
    }

    fn push(&mut self, value: Value) -> Result<(), Unreadable> {
        if value.levels() > MOST_LEVELS {
            return Err(unreadable(format!("its pickle has more than {MOST_LEVELS} levels of values")));
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value, Unreadable> {
        self.stack.pop().ok_or_else(too_short)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, Unreadable> {
        let mark = self.marks.pop().filter(|mark| *mark <= self.stack.len()).ok_or_else(too_short)?;
        Ok(self.stack.split_off(mark))
    }

    fn append(&mut self, values: Vec<Value>) -> Result<(), Unreadable> {
        match self.pop()? {
            Value::List(known) if known.content.is_empty() => self.push(list(values)),
            Value::List(_) => Err(unreadable("its pickle fills a list twice")),
            _ => self.push(Value::Opaque),
        }
    }

    fn set_items(&mut self, items: Vec<Value>) -> Result<(), Unreadable> {
        let mut items = items.into_iter();
        let mut pairs = Vec::with_capacity(items.len() / 2);
        while let Some(key) = items.next() {
            pairs.push((key, items.next().ok_or_else(too_short)?));
        }
        match self.pop()? {
            Value::Dict(known) if known.content.is_empty() => self.push(dict(pairs)),
            Value::Dict(_) => Err(unreadable("its pickle fills a dict twice")),
            _ => self.push(Value::Opaque),
        }
    }
}

fn too_short() -> Unreadable {
    unreadable("its pickle ends early, or takes values that it does not have")
}

fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|_| unreadable("its pickle has a text that is not UTF-8"))
}

fn levels<'v>(values: impl Iterator<Item = &'v Value>) -> u32 {
    values.map(Value::levels).max().unwrap_or(0) + 1
}

fn tuple(values: Vec<Value>) -> Value {
    Value::Tuple(Rc::new(Nested { levels: levels(values.iter()), content: values }))
}

fn list(values: Vec<Value>) -> Value {
    Value::List(Rc::new(Nested { levels: levels(values.iter()), content: values }))
}

fn dict(pairs: Vec<(Value, Value)>) -> Value {
    let levels = levels(pairs.iter().flat_map(|(key, value)| [key, value]));
    Value::Dict(Rc::new(Nested { levels, content: pairs }))
}

/// Returns the object with its attributes.
fn built(object: &Value, state: &Value) -> Value {
    let (Value::Object(object), Value::Dict(attributes)) = (object, state) else { return Value::Opaque };
    let content = Object { class: object.content.class.clone(), attributes: attributes.clone() };
    Value::Object(Rc::new(Nested { levels: attributes.levels + 1, content }))
}

/// Returns the storage with a persistent name: `("storage", type, key, device, count)`.
fn storage(name: &Value) -> Result<Value, Unreadable> {
    let Some([word, Value::Global(kind), Value::Text(key), Value::Text(_), Value::Int(count)]) = name.tuple()
    else {
        return Err(unreadable("its pickle names a storage in an unknown way"));
    };
    let kind = kind.strip_prefix("torch.").filter(|_| word.text().is_some_and(|word| &**word == "storage"));
    let kind = kind.ok_or_else(|| unreadable("its pickle names a storage of an unknown type"))?;
    Ok(Value::Storage(Rc::new(Storage { kind: kind.into(), key: key.clone(), count: *count })))
}

/// Returns the result of the functions that tensors and lists are written with.
fn call(function: &Value, arguments: &Value) -> Result<Value, Unreadable> {
    let Value::Global(function) = function else { return Ok(Value::Opaque) };
    let arguments = arguments.tuple().unwrap_or_default();
    match (&**function, arguments) {
        ("torch._utils._rebuild_tensor_v2", [Value::Storage(storage), offset, shape, strides, ..]) => {
            let extents = |value: &Value| {
                let values = value.tuple().filter(|values| values.len() <= MOST_DIMENSIONS)?;
                values.iter().map(Value::int).collect::<Option<Vec<_>>>()
            };
            match (offset.int(), extents(shape), extents(strides)) {
                (Some(offset), Some(shape), Some(strides)) => {
                    let storage = storage.clone();
                    Ok(Value::Tensor(Rc::new(TensorClaim { storage, offset, shape, strides })))
                }
                _ => Err(unreadable("its pickle has a tensor without a shape")),
            }
        }
        ("collections.OrderedDict", []) => Ok(dict(Vec::new())),
        _ => Ok(Value::Opaque),
    }
}
