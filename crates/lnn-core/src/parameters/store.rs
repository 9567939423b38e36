//! The named tensors of a model, in the order in which its parts create them.
//!
//! A part gets a [`Scope`], a path such as `front.conv1`, and creates its tensors there by name, shape and initialiser. What the
//! optimiser changes is *trainable*; what is fixed or follows the data (reservoir weights, running means) is a *buffer*.
//! Parameters are either *drawn* from a seed, or *blank*, to be filled from a checkpoint: then no initialiser runs.

use crate::error::Error;
use crate::parameters::init::Init;
use crate::random::{derive_seed, seeded};
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
    /// The seed that values are drawn from; without one they are zero.
    seed: Option<u64>,
}

impl Parameters {
    /// Parameters whose values are drawn: a tensor depends only on `seed` and its own name. Values are drawn in float32 on the
    /// CPU and then converted and moved, so that every dtype and device starts from the same numbers.
    pub fn drawn(seed: u64, kind: Kind, device: Device) -> Self {
        Self { entries: Vec::new(), kind, device, seed: Some(seed) }
    }

    /// Parameters that are zero, to be filled by [`Parameters::load`].
    pub fn blank(kind: Kind, device: Device) -> Self {
        Self { entries: Vec::new(), kind, device, seed: None }
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
            // Earlier versions and modules that were converted in Python store statistics in float32.
            let widened = entry.role == Role::Buffer && [found.kind(), entry.tensor.kind()] == WIDENED;
            if found.size() != entry.tensor.size() || (found.kind() != entry.tensor.kind() && !widened) {
                return Err(Error::Mismatch {
                    name: entry.name.clone(),
                    expected: entry.tensor.size(),
                    expected_kind: entry.tensor.kind(),
                    found: found.size(),
                    found_kind: found.kind(),
                });
            }
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
        let value = match self.seed {
            None => Tensor::f_zeros(shape, (kind, self.device))?,
            Some(seed) => {
                let words: Vec<u64> = name.bytes().map(u64::from).collect();
                let drawn = seeded(derive_seed(seed, &words), || init.draw(shape))?;
                drawn.f_to_device_(self.device, kind, false, false)?
            }
        };
        let tensor = value.f_set_requires_grad(role == Role::Trainable)?;
        self.entries.push(Parameter { name, tensor: tensor.shallow_clone(), role });
        Ok(tensor)
    }
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
