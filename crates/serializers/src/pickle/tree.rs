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

impl Node {
    fn for_each_item(&self, mut visit: impl FnMut(Id)) {
        match self {
            Self::Leaf(_) | Self::Callable(_) => {}
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                for id in items {
                    visit(*id);
                }
            }
            Self::Dict(entries) => {
                for (key, value) in entries {
                    visit(*key);
                    visit(*value);
                }
            }
        }
    }
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
        for node in &self.nodes {
            node.for_each_item(|id| count_use(&mut uses, id));
        }
        Expansion {
            open: vec![false; self.nodes.len()],
            nodes: self.nodes,
            uses,
            left: max_expanded_bytes,
            limit: max_expanded_bytes,
        }
        .run(root)
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
    /// Walks with a stack of its own: nesting must not end the thread's.
    fn run(mut self, root: Id) -> Result<PickleValue, SerializeError> {
        let mut unfinished: Vec<Unfinished> = Vec::new();
        let mut next = root;
        loop {
            let mut value = match self.enter(next, unfinished.len())? {
                Entered::Value(value) => value,
                Entered::Container(container) => {
                    let first = container.items.first().copied();
                    unfinished.push(container);
                    match first {
                        Some(first) => {
                            next = first;
                            continue;
                        }
                        None => match unfinished.pop() {
                            Some(empty) => self.finish(empty)?,
                            None => return Err(missing()),
                        },
                    }
                }
            };
            // Hand the value to what it is inside of, as long as that is complete.
            next = loop {
                let Some(mut container) = unfinished.pop() else {
                    return Ok(value);
                };
                container.values.push(value);
                if let Some(next) = container.items.get(container.values.len()).copied() {
                    unfinished.push(container);
                    break next;
                }
                value = self.finish(container)?;
            };
        }
    }

    fn enter(&mut self, id: Id, depth: usize) -> Result<Entered, SerializeError> {
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
        let (kind, items): (MakeContainer, Vec<Id>) = match self.take(id)? {
            Node::Leaf(value) => return Ok(Entered::Value(value)),
            Node::List(items) => (|values| Ok(PickleValue::List(values)), items),
            Node::Tuple(items) => (|values| Ok(PickleValue::Tuple(values)), items),
            Node::Set(items) => (|values| hashable(values).map(PickleValue::Set), items),
            Node::FrozenSet(items) => {
                (|values| hashable(values).map(PickleValue::FrozenSet), items)
            }
            Node::Dict(entries) => (
                dict,
                entries
                    .into_iter()
                    .flat_map(|(key, value)| [key, value])
                    .collect(),
            ),
            Node::Callable(_) => {
                return Err(SerializeError::Unsupported {
                    format: FORMAT,
                    what: "a class or function as a value".to_owned(),
                    way_out: "store plain data (dict, list, str, …)".to_owned(),
                });
            }
        };
        self.set_open(id, true);
        Ok(Entered::Container(Unfinished {
            id,
            kind,
            items,
            values: Vec::new(),
        }))
    }

    fn finish(&mut self, container: Unfinished) -> Result<PickleValue, SerializeError> {
        self.set_open(container.id, false);
        (container.kind)(container.values)
    }

    fn set_open(&mut self, id: Id, is_open: bool) {
        if let Some(open) = self.open.get_mut(id) {
            *open = is_open;
        }
    }

    /// The object itself at its last place, a copy at the others.
    fn take(&mut self, id: Id) -> Result<Node, SerializeError> {
        let missing =
            || SerializeError::decode(FORMAT, "an object is missing; the object is damaged");
        let node = self.nodes.get_mut(id).ok_or_else(missing)?;
        let payload = if let Node::Leaf(leaf) = node {
            leaf.payload_len()
        } else {
            0
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
            let copy = node.clone();
            // The copy refers to the same items once more.
            copy.for_each_item(|item| count_use(&mut self.uses, item));
            return Ok(copy);
        }
        Ok(std::mem::replace(node, Node::Leaf(PickleValue::None)))
    }
}

fn count_use(uses: &mut [u32], id: Id) {
    if let Some(uses) = uses.get_mut(id) {
        *uses = uses.saturating_add(1);
    }
}

type MakeContainer = fn(Vec<PickleValue>) -> Result<PickleValue, SerializeError>;

enum Entered {
    Value(PickleValue),
    Container(Unfinished),
}

/// A container of which some items have their values.
struct Unfinished {
    id: Id,
    /// Makes the container of its items.
    kind: MakeContainer,
    items: Vec<Id>,
    values: Vec<PickleValue>,
}

fn missing() -> SerializeError {
    SerializeError::decode(FORMAT, "an object is missing; the object is damaged")
}

/// Keys and values in turn become entries.
fn dict(values: Vec<PickleValue>) -> Result<PickleValue, SerializeError> {
    let mut entries = Vec::with_capacity(values.len() / 2);
    let mut values = values.into_iter();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        if !key.is_hashable() {
            return Err(unhashable(&key));
        }
        entries.push((key, value));
    }
    Ok(PickleValue::Dict(entries))
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
