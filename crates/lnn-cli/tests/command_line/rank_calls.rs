//! Calls of the program as the ranks of one training, on the loopback address.

use crate::checkpoint_file::CheckpointFile;
use crate::program::{Call, Ended, Running};
use std::net::TcpListener;
use std::path::Path;

/// As torchrun and Slurm start a rank.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Launcher {
    Torchrun,
    Slurm,
}

/// A port that nobody listens to.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
    listener.local_addr().expect("it has an address").port()
}

/// The `call` as `rank` of two.
pub(crate) fn as_rank(call: Call, rank: usize, port: u16, launcher: Launcher) -> Call {
    let (rank, port) = (rank.to_string(), port.to_string());
    let call = call.env("MASTER_PORT", port).env("MASTER_ADDR", "127.0.0.1");
    match launcher {
        Launcher::Torchrun => call.env("RANK", &rank).env("LOCAL_RANK", &rank).env("WORLD_SIZE", "2"),
        Launcher::Slurm => {
            call.env("SLURM_PROCID", &rank).env("SLURM_LOCALID", &rank).env("SLURM_NTASKS", "2")
        }
    }
}

/// Starts two ranks of a call.
pub(crate) fn start_two(call: impl Fn() -> Call) -> [Running; 2] {
    start_by(Launcher::Torchrun, |_| call())
}

/// Starts two ranks, each with a call of its own.
pub(crate) fn start_by(launcher: Launcher, call: impl Fn(usize) -> Call) -> [Running; 2] {
    let port = free_port();
    [0, 1].map(|rank| as_rank(call(rank), rank, port, launcher).start())
}

/// Runs two ranks of a call to their end.
pub(crate) fn end_two(call: impl Fn() -> Call) -> [Ended; 2] {
    start_two(call).map(Running::end)
}

/// Runs two ranks of a call to their end, which must be good; the second rank says nothing.
pub(crate) fn succeed_two(call: impl Fn() -> Call) -> Ended {
    let [first, second] = end_two(call);
    assert_eq!((first.code, second.code), (Some(0), Some(0)), "{}\n{}", first.stderr, second.stderr);
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), ("", ""));
    first
}

/// The largest difference of the tensors of two checkpoints whose names start with `model.`.
pub(crate) fn distance([one, other]: [&Path; 2]) -> f64 {
    let [one, other] = [one, other].map(|file| CheckpointFile::read(file).tensors("model."));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    let numbers = |(kind, _, bytes): &(String, Vec<u64>, Vec<u8>)| -> Vec<f64> {
        match kind.as_str() {
            "F64" => bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
            "F32" => bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect(),
            _ => bytes.iter().map(|byte| f64::from(*byte)).collect(),
        }
    };
    let differences = one.iter().flat_map(|(name, tensor)| {
        let [one, other] = [numbers(tensor), numbers(&other[name])];
        assert_eq!(one.len(), other.len(), "{name}");
        one.into_iter().zip(other).map(|(one, other)| (one - other).abs())
    });
    differences.fold(0.0, f64::max)
}
