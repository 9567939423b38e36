//! Checks whether a file can be written, before the work that produces it.

use crate::failure::Failure;
use lnn_train::{Error, RunFolder};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Refuses a path where no file can be written (a folder, or a path in a folder that is missing or not writable), one of the files
/// that the command reads, whatever it is called there, and a file of a run. Leaves no files behind.
///
/// # Errors
/// [`Failure::Request`] with the path; [`Failure::Run`] if the disk is full.
pub fn check_writable(path: &Path, sources: &[&Path]) -> Result<(), Failure> {
    let shown = path.display();
    let refuse = |reason: String| {
        Err(Failure::request(format!("cannot write {shown}: {reason}; hint: use another name")))
    };
    if let Err(error) = lnn_models::check_writable(path) {
        return match error.kind() {
            io::ErrorKind::IsADirectory => Err(Failure::request(format!(
                "cannot write {shown}: expected the name of a file, found a folder"
            ))),
            _ => Err(Error::unwritable(path, &error).into()),
        };
    }
    let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let found = fs::metadata(path).ok().filter(Metadata::is_file).map(id);
    let same = |source: &&&Path| found.is_some() && fs::metadata(source).ok().map(id) == found;
    if let Some(source) = sources.iter().find(same) {
        return refuse(format!("it is {}, which the command reads", source.display()));
    }
    match RunFolder::file_of_run(path) {
        Some(name) => refuse(format!("it would replace {name} of a run")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_cannot_be_written_is_a_wrong_request_and_asking_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        check_writable(&folder.path().join("model.pt"), &[]).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        check_writable(&file, &[]).unwrap();
        for place in [folder.path().to_owned(), folder.path().join("missing/model.pt"), file.join("model.pt")]
        {
            let failure = check_writable(&place, &[]).unwrap_err();
            assert!(matches!(failure, Failure::Request(_)));
            assert!(failure.to_string().contains("cannot write"), "{failure}");
        }
    }

    #[test]
    fn a_source_and_a_file_of_a_run_are_refused_under_every_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("source"), "precious").unwrap();
        fs::write(path("other"), "").unwrap();
        std::os::unix::fs::symlink("source", path("link")).unwrap();
        fs::hard_link(path("source"), path("second name")).unwrap();
        let source = path("source");
        let sources = [source.as_path()];
        for name in ["source", "link", "second name", "../"] {
            let place = match name {
                "../" => path("").join("..").join(folder.path().file_name().unwrap()).join("source"),
                _ => path(name),
            };
            let failure = check_writable(&place, &sources).unwrap_err();
            assert!(
                matches!(failure, Failure::Request(_)) && failure.to_string().contains("reads"),
                "{failure}"
            );
        }
        check_writable(&path("other"), &sources).unwrap();
        check_writable(&path("last.safetensors"), &[]).unwrap();
        fs::write(path("config.json"), "{}").unwrap();
        for name in ["last.safetensors", "best.safetensors", "config.json", "metrics.jsonl"] {
            let failure = check_writable(&path(name), &[]).unwrap_err();
            assert!(failure.to_string().contains("of a run"), "{failure}");
        }
    }
}
