//! What the ranks of a run must have in common.

use crate::config::RunConfig;
use crate::error::Error;
use crate::ranks::Ranks;
use crate::run_data::RunData;
use crate::state::TrainingState;
use lnn_core::derive_seed;
use lnn_models::Model;

/// Refuses what several ranks cannot do.
pub(crate) fn check_ranks(config: &RunConfig, trace: bool, ranks: &Ranks) -> Result<(), Error> {
    if !ranks.are_several() {
        return Ok(());
    }
    let refuse = |what: &str| {
        Err(Error::configuration(format!("{what}: expected one rank, found {}", ranks.place().size)))
    };
    if trace {
        return refuse("--diagnose gradients");
    }
    if config.cuda_graph {
        return refuse("cuda_graph=true, whose graph cannot hold the exchange of gradients");
    }
    Ok(())
}

/// Makes the models of all ranks that of rank 0, and refuses ranks with other configurations or samples.
pub(crate) fn check_alike(
    ranks: &Ranks,
    config: &RunConfig,
    data: &RunData,
    model: &Model,
) -> Result<(), Error> {
    if !ranks.are_several() {
        return Ok(());
    }
    // The same data may lie in other places.
    let config = RunConfig { data: String::new(), init: None, ..config.clone() };
    let text = serde_json::to_string(&config).expect("a configuration is plain data");
    let hash = text.bytes().fold(0_u64, |hash, byte| derive_seed(hash, &[u64::from(byte)]));
    ranks.agree("configuration, as a hash", &[hash.cast_signed()])?;
    ranks.agree(
        "numbers of samples to train, validate and test, and hash of the samples",
        &data.signature(),
    )?;
    ranks.broadcast(model.parameters().entries().iter().map(|entry| &entry.tensor))
}

/// Says what becomes of the batches where another number of ranks resumes a run.
pub(crate) fn other_ranks(config: &RunConfig, state: &TrainingState, ranks: &Ranks) -> Option<String> {
    let (found, size) = (state.ranks, ranks.place().size as u64);
    let whole = config.batch_size.saturating_mul(found as i64);
    (found != size && state.step > 0).then(|| {
        format!("note: the run began with ranks: {found}; its batches of {whole} samples are now shared among {size}")
    })
}
