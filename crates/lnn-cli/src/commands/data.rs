//! `lnn-cli data`.

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{check_writable, print_line, print_text, with_bar};
use clap::Subcommand;
use csv::Writer;
use lnn_data::generators;
use lnn_train::write_atomically;
use std::path::{Path, PathBuf};

/// The subcommands of `data`.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// List the known sets and whether they are in the data folder
    List {
        /// Print JSON Lines on standard output
        #[arg(long)]
        json: bool,
    },
    /// Download a set into the data folder
    Fetch {
        /// Name of the set
        name: String,
    },
    /// Verify the files of a set by their checksums
    Verify {
        /// Name of the set
        name: String,
    },
    /// Write a series that is computed as a table, for `--data csv:FILE`
    Generate {
        /// mackey-glass, lorenz, narma10 or sine
        name: String,
        /// Number of rows
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
        rows: u32,
        /// What determines the series
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// The file to write [default: standard output]
        #[arg(long, value_name = "FILE.csv")]
        out: Option<PathBuf>,
    },
}

pub(super) fn run(command: &DataCommand) -> Result<(), Failure> {
    match command {
        DataCommand::List { json } => list(*json),
        DataCommand::Fetch { name } => {
            Interrupt::install()?;
            let folder = with_bar(|progress| lnn_data::fetch(name, progress))?;
            print_text(&folder.display().to_string())
        }
        DataCommand::Verify { name } => {
            lnn_data::verify(name)?;
            print_text(&format!("{name}: every file has its known sum"))
        }
        DataCommand::Generate { name, rows, seed, out } => generate(name, *rows, *seed, out.as_deref()),
    }
}

/// Writes a table of a generated series, with every digit.
fn generate(name: &str, rows: u32, seed: u64, out: Option<&Path>) -> Result<(), Failure> {
    let Some(generator) = generators::find(name) else {
        let known: Vec<&str> = generators::GENERATORS.iter().map(|generator| generator.name).collect();
        return Err(Failure::request(format!("expected one of {}, found {name:?}", known.join(", "))));
    };
    if let Some(out) = out {
        check_writable(out, &[])?;
    }
    let mut lines = Writer::from_writer(Vec::new());
    lines.write_record(generator.columns).map_err(Failure::run)?;
    for row in generator.rows(rows as usize, seed).rows() {
        lines.write_record(row.iter().map(f64::to_string)).map_err(Failure::run)?;
    }
    let bytes = lines.into_inner().map_err(Failure::run)?;
    match out {
        Some(path) => Ok(write_atomically(path, &bytes)?),
        None => print_text(String::from_utf8_lossy(&bytes).trim_end_matches('\n')),
    }
}

fn list(json: bool) -> Result<(), Failure> {
    for set in lnn_data::list()? {
        if json {
            print_line(&set)?;
            continue;
        }
        let state = match (set.cached, set.verified) {
            (true, true) => format!("here, {:.1} MB, in {}", set.bytes as f64 / 1e6, set.path.display()),
            (true, false) => format!("here, not yet verified, in {}", set.path.display()),
            (false, _) => format!("not here; `lnn-cli data fetch {}` or training on it fetches it", set.name),
        };
        let lines = [set.title, state.as_str(), set.licence];
        for (line, name) in lines.into_iter().zip([set.name, "", ""]) {
            print_text(&format!("{name:18} {line}"))?;
        }
    }
    Ok(())
}
