//! Cells, scaling and optimiser against numbers that `scripts/generate_golden.py` computed with numpy.
//!
//! Its docstring has the equations and describes each array. Every comparison runs in float64 and in float32.

mod continuous;
mod lstm;
mod optimizer;
mod spiking;
mod states;
mod training;

use lnn_core::{Parameters, scale_to_radius};
use std::path::Path;
use tch::{Device, Kind, Tensor};

const KINDS: [Kind; 2] = [Kind::Double, Kind::Float];

/// The arrays of one file, converted to one dtype.
struct Golden {
    arrays: Vec<(String, Tensor)>,
    kind: Kind,
}

impl Golden {
    fn read(file: &str, kind: Kind) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
        let arrays = Tensor::read_npz(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { arrays, kind }
    }

    fn find(&self, name: &str) -> Option<&Tensor> {
        self.arrays.iter().find(|(other, _)| other == name).map(|(_, array)| array)
    }

    fn exact(&self, name: &str) -> &Tensor {
        self.find(name).unwrap_or_else(|| panic!("no array `{name}`"))
    }

    fn get(&self, name: &str) -> Tensor {
        self.exact(name).to_kind(self.kind)
    }

    fn number(&self, name: &str) -> f64 {
        self.exact(name).double_value(&[])
    }

    /// A copy that collects gradients.
    fn leaf(&self, name: &str) -> Tensor {
        self.get(name).copy().set_requires_grad(true)
    }

    /// Number of inputs and of rows of `input_weights`.
    fn extents(&self) -> [i64; 2] {
        let [units, inputs] = self.exact("input_weights").size()[..] else { panic!("a matrix") };
        [inputs, units]
    }

    /// Parameters that take the values of the arrays of their names.
    fn parameters(&self) -> Parameters {
        let named = self.arrays.iter().map(|(name, array)| (name.clone(), array.to_kind(self.kind)));
        Parameters::stored(&named.collect::<Vec<_>>(), self.kind, Device::Cpu).unwrap()
    }

    /// Fills the parameters from the arrays of their names behind `prefix`.
    fn fill(&self, parameters: &Parameters, prefix: &str) {
        let array = |name: &String| (name.clone(), self.get(&format!("{prefix}{name}")));
        let named = parameters.entries().iter().map(|entry| array(&entry.name));
        parameters.load(&named.collect::<Vec<_>>()).unwrap();
    }

    /// The error may be 1e-12 in float64 and 1e-6 in float32, times the largest number where that is above 1.
    fn check(&self, name: &str, found: &Tensor) {
        let expected = self.exact(name);
        assert_eq!(found.size(), expected.size(), "the shape of {name}");
        assert_eq!(found.kind(), self.kind, "the dtype of {name}");
        let tolerance = if self.kind == Kind::Double { 1e-12 } else { 1e-6 };
        let largest = expected.abs().max().double_value(&[]).max(1.0);
        let error = (found.detach().to_kind(Kind::Double) - expected).abs().max().double_value(&[]);
        // Written so that NaN fails.
        assert!(error <= tolerance * largest, "{name} in {:?} is off by {error:e}", self.kind);
    }
}

/// The name of a result in a file: `NAME`, or `zero_NAME` if the run began at rest.
fn prefixed(from_zero: bool, name: &str) -> String {
    if from_zero { format!("zero_{name}") } else { name.to_owned() }
}

#[test]
fn scaling_gives_the_matrix_of_the_wanted_radius() {
    for kind in KINDS {
        let golden = Golden::read("spectral_radius.npz", kind);
        golden.check("scaled", &scale_to_radius(&golden.get("raw"), golden.number("radius")).unwrap());
    }
}
