//! The bytes of tensors, and tensors as views of them.

use super::archive::Archive;
use super::value::{Storage, TensorClaim};
use super::{Unreadable, unreadable};
use std::collections::HashMap;
use std::rc::Rc;
use tch::{Kind, Tensor};

/// The types of storages with their dtypes.
const KINDS: [(&str, Kind); 10] = [
    ("FloatStorage", Kind::Float),
    ("DoubleStorage", Kind::Double),
    ("HalfStorage", Kind::Half),
    ("BFloat16Storage", Kind::BFloat16),
    ("LongStorage", Kind::Int64),
    ("IntStorage", Kind::Int),
    ("ShortStorage", Kind::Int16),
    ("CharStorage", Kind::Int8),
    ("ByteStorage", Kind::Uint8),
    ("BoolStorage", Kind::Bool),
];

/// The storages of an archive, read as they are needed: several tensors may share one.
#[derive(Default)]
pub(super) struct Storages {
    /// One-dimensional tensors by name, each with what the pickle says about it.
    known: HashMap<Rc<str>, (Rc<Storage>, Tensor)>,
}

impl Storages {
    /// Returns a tensor, which shares its memory with its storage.
    pub(super) fn tensor(
        &mut self,
        archive: &mut Archive<'_>,
        claim: &TensorClaim,
    ) -> Result<Tensor, Unreadable> {
        let TensorClaim { storage, offset, shape, strides } = claim;
        check_extent(storage, *offset, shape, strides)?;
        let whole = match self.known.get(&storage.key) {
            Some((known, whole)) if known == storage => whole.shallow_clone(),
            Some(_) => {
                return Err(unreadable(format!("its storage {:?} has two types or sizes", storage.key)));
            }
            None => {
                let whole = load(archive, storage)?;
                self.known.insert(storage.key.clone(), (storage.clone(), whole.shallow_clone()));
                whole
            }
        };
        whole
            .f_as_strided(&shape[..], &strides[..], *offset)
            .map_err(|_| unreadable(format!("a tensor of the shape {shape:?} cannot be made")))
    }
}

/// Refuses a tensor that reaches beyond its storage, or has more elements than it.
fn check_extent(storage: &Storage, offset: i64, shape: &[i64], strides: &[i64]) -> Result<(), Unreadable> {
    let fits = || {
        if shape.len() != strides.len() || offset < 0 || storage.count < 0 {
            return None;
        }
        let (mut last, mut count) = (offset, 1_i64);
        for (&extent, &stride) in shape.iter().zip(strides) {
            if extent < 0 || stride < 0 {
                return None;
            }
            count = count.checked_mul(extent)?;
            last = last.checked_add((extent - 1).max(0).checked_mul(stride)?)?;
        }
        let inside = if count == 0 { offset <= storage.count } else { last < storage.count };
        (inside && count <= storage.count).then_some(())
    };
    fits().ok_or_else(|| {
        unreadable(format!(
            "a tensor claims the shape {shape:?} with the strides {strides:?} from {offset} on, its storage has {} elements",
            storage.count
        ))
    })
}

fn load(archive: &mut Archive<'_>, storage: &Storage) -> Result<Tensor, Unreadable> {
    let kind = KINDS.iter().find(|(name, _)| *name == &*storage.kind).map(|(_, kind)| *kind);
    let kind = kind.ok_or_else(|| unreadable(format!("it has numbers of the type {}", storage.kind)))?;
    let bytes = archive.expect(&format!("data/{}", storage.key))?;
    let found = bytes.len() / kind.elt_size_in_bytes();
    if found as i64 != storage.count || bytes.len() % kind.elt_size_in_bytes() != 0 {
        let (key, count) = (&storage.key, storage.count);
        return Err(unreadable(format!(
            "expected {count} numbers in its entry data/{key}, found {} bytes",
            bytes.len()
        )));
    }
    Tensor::f_from_data_size(&bytes, &[storage.count], kind)
        .map_err(|_| unreadable(format!("not enough memory for {} bytes", bytes.len())))
}
