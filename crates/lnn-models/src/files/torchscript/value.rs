//! The values that a pickle of a module consists of.

use std::rc::Rc;

/// A value. Values that occur several times share their memory, as in the pickle.
#[derive(Debug, Clone)]
pub(super) enum Value {
    None,
    Bool,
    Int(i64),
    Float,
    Text(Rc<str>),
    /// A class or a function, as `torch.FloatStorage`.
    Global(Rc<str>),
    Tuple(Rc<Nested<Vec<Value>>>),
    List(Rc<Nested<Vec<Value>>>),
    Dict(Rc<Nested<Vec<(Value, Value)>>>),
    Object(Rc<Nested<Object>>),
    Storage(Rc<Storage>),
    Tensor(Rc<TensorClaim>),
    /// The result of a function that no tensor of a model needs, and that is therefore not called.
    Opaque,
}

/// A value that holds others, with the number of levels below it.
#[derive(Debug)]
pub(super) struct Nested<T> {
    pub(super) levels: u32,
    pub(super) content: T,
}

/// A module, or another instance of a class.
#[derive(Debug)]
pub(super) struct Object {
    /// As `__torch__.lnn.Dense`.
    pub(super) class: Rc<str>,
    pub(super) attributes: Rc<Nested<Vec<(Value, Value)>>>,
}

/// The bytes of one or several tensors.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Storage {
    /// As `FloatStorage`.
    pub(super) kind: Rc<str>,
    /// The name of its entry.
    pub(super) key: Rc<str>,
    /// Number of elements.
    pub(super) count: i64,
}

/// What the pickle says about a tensor.
#[derive(Debug)]
pub(super) struct TensorClaim {
    pub(super) storage: Rc<Storage>,
    pub(super) offset: i64,
    pub(super) shape: Vec<i64>,
    pub(super) strides: Vec<i64>,
}

impl Value {
    /// The number of levels of values in this one.
    pub(super) fn levels(&self) -> u32 {
        match self {
            Self::Tuple(values) | Self::List(values) => values.levels,
            Self::Dict(pairs) => pairs.levels,
            Self::Object(object) => object.levels,
            _ => 0,
        }
    }

    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&Rc<str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn tuple(&self) -> Option<&[Self]> {
        match self {
            Self::Tuple(values) => Some(&values.content),
            _ => None,
        }
    }
}
