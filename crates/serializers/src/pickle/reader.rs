//! Runs the part of pickle that builds plain data.
//!
//! Objects live in an arena and refer to each other by index, since a pickle may
//! put an unfinished list into its memo and fill it later.

use std::collections::HashMap;

use super::input::{Input, Read, python2};
use super::ops::{
    ADDITEMS, APPEND, APPENDS, BINBYTES, BINBYTES8, BINFLOAT, BINGET, BININT, BININT1, BININT2,
    BINPUT, BINSTRING, BINUNICODE, BINUNICODE8, BYTEARRAY8, DICT, DUP, EMPTY_DICT, EMPTY_LIST,
    EMPTY_SET, EMPTY_TUPLE, FLOAT, FRAME, FROZENSET, GET, GLOBAL, INT, LIST, LONG, LONG_BINGET,
    LONG_BINPUT, LONG1, LONG4, MARK, MEMOIZE, NEWFALSE, NEWTRUE, NONE, POP, POP_MARK, PROTO, PUT,
    REDUCE, SETITEM, SETITEMS, SHORT_BINBYTES, SHORT_BINSTRING, SHORT_BINUNICODE, STACK_GLOBAL,
    STOP, STRING, TUPLE, TUPLE1, TUPLE2, TUPLE3, UNICODE,
};
use super::tree::{Id, Node, Tree};
use super::{FORMAT, PickleValue};
use crate::SerializeError;

const NEWEST_PROTOCOL: u8 = 5;

pub(super) fn read(data: &[u8], max_expanded_bytes: u64) -> Result<PickleValue, SerializeError> {
    let mut reader = Reader {
        input: Input::new(data),
        tree: Tree::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    let root = reader.run()?;
    reader.tree.into_value(root, max_expanded_bytes)
}

/// What a name in a pickle may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callable {
    Encode,
    Bytes,
    ByteArray,
    Set,
    FrozenSet,
    OrderedDict,
}

struct Reader<'a> {
    input: Input<'a>,
    tree: Tree,
    stack: Vec<Id>,
    /// Heights of the stack at which marks were set.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl Reader<'_> {
    fn run(&mut self) -> Read<Id> {
        loop {
            let at = self.input.position();
            let [op] = self.input.array()?;
            if op == STOP {
                return self.pop();
            }
            let known = self.scalar(op)? || self.container(op)? || self.machinery(op)?;
            if !known {
                return Err(self.unknown(op, at));
            }
        }
    }

    fn unknown(&self, op: u8, at: usize) -> SerializeError {
        match op {
            0x81 | 0x92 | b'i' | b'o' | b'b' | 0x82..=0x84 => SerializeError::Unsupported {
                format: FORMAT,
                what: "objects of classes".to_owned(),
                way_out: "unpickle it with Python, or store plain data (dict, list, str, …)"
                    .to_owned(),
            },
            b'P' | b'Q' | 0x97 | 0x98 => SerializeError::Unsupported {
                format: FORMAT,
                what: "persistent ids and out-of-band buffers".to_owned(),
                way_out: "pickle it with pickle.dumps(obj) alone".to_owned(),
            },
            _ => SerializeError::decode(
                FORMAT,
                format!(
                    "unknown opcode 0x{op:02x} at byte {at} of {}",
                    self.input.len()
                ),
            ),
        }
    }

    /// Opcodes that push a value of their own.
    fn scalar(&mut self, op: u8) -> Read<bool> {
        let value = match op {
            NONE => PickleValue::None,
            NEWTRUE => PickleValue::Bool(true),
            NEWFALSE => PickleValue::Bool(false),
            BININT => PickleValue::Int(i32::from_le_bytes(self.input.array()?).into()),
            BININT1 => PickleValue::Int(u8::from_le_bytes(self.input.array()?).into()),
            BININT2 => PickleValue::Int(u16::from_le_bytes(self.input.array()?).into()),
            BINFLOAT => PickleValue::Float(f64::from_be_bytes(self.input.array()?)),
            LONG1 => {
                let length = self.input.length1()?;
                PickleValue::from_le_bytes(self.input.bytes(length)?)
            }
            LONG4 => {
                let length = self.input.length4()?;
                PickleValue::from_le_bytes(self.input.bytes(length)?)
            }
            INT | LONG => self.input.text_int()?,
            FLOAT => self.input.text_float()?,
            UNICODE => PickleValue::Str(self.input.text_unicode()?),
            SHORT_BINUNICODE | BINUNICODE | BINUNICODE8 => {
                let length = self.input.length(op, [SHORT_BINUNICODE, BINUNICODE])?;
                PickleValue::Str(self.input.utf8(length)?)
            }
            SHORT_BINBYTES | BINBYTES | BINBYTES8 => {
                let length = self.input.length(op, [SHORT_BINBYTES, BINBYTES])?;
                PickleValue::Bytes(self.input.bytes(length)?.to_vec())
            }
            BYTEARRAY8 => {
                let length = self.input.length8()?;
                PickleValue::ByteArray(self.input.bytes(length)?.to_vec())
            }
            SHORT_BINSTRING | BINSTRING => {
                let length = self.input.length(op, [SHORT_BINSTRING, BINSTRING])?;
                PickleValue::Str(self.input.python2_text(length)?)
            }
            STRING => return Err(python2()),
            _ => return Ok(false),
        };
        self.push(Node::Leaf(value));
        Ok(true)
    }

    /// Opcodes that build or fill containers.
    fn container(&mut self, op: u8) -> Read<bool> {
        match op {
            EMPTY_LIST => self.push(Node::List(Vec::new())),
            EMPTY_TUPLE => self.push(Node::Tuple(Vec::new())),
            EMPTY_DICT => self.push(Node::Dict(Vec::new())),
            EMPTY_SET => self.push(Node::Set(Vec::new())),
            LIST => {
                let items = self.pop_to_mark()?;
                self.push(Node::List(items));
            }
            TUPLE => {
                let items = self.pop_to_mark()?;
                self.push(Node::Tuple(items));
            }
            FROZENSET => {
                let items = self.pop_to_mark()?;
                self.push(Node::FrozenSet(items));
            }
            DICT => {
                let entries = pairs(&self.pop_to_mark()?)?;
                self.push(Node::Dict(entries));
            }
            TUPLE1 | TUPLE2 | TUPLE3 => {
                let count = usize::from(op - TUPLE1) + 1;
                let from = self.floor(count)?;
                let items = self.stack.split_off(from);
                self.push(Node::Tuple(items));
            }
            APPEND => {
                let item = self.pop()?;
                self.fill(vec![item])?;
            }
            APPENDS | ADDITEMS | SETITEMS => {
                let items = self.pop_to_mark()?;
                self.fill(items)?;
            }
            SETITEM => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.fill(vec![key, value])?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Opcodes that move values between stack and memo, or name a callable.
    fn machinery(&mut self, op: u8) -> Read<bool> {
        match op {
            PROTO => self.protocol()?,
            FRAME => {
                self.input.array::<8>()?;
            }
            MARK => self.marks.push(self.stack.len()),
            POP => {
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            POP_MARK => {
                self.pop_to_mark()?;
            }
            DUP => self.stack.push(self.top()?),
            MEMOIZE => self.memoize(self.memo.len() as u64)?,
            BINPUT | LONG_BINPUT | PUT => {
                let index = self.memo_index(op, [BINPUT, LONG_BINPUT])?;
                self.memoize(index)?;
            }
            BINGET | LONG_BINGET | GET => {
                let index = self.memo_index(op, [BINGET, LONG_BINGET])?;
                let id = self.memo.get(&index).copied();
                self.stack.push(
                    id.ok_or_else(|| self.damaged(&format!("nothing was memorized as {index}")))?,
                );
            }
            GLOBAL => {
                let module = self.input.line()?.to_owned();
                let name = self.input.line()?.to_owned();
                self.callable(&module, &name)?;
            }
            STACK_GLOBAL => {
                let name = self.pop_text()?;
                let module = self.pop_text()?;
                self.callable(&module, &name)?;
            }
            REDUCE => {
                let arguments = self.pop()?;
                let callable = self.pop()?;
                let node = self
                    .tree
                    .call(callable, arguments)
                    .ok_or_else(|| self.damaged("a call of unknown form"))?;
                self.push(node);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn protocol(&mut self) -> Read {
        let [protocol] = self.input.array()?;
        if protocol > NEWEST_PROTOCOL {
            return Err(SerializeError::Unsupported {
                format: FORMAT,
                what: format!("protocol {protocol}"),
                way_out: format!("pickle it with protocol={NEWEST_PROTOCOL} or lower"),
            });
        }
        Ok(())
    }

    /// Only callables that build plain data are known; none is ever run.
    fn callable(&mut self, module: &str, name: &str) -> Read {
        let callable = match (module, name) {
            ("_codecs", "encode") => Callable::Encode,
            ("builtins" | "__builtin__", "bytes") => Callable::Bytes,
            ("builtins" | "__builtin__", "bytearray") => Callable::ByteArray,
            ("builtins" | "__builtin__", "set") => Callable::Set,
            ("builtins" | "__builtin__", "frozenset") => Callable::FrozenSet,
            ("collections", "OrderedDict") => Callable::OrderedDict,
            _ => {
                return Err(SerializeError::Unsupported {
                    format: FORMAT,
                    what: format!("{module}.{name}"),
                    way_out: "unpickle it with Python, or store plain data (dict, list, str, …)"
                        .to_owned(),
                });
            }
        };
        self.push(Node::Callable(callable));
        Ok(())
    }

    fn memoize(&mut self, index: u64) -> Read {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn memo_index(&mut self, op: u8, [short, long]: [u8; 2]) -> Read<u64> {
        if op == short {
            Ok(u8::from_le_bytes(self.input.array()?).into())
        } else if op == long {
            Ok(u32::from_le_bytes(self.input.array()?).into())
        } else {
            let line = self.input.line()?;
            let index = line.parse().ok();
            index.ok_or_else(|| self.damaged("a memo index is no number"))
        }
    }

    // --- stack ---

    fn push(&mut self, node: Node) {
        let id = self.tree.add(node);
        self.stack.push(id);
    }

    fn top(&self) -> Read<Id> {
        self.floor(1)?;
        self.stack
            .last()
            .copied()
            .ok_or_else(|| self.damaged("the stack is empty"))
    }

    fn pop(&mut self) -> Read<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// Where the upper `count` values begin, none of them below a mark.
    fn floor(&self, count: usize) -> Read<usize> {
        let mark = self.marks.last().copied().unwrap_or_default();
        self.stack
            .len()
            .checked_sub(count)
            .filter(|from| *from >= mark)
            .ok_or_else(|| self.damaged("the stack is empty"))
    }

    fn pop_to_mark(&mut self) -> Read<Vec<Id>> {
        let mark = self
            .marks
            .pop()
            .ok_or_else(|| self.damaged("a mark is missing"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn pop_text(&mut self) -> Read<String> {
        let id = self.pop()?;
        self.tree
            .text(id)
            .map(str::to_owned)
            .ok_or_else(|| self.damaged("a name is no string"))
    }

    fn fill(&mut self, items: Vec<Id>) -> Read {
        let container = self.top()?;
        let filled = self.tree.fill(container, items);
        filled.ok_or_else(|| self.damaged("values are added to what is no container"))
    }

    fn damaged(&self, what: &str) -> SerializeError {
        self.input.damaged(what)
    }
}

fn pairs(items: &[Id]) -> Read<Vec<(Id, Id)>> {
    let (entries, rest) = items.as_chunks::<2>();
    if rest.is_empty() {
        Ok(entries.iter().map(|[key, value]| (*key, *value)).collect())
    } else {
        Err(SerializeError::decode(
            FORMAT,
            "a key of a dict has no value; the object is damaged",
        ))
    }
}
