//! What does not keep the contract.

/// An input or a data set that does not fit the model it meets.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ContractError {
    /// A batch has another shape than the model takes.
    #[error("the model takes {expected}, found {found:?}")]
    Input {
        /// The expected shape in words, as `images [N, 1, 28, 28]`.
        expected: String,
        /// The shape that was found.
        found: Vec<i64>,
    },
    /// The time between steps has another shape than the steps.
    #[error("dt must be [N, T] = {expected:?}, one number for each step, found {found:?}")]
    TimeShape {
        /// N and T.
        expected: [i64; 2],
        /// The shape that was found.
        found: Vec<i64>,
    },
    /// Time goes back, or is not a number.
    #[error("dt must hold finite numbers of at least 0, found {found} at {place:?}")]
    TimeValue {
        /// The value.
        found: f64,
        /// Sequence and step.
        place: [i64; 2],
    },
    /// A number is infinite, or no number where values may not be missing.
    #[error("expected finite numbers, found {found} at {place:?}{hint}")]
    Value {
        /// The value.
        found: f64,
        /// Its indices.
        place: Vec<i64>,
        /// What helps.
        hint: &'static str,
    },
    /// The data lacks names that the model has, or has others.
    #[error(
        "the {what} of the data are not those of the model: {}; expected {}, found {}",
        missing.join(", "), shortened(expected), shortened(found)
    )]
    OtherNames {
        /// `features`, `classes` or `values`.
        what: &'static str,
        /// The names that one of both lacks, each with the side that has it.
        missing: Vec<String>,
        /// The names of the model.
        expected: Vec<String>,
        /// The names of the data.
        found: Vec<String>,
    },
    /// A data set does not fit the model.
    #[error("the model takes {expected}, the data has {found}")]
    OtherData {
        /// What the model takes.
        expected: String,
        /// What the data has.
        found: String,
    },
}

/// The first names of a list, for a message.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let more = if names.len() > SHOWN { format!(", … ({} in all)", names.len()) } else { String::new() };
    names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ") + &more
}
