//! The program as a user meets it: every test here starts the real binary.
//!
//! Sets and models are small enough for a whole run to take a fraction of a second; most of the time goes into loading
//! libtorch.

// Tests explain what they skip.
#![allow(clippy::print_stderr)]

// The instruments.
mod checkpoint_file;
mod image_sets;
mod predicted_tables;
mod program;
mod quantiles;
mod rank_calls;
mod run_contents;
mod series_files;
mod sweep_folder;
mod trained_runs;

// The tests.
mod backtests;
mod baselines;
mod benches;
mod cifar10;
mod data_parallel;
mod determinism;
mod failing_runs;
mod files_of_others;
mod forecasts;
mod gaps_and_labels;
mod gradients;
mod growth;
mod horizons_and_folders;
mod image_folder;
mod input_noise;
mod interruption;
mod job_again;
mod linkage;
mod losses;
mod lost_ranks;
mod nobody_reads;
mod noise;
mod output;
mod precision;
mod records;
mod refused_arrays;
mod refused_checkpoints;
mod refused_data;
mod refused_requests;
mod refused_series;
mod refused_settings;
mod resuming;
mod ridge_readout;
mod run_folder;
mod sequences;
mod signals;
mod streams;
mod sweep_interruptions;
mod sweep_workers;
mod sweeps;
mod time_steps;
mod training;
mod truncation;
mod wirings;
