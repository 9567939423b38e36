//! The TorchScript form of a model: a tree of parts, each with its class, numbers and methods.
//!
//! The `script` of a part in Rust returns its TorchScript; [`Script::build`] joins the tree with the tensors, which
//! keep their names: the tensor `lstm.bias` becomes the attribute `bias` of the part `lstm`. A source names no dtype and
//! no device, so that the module can be moved and converted in Python.

use crate::error::Error;
use crate::parameters::store::{Parameters, Role};
use lnn_sys::{ScriptAttribute, ScriptModule};

/// The namespace of the classes of exported modules.
const NAMESPACE: &str = "__torch__.lnn";

/// A part of a model in TorchScript.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    class: &'static str,
    source: String,
    attributes: Vec<(&'static str, ScriptAttribute)>,
    parts: Vec<(String, Script)>,
}

impl Script {
    /// A part of the class `class` with the methods in `source`. What the source calls `self.name` is a tensor of the
    /// part's scope, an [attribute](Self::attribute) or a [part](Self::part).
    #[must_use]
    pub fn new(class: &'static str, source: impl Into<String>) -> Self {
        Self { class, source: source.into(), attributes: Vec::new(), parts: Vec::new() }
    }

    /// Adds an attribute that is not a tensor.
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: ScriptAttribute) -> Self {
        self.attributes.push((name, value));
        self
    }

    /// Adds a part, whose tensors have the prefix `name.`.
    #[must_use]
    pub fn part(mut self, name: impl Into<String>, part: Self) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// The module with copies of the tensors in `parameters`, on the device where they are: trainable tensors
    /// become parameters, the others buffers.
    ///
    /// # Errors
    /// [`Error::UnexpectedTensor`] if a tensor belongs to no part, [`Error::Sys`] if a source does not compile.
    pub fn build(&self, parameters: &Parameters) -> Result<ScriptModule, Error> {
        let mut module = ScriptModule::new(&format!("{NAMESPACE}.{}", self.class))?;
        let placed = self.fill(&mut module, "", parameters)?;
        match parameters.entries().iter().find(|entry| !placed.contains(&entry.name.as_str())) {
            Some(entry) => Err(Error::UnexpectedTensor(entry.name.clone())),
            None => Ok(module),
        }
    }

    /// Fills one part and returns the names of the tensors that it took.
    fn fill<'a>(
        &self,
        module: &mut ScriptModule,
        prefix: &str,
        parameters: &'a Parameters,
    ) -> Result<Vec<&'a str>, Error> {
        let mut placed = Vec::new();
        for entry in parameters.entries() {
            let Some(name) = entry.name.strip_prefix(prefix).filter(|name| !name.contains('.')) else {
                continue;
            };
            match entry.role {
                Role::Trainable => module.register_parameter(name, &entry.tensor, true)?,
                Role::Buffer => module.register_buffer(name, &entry.tensor)?,
            }
            placed.push(entry.name.as_str());
        }
        for (name, value) in &self.attributes {
            module.register_attribute(name, *value)?;
        }
        for (name, part) in &self.parts {
            let mut child = module.child(name, &format!("{NAMESPACE}.{}", part.class))?;
            placed.extend(part.fill(&mut child, &format!("{prefix}{name}."), parameters)?);
        }
        // Last: a method is compiled against the attributes that the part has.
        module.define(&self.source)?;
        Ok(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::init::Init;
    use tch::{Device, Kind};

    fn parameters() -> Parameters {
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let mut root = parameters.root();
        let _ = root.child("inner").trainable("weight", &[2], &Init::Constant(2.0)).unwrap();
        let _ = root.child("inner").buffer("offset", &[2], &Init::Constant(1.0)).unwrap();
        let _ = root.trainable("scale", &[1], &Init::Constant(3.0)).unwrap();
        parameters
    }

    fn script() -> Script {
        let inner = "def forward(self, x: Tensor) -> Tensor:\n    return x * self.weight + self.offset\n";
        let outer =
            "def forward(self, x: Tensor) -> Tensor:\n    return self.inner.forward(x) * self.scale\n";
        Script::new("Outer", outer).part("inner", Script::new("Inner", inner))
    }

    #[test]
    fn tensors_keep_their_names_and_roles() {
        let module = script().build(&parameters()).unwrap();
        let mut tensors: Vec<_> =
            module.tensors().unwrap().into_iter().map(|found| (found.name, found.parameter)).collect();
        tensors.sort();
        let expected = [("inner.offset", false), ("inner.weight", true), ("scale", true)];
        assert_eq!(tensors, expected.map(|(name, parameter)| (name.to_owned(), parameter)));
    }

    #[test]
    fn a_tensor_that_no_part_takes_is_an_error() {
        let alone =
            Script::new("Outer", "def forward(self, x: Tensor) -> Tensor:\n    return x * self.scale\n");
        let error = alone.build(&parameters()).unwrap_err();
        assert!(matches!(error, Error::UnexpectedTensor(name) if name.starts_with("inner.")));
    }
}
