//! The named tensors of a model, in the order in which its parts create them.
//!
//! A part gets a [`Scope`], a path such as `front.conv1`, and creates its tensors there by name, shape and initialiser. What the
//! optimiser changes is *trainable*; what is fixed or follows the data (reservoir weights, running means) is a *buffer*.
//! Parameters are *drawn* from a seed, *blank*, to be filled later, or *stored* ones from a file. Without a seed no initialiser runs.
//! A file may claim a model of any size; stored parameters therefore take each tensor from the file, and memory for it only after its
//! shape was compared. [`Parameters::shapes`] takes no memory at all.

use crate::error::Error;
use crate::parameters::init::Init;
use crate::random::{derive_seed, seeded};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

/// The dtype of a stored buffer and the one of the model that may differ.
const WIDENED: [Kind; 2] = [Kind::Float, Kind::Double];

/// Whether the optimiser changes a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Changed by the optimiser; has a gradient.
    Trainable,
    /// Part of the model, but not changed by the optimiser.
    Buffer,
}

/// One named tensor.
#[derive(Debug)]
pub struct Parameter {
    /// Full name, parts joined by dots, as `reservoir.recurrent_weights`.
    pub name: String,
    /// The tensor, shared with the part of the model that uses it.
    pub tensor: Tensor,
    /// Whether the optimiser changes it.
    pub role: Role,
}

/// All tensors of a model.
#[derive(Debug)]
pub struct Parameters {
    entries: Vec<Parameter>,
    kind: Kind,
    device: Device,
    values: Values,
}

/// Where the values of new tensors come from.
#[derive(Debug)]
enum Values {
    /// An initialiser and this seed.
    Drawn(u64),
    /// Zeros.
    Blank,
    /// The tensors of a file by name; each is removed when its parameter is created.
    Stored(BTreeMap<String, Tensor>),
    /// One zero that all elements share: a tensor with a shape, but without memory.
    Shapes,
}

impl Parameters {
    /// Parameters whose values are drawn: a tensor depends only on `seed` and its own name. Values are drawn in float32 on the
    /// CPU and then converted and moved, so that every dtype and device starts from the same numbers.
    pub fn drawn(seed: u64, kind: Kind, device: Device) -> Self {
        Self { entries: Vec::new(), kind, device, values: Values::Drawn(seed) }
    }

    /// Parameters that are zero, to be filled by [`Parameters::load`].
    pub fn blank(kind: Kind, device: Device) -> Self {
        Self { entries: Vec::new(), kind, device, values: Values::Blank }
    }

    /// Parameters that take their values from `stored`, by name. Creating one whose tensor is missing there, or has another shape or
    /// dtype, is an error, and nothing is allocated for it. At the end, [`Parameters::check_none_left`] finds superfluous tensors.
    ///
    /// # Errors
    /// [`Error::DuplicateName`].
    pub fn stored(stored: &[(String, Tensor)], kind: Kind, device: Device) -> Result<Self, Error> {
        let mut values = BTreeMap::new();
        for (name, tensor) in stored {
            if values.insert(name.clone(), tensor.shallow_clone()).is_some() {
                return Err(Error::DuplicateName(name.clone()));
            }
        }
        Ok(Self { entries: Vec::new(), kind, device, values: Values::Stored(values) })
    }

    /// Parameters that have shapes, but neither values nor memory of their own, to find out how large a model would be. They must
    /// not be written to.
    pub fn shapes(kind: Kind) -> Self {
        Self { entries: Vec::new(), kind, device: Device::Cpu, values: Values::Shapes }
    }

    /// Refuses [stored](Parameters::stored) tensors for which no parameter was created.
    ///
    /// # Errors
    /// [`Error::UnexpectedTensor`].
    pub fn check_none_left(&self) -> Result<(), Error> {
        match &self.values {
            Values::Stored(left) => {
                left.keys().next().map_or(Ok(()), |name| Err(Error::UnexpectedTensor(name.clone())))
            }
            Values::Drawn(_) | Values::Blank | Values::Shapes => Ok(()),
        }
    }

    /// A list of existing tensors, to be checked and filled like those of a model.
    pub(crate) fn of_buffers(tensors: Vec<(String, Tensor)>) -> Result<Self, Error> {
        let mut all = Self::blank(Kind::Float, Device::Cpu);
        for (name, tensor) in tensors {
            if all.entries.iter().any(|entry| entry.name == name) {
                return Err(Error::DuplicateName(name));
            }
            all.entries.push(Parameter { name, tensor, role: Role::Buffer });
        }
        Ok(all)
    }

    /// The scope without a prefix.
    pub fn root(&mut self) -> Scope<'_> {
        Scope { parameters: self, prefix: String::new() }
    }

    /// All tensors in order of creation.
    pub fn entries(&self) -> &[Parameter] {
        &self.entries
    }

    /// The trainable tensors, in order of creation, which share memory with the model.
    pub fn trainable(&self) -> Vec<Tensor> {
        let trainable = self.entries.iter().filter(|entry| entry.role == Role::Trainable);
        trainable.map(|entry| entry.tensor.shallow_clone()).collect()
    }

    /// Number of elements of all tensors of the given role.
    pub fn count(&self, role: Role) -> usize {
        self.entries.iter().filter(|entry| entry.role == role).map(|entry| entry.tensor.numel()).sum()
    }

    /// The device of the tensors.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The dtype of the tensors.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Deep copies of all tensors, in order, detached from the graph.
    pub fn snapshot(&self) -> Vec<(String, Tensor)> {
        self.entries.iter().map(|entry| (entry.name.clone(), entry.tensor.detach().copy())).collect()
    }

    /// Fills every tensor from `stored`, which must hold exactly the names of this model.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::UnexpectedTensor`], [`Error::DuplicateName`] or [`Error::Mismatch`]; then nothing
    /// was changed.
    pub fn load(&self, stored: &[(String, Tensor)]) -> Result<(), Error> {
        if let Some((name, _)) = stored.iter().find(|(name, _)| !self.entries.iter().any(|e| e.name == *name))
        {
            return Err(Error::UnexpectedTensor(name.clone()));
        }
        if let Some(i) = (1..stored.len()).find(|&i| stored[..i].iter().any(|(name, _)| *name == stored[i].0))
        {
            return Err(Error::DuplicateName(stored[i].0.clone()));
        }
        let mut pairs = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let found = stored.iter().find(|(name, _)| *name == entry.name);
            let (_, found) = found.ok_or_else(|| Error::MissingTensor(entry.name.clone()))?;
            check(&entry.name, entry.role, &entry.tensor.size(), entry.tensor.kind(), found)?;
            pairs.push((entry.tensor.detach(), found));
        }
        for (mut target, source) in pairs {
            target.f_copy_(source)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        name: String,
        role: Role,
        kind: Kind,
        shape: &[i64],
        init: &Init,
    ) -> Result<Tensor, Error> {
        if self.entries.iter().any(|entry| entry.name == name) {
            return Err(Error::DuplicateName(name));
        }
        let value = match &mut self.values {
            Values::Blank => Tensor::f_zeros(shape, (kind, self.device))?,
            Values::Drawn(seed) => {
                let words: Vec<u64> = name.bytes().map(u64::from).collect();
                let drawn = seeded(derive_seed(*seed, &words), || init.draw(shape))?;
                drawn.f_to_device_(self.device, kind, false, false)?
            }
            Values::Stored(stored) => {
                let found = stored.remove(&name).ok_or_else(|| Error::MissingTensor(name.clone()))?;
                check(&name, role, shape, kind, &found)?;
                let mut value = Tensor::f_empty(shape, (kind, self.device))?;
                tch::no_grad(|| value.f_copy_(&found))?;
                value
            }
            Values::Shapes => {
                let zero = Tensor::f_zeros([0i64; 0], (kind, self.device))?;
                zero.f_expand(shape, false)?
            }
        };
        let tensor = value.f_set_requires_grad(role == Role::Trainable)?;
        self.entries.push(Parameter { name, tensor: tensor.shallow_clone(), role });
        Ok(tensor)
    }
}

/// Refuses a stored tensor that does not fit the parameter `name`.
fn check(name: &str, role: Role, expected: &[i64], expected_kind: Kind, found: &Tensor) -> Result<(), Error> {
    // Earlier versions, and modules that were converted in Python, store statistics in float32.
    let widened = role == Role::Buffer && [found.kind(), expected_kind] == WIDENED;
    if found.size() == expected && (found.kind() == expected_kind || widened) {
        return Ok(());
    }
    Err(Error::Mismatch {
        name: name.to_owned(),
        expected: expected.to_vec(),
        expected_kind,
        found: found.size(),
        found_kind: found.kind(),
    })
}

/// A place in the tree of names, where a part of a model creates its tensors.
#[derive(Debug)]
pub struct Scope<'a> {
    parameters: &'a mut Parameters,
    prefix: String,
}

impl Scope<'_> {
    /// The scope of a part of this one.
    #[must_use]
    pub fn child(&mut self, name: &str) -> Scope<'_> {
        let prefix = self.full_name(name);
        Scope { parameters: self.parameters, prefix }
    }

    /// The dtype of the model.
    pub fn kind(&self) -> Kind {
        self.parameters.kind
    }

    /// Whether tensors have values, drawn or stored, rather than a shape alone.
    pub fn has_values(&self) -> bool {
        !matches!(self.parameters.values, Values::Shapes | Values::Blank)
    }

    /// Creates a trainable tensor.
    ///
    /// # Errors
    /// [`Error::DuplicateName`], or [`Error::Torch`] if there is no memory for it.
    pub fn trainable(&mut self, name: &str, shape: &[i64], init: &Init) -> Result<Tensor, Error> {
        self.tensor(name, Role::Trainable, shape, init)
    }

    /// Creates a tensor of the given role.
    ///
    /// # Errors
    /// [`Error::DuplicateName`], or [`Error::Torch`] if there is no memory for it.
    pub fn tensor(&mut self, name: &str, role: Role, shape: &[i64], init: &Init) -> Result<Tensor, Error> {
        self.parameters.add(self.full_name(name), role, self.parameters.kind, shape, init)
    }

    /// Creates a tensor that belongs to the model and is not trainable.
    ///
    /// # Errors
    /// [`Error::DuplicateName`], or [`Error::Torch`] if there is no memory for it.
    pub fn buffer(&mut self, name: &str, shape: &[i64], init: &Init) -> Result<Tensor, Error> {
        self.tensor(name, Role::Buffer, shape, init)
    }

    /// Creates a buffer in float64, whatever the dtype of the model: a statistic of data whose offset float32 cannot hold.
    ///
    /// # Errors
    /// [`Error::DuplicateName`], or [`Error::Torch`] if there is no memory for it.
    pub fn statistic(&mut self, name: &str, shape: &[i64], init: &Init) -> Result<Tensor, Error> {
        self.parameters.add(self.full_name(name), Role::Buffer, Kind::Double, shape, init)
    }

    fn full_name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
