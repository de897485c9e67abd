//! The objects of a pickle while it is read, and the value they end as.

use super::reader::Callable;
use super::{FORMAT, MAX_DEPTH, PickleValue};
use crate::SerializeError;

/// Index of an object.
pub(super) type Id = usize;

#[derive(Debug, Clone)]
pub(super) enum Node {
    Leaf(PickleValue),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    FrozenSet(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Callable(Callable),
}

#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    pub(super) fn add(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.nodes.get(id) {
            Some(Node::Leaf(PickleValue::Str(text))) => Some(text),
            _ => None,
        }
    }

    /// Adds items to a list or set, or pairs of them to a dict.
    pub(super) fn fill(&mut self, container: Id, items: Vec<Id>) -> Option<()> {
        match self.nodes.get_mut(container)? {
            Node::List(list) | Node::Set(list) => list.extend(items),
            Node::Dict(entries) => {
                let (pairs, rest) = items.as_chunks::<2>();
                if !rest.is_empty() {
                    return None;
                }
                entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
            }
            Node::Leaf(_) | Node::Tuple(_) | Node::FrozenSet(_) | Node::Callable(_) => return None,
        }
        Some(())
    }

    /// What Python's callable would make of its arguments; nothing is run.
    pub(super) fn call(&self, callable: Id, arguments: Id) -> Option<Node> {
        let (Some(Node::Callable(callable)), Some(Node::Tuple(arguments))) =
            (self.nodes.get(callable), self.nodes.get(arguments))
        else {
            return None;
        };
        let argument = arguments.first().and_then(|id| self.nodes.get(*id));
        let encoding = arguments.get(1).and_then(|id| self.text(*id));
        match (callable, argument) {
            (Callable::Encode, Some(Node::Leaf(PickleValue::Str(text)))) => {
                latin1(text, encoding).map(|bytes| Node::Leaf(PickleValue::Bytes(bytes)))
            }
            (Callable::Bytes, None) => Some(Node::Leaf(PickleValue::Bytes(Vec::new()))),
            (Callable::ByteArray, None) => Some(Node::Leaf(PickleValue::ByteArray(Vec::new()))),
            (Callable::ByteArray, Some(Node::Leaf(PickleValue::Bytes(bytes)))) => {
                Some(Node::Leaf(PickleValue::ByteArray(bytes.clone())))
            }
            (Callable::ByteArray, Some(Node::Leaf(PickleValue::Str(text)))) => {
                latin1(text, encoding).map(|bytes| Node::Leaf(PickleValue::ByteArray(bytes)))
            }
            (Callable::Set, None) => Some(Node::Set(Vec::new())),
            (Callable::Set, Some(Node::List(items))) => Some(Node::Set(items.clone())),
            (Callable::FrozenSet, None) => Some(Node::FrozenSet(Vec::new())),
            (Callable::FrozenSet, Some(Node::List(items))) => Some(Node::FrozenSet(items.clone())),
            (Callable::OrderedDict, None) => Some(Node::Dict(Vec::new())),
            _ => None,
        }
    }

    /// The plain value of `root`.
    pub(super) fn into_value(
        self,
        root: Id,
        max_expanded_bytes: u64,
    ) -> Result<PickleValue, SerializeError> {
        let mut uses = vec![0_u32; self.nodes.len()];
        let mut used = |id: &Id| {
            if let Some(uses) = uses.get_mut(*id) {
                *uses = uses.saturating_add(1);
            }
        };
        for node in &self.nodes {
            match node {
                Node::Leaf(_) | Node::Callable(_) => {}
                Node::List(items)
                | Node::Tuple(items)
                | Node::Set(items)
                | Node::FrozenSet(items) => {
                    items.iter().for_each(&mut used);
                }
                Node::Dict(entries) => entries.iter().for_each(|(key, value)| {
                    used(key);
                    used(value);
                }),
            }
        }
        let open = vec![false; self.nodes.len()];
        Expansion {
            nodes: self.nodes,
            uses,
            open,
            left: max_expanded_bytes,
            limit: max_expanded_bytes,
        }
        .value(root, 0)
    }
}

/// A tree turning into a value, bounded in depth and in size.
struct Expansion {
    nodes: Vec<Node>,
    /// How many places refer to each object.
    uses: Vec<u32>,
    /// Objects that the one being built is inside of.
    open: Vec<bool>,
    left: u64,
    limit: u64,
}

impl Expansion {
    fn value(&mut self, id: Id, depth: usize) -> Result<PickleValue, SerializeError> {
        if depth > MAX_DEPTH {
            return Err(SerializeError::decode(
                FORMAT,
                format!("it is nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        if self.open.get(id).copied().unwrap_or_default() {
            return Err(SerializeError::Unsupported {
                format: FORMAT,
                what: "an object that contains itself".to_owned(),
                way_out: "store data without cycles, or read it with Python".to_owned(),
            });
        }
        let node = self.take(id)?;
        self.set_open(id, true);
        let value = match node {
            Node::Leaf(value) => value,
            Node::List(items) => PickleValue::List(self.values(&items, depth)?),
            Node::Tuple(items) => PickleValue::Tuple(self.values(&items, depth)?),
            Node::Set(items) => PickleValue::Set(hashable(self.values(&items, depth)?)?),
            Node::FrozenSet(items) => {
                PickleValue::FrozenSet(hashable(self.values(&items, depth)?)?)
            }
            Node::Dict(entries) => PickleValue::Dict(self.entries(&entries, depth)?),
            Node::Callable(_) => {
                return Err(SerializeError::Unsupported {
                    format: FORMAT,
                    what: "a class or function as a value".to_owned(),
                    way_out: "store plain data (dict, list, str, …)".to_owned(),
                });
            }
        };
        self.set_open(id, false);
        Ok(value)
    }

    fn set_open(&mut self, id: Id, is_open: bool) {
        if let Some(open) = self.open.get_mut(id) {
            *open = is_open;
        }
    }

    fn values(&mut self, items: &[Id], depth: usize) -> Result<Vec<PickleValue>, SerializeError> {
        items.iter().map(|id| self.value(*id, depth + 1)).collect()
    }

    fn entries(
        &mut self,
        entries: &[(Id, Id)],
        depth: usize,
    ) -> Result<Vec<(PickleValue, PickleValue)>, SerializeError> {
        let mut values = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.value(*key, depth + 1)?;
            if !key.is_hashable() {
                return Err(unhashable(&key));
            }
            values.push((key, self.value(*value, depth + 1)?));
        }
        Ok(values)
    }

    /// The object itself at its last place, a copy at the others.
    fn take(&mut self, id: Id) -> Result<Node, SerializeError> {
        let missing =
            || SerializeError::decode(FORMAT, "an object is missing; the object is damaged");
        let node = self.nodes.get_mut(id).ok_or_else(missing)?;
        let payload = match node {
            Node::Leaf(PickleValue::Str(text)) => text.len(),
            Node::Leaf(PickleValue::Bytes(bytes) | PickleValue::ByteArray(bytes)) => bytes.len(),
            Node::Leaf(PickleValue::BigInt(number)) => number.as_le_bytes().len(),
            _ => 0,
        };
        let cost = (size_of::<PickleValue>() + payload) as u64;
        self.left = self
            .left
            .checked_sub(cost)
            .ok_or_else(|| SerializeError::LimitExceeded {
                format: FORMAT,
                what: "the size of the value in bytes, each use of a shared object counted,"
                    .to_owned(),
                limit: self.limit,
                way_out: "raise it with PickleSerializer::with_max_expanded_bytes",
            })?;
        let uses = self.uses.get_mut(id).ok_or_else(missing)?;
        if *uses > 1 {
            *uses -= 1;
            return Ok(node.clone());
        }
        Ok(std::mem::replace(node, Node::Leaf(PickleValue::None)))
    }
}

fn hashable(values: Vec<PickleValue>) -> Result<Vec<PickleValue>, SerializeError> {
    match values.iter().find(|value| !value.is_hashable()) {
        Some(value) => Err(unhashable(value)),
        None => Ok(values),
    }
}

fn unhashable(value: &PickleValue) -> SerializeError {
    let name = value.type_name();
    SerializeError::decode(
        FORMAT,
        format!("a {name} is a dict key or an element of a set; the object is damaged"),
    )
}

fn latin1(text: &str, encoding: Option<&str>) -> Option<Vec<u8>> {
    if !matches!(encoding, Some("latin1" | "latin-1")) {
        return None;
    }
    text.chars()
        .map(|character| u8::try_from(character).ok())
        .collect()
}
