//! `lnn-cli data`.

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{print_line, print_text, with_bar};
use clap::Subcommand;

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
        print_text(&format!("{:14} {}\n{:14} {state}\n{:14} {}", set.name, set.title, "", "", set.licence))?;
    }
    Ok(())
}
