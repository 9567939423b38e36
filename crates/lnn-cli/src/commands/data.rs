//! `lnn-cli data`.

use super::fetching::with_bar;
use crate::args::DataCommand;
use crate::data;
use crate::failure::Failure;
use crate::observers::{print_line, print_text};

pub(super) fn run(command: &DataCommand) -> Result<(), Failure> {
    match command {
        DataCommand::List { json } => list(*json),
        DataCommand::Fetch { name } => {
            let folder = with_bar(|progress| data::fetch(name, progress))?;
            print_text(&folder.display().to_string())
        }
        DataCommand::Verify { name } => {
            data::verify(name)?;
            print_text(&format!("{name}: every file has its known sum"))
        }
    }
}

fn list(json: bool) -> Result<(), Failure> {
    for set in data::list()? {
        if json {
            print_line(&set)?;
            continue;
        }
        let state = match (set.cached, set.verified) {
            (true, true) => format!("here, {:.1} MB, in {}", set.bytes as f64 / 1e6, set.path.display()),
            (true, false) => format!("here, not yet verified, in {}", set.path.display()),
            (false, _) => format!("not here; `lnn-cli data fetch {}` or training on it brings it", set.name),
        };
        print_text(&format!("{:14} {}\n{:14} {state}\n{:14} {}", set.name, set.title, "", "", set.licence))?;
    }
    Ok(())
}
