//! A trained model becomes the start of one for other classes or values.

use crate::error::Error;
use crate::files::checkpoint::Checkpoint;
use crate::model::Model;
use lnn_core::{InputSpec, Matching, SampleSet, Task};
use tch::{Device, Tensor};

/// Prefix of the statistics of the values.
const VALUES: &str = "preprocessing.value_";

/// The model of a checkpoint for data with other names.
#[derive(Debug)]
pub struct Transfer {
    /// What the model takes and predicts: the features of the checkpoint, and the classes or values of the data.
    pub input: InputSpec,
    /// How the data corresponds to it.
    pub matching: Matching,
    /// Places of the values that the checkpoint does not know.
    new_values: Vec<i64>,
}

impl Checkpoint {
    /// Matches data to the model by the names of its features. Classes or values with the same names are put in the order of the
    /// model; otherwise the model takes those of the data.
    ///
    /// # Errors
    /// [`Error::Contract`] if the features are not the same, or the data has classes where the model has values.
    pub fn transfer(&self, data: &InputSpec) -> Result<Transfer, Error> {
        let own = &self.description.input;
        let (timing, quantiles) = (own.timing.or(data.timing), data.quantiles.clone());
        match own.matching(data) {
            Ok(matching) if matching.is_complete() && matching.is_by_name() => {
                return Ok(Transfer {
                    input: InputSpec { timing, quantiles, ..own.clone() },
                    matching,
                    new_values: Vec::new(),
                });
            }
            _ => {}
        }
        let input = InputSpec { task: data.task.clone(), timing, quantiles, ..own.clone() };
        let same_kind = own.task.is_classification() == data.task.is_classification();
        let matching = if same_kind { input.matching(data)? } else { own.matching(data)? };
        if !matching.is_complete() {
            return Err(own.mismatch(data).into());
        }
        let names = own.task.names();
        let new = data.task.names().iter().enumerate().filter(|(_, name)| !names.contains(name));
        let new_values = match data.task {
            Task::Regression { .. } => new.map(|(place, _)| place as i64).collect(),
            Task::Classification { .. } => Vec::new(),
        };
        Ok(Transfer { input, matching, new_values })
    }

    /// The model of this checkpoint for the data of `transfer`, of which `training` is the training part: with its weights, except that
    /// a readout of another width is drawn from `seed`, and with the statistics of the values that it knows; those of others are
    /// computed. Returns remarks for the user, too.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Core`] if description and tensors do not fit each other.
    pub fn transferred(
        &self,
        transfer: &Transfer,
        training: &SampleSet,
        seed: u64,
        device: Device,
    ) -> Result<(Model, Vec<String>), Error> {
        let description = &self.description;
        let (input, own) = (&transfer.input, &description.input);
        let options = (self.kind(), device);
        let mut model =
            Model::new(description.model.clone(), input.clone(), description.standardization, seed, options)?;
        let names = |spec: &InputSpec| spec.task.names().to_vec();
        let (before, now) = (names(own), names(input));
        let mut drawn = Vec::new();
        let mut tensors = Vec::new();
        for entry in model.parameters().entries() {
            let stored = self.model.iter().find(|(name, _)| *name == entry.name);
            let stored =
                stored.map(|(_, tensor)| tensor).filter(|_| before == now || !entry.name.starts_with(VALUES));
            let fits =
                |stored: &&Tensor| own.outputs() == input.outputs() || stored.size() == entry.tensor.size();
            let tensor = match stored.filter(fits) {
                Some(stored) => stored.shallow_clone(),
                None if entry.name.starts_with(VALUES) => {
                    self.of_known_values(&entry.name, &entry.tensor, &now)
                }
                None => {
                    drawn.push(entry.name.clone());
                    entry.tensor.detach().copy()
                }
            };
            tensors.push((entry.name.clone(), tensor));
        }
        model.load(&tensors)?;
        if !transfer.new_values.is_empty() {
            model.fit_values(training, &transfer.new_values)?;
        }
        let [before, now] = [own, input].map(InputSpec::output_names);
        if before == now {
            return Ok((model, Vec::new()));
        }
        let head = if drawn.is_empty() {
            "the readout keeps its weights".to_owned()
        } else {
            let drawn = drawn.join(", ");
            format!("{} outputs instead of {}, therefore new: {drawn}", now.len(), before.len())
        };
        Ok((model, vec![format!("note: the model takes the names of the data, {}; {head}", now.join(", "))]))
    }

    /// A statistic of the values called `names`: that of this checkpoint where it knows the name, otherwise as in `blank`.
    fn of_known_values(&self, statistic: &str, blank: &Tensor, names: &[String]) -> Tensor {
        let found = blank.detach().copy();
        let Some((_, stored)) = self.model.iter().find(|(name, _)| name == statistic) else { return found };
        for (place, name) in names.iter().enumerate() {
            if let Some(known) = self.description.input.task.names().iter().position(|known| known == name) {
                found.get(place as i64).copy_(&stored.get(known as i64));
            }
        }
        found
    }
}
