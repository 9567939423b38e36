//! Files that are complete whenever their name exists.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

/// The prefix of incomplete files.
const PARTIAL: &str = ".partial-";

/// The prefixes of incomplete files of this version and of earlier ones, each followed by [`RANDOM`] characters.
const PREFIXES: [&str; 2] = [PARTIAL, ".tmp"];

/// The number of random letters and digits in the name of an incomplete file.
const RANDOM: usize = 6;

/// The maximum number of symbolic links from a name to its file, as on Linux.
const MOST_LINKS: usize = 40;

/// Where bytes for a path go.
enum Place {
    /// A file that may not exist yet.
    File(PathBuf),
    /// A pipe, a device or a stream of a process, as `/dev/stdout`.
    Stream(PathBuf),
}

/// Writes `bytes` under a temporary name in the same folder, syncs, and renames to `path`. A symbolic link stays: the file that it
/// leads to is replaced. A pipe or a device stays as well: it is written to.
///
/// # Errors
/// Those of the file system; then a file at `path` is as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = match place(path)? {
        Place::File(path) => path,
        // `append`, because the stream of a process may be a file that has content already.
        Place::Stream(path) => return OpenOptions::new().append(true).open(path)?.write_all(bytes),
    };
    let mut builder = tempfile::Builder::new();
    // Readable as any new file is: the umask takes away what it should, where a temporary file is private.
    builder.prefix(PARTIAL).rand_bytes(RANDOM).permissions(Permissions::from_mode(0o666));
    let mut file = builder.tempfile_in(folder_of(&path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Checks that `path` can be written, before the work whose result it is to hold. Leaves no files behind.
///
/// # Errors
/// Those of the file system; [`io::ErrorKind::IsADirectory`] for a folder.
pub fn check_writable(path: &Path) -> io::Result<()> {
    match place(path)? {
        Place::File(path) => tempfile::tempfile_in(folder_of(&path)).map(drop),
        // Opening a pipe would wait for its reader.
        Place::Stream(_) => Ok(()),
    }
}

/// Removes incomplete files from a folder in which no other process writes. A file that cannot be removed is ignored.
pub fn sweep_scraps(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(is_scrap) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file of this name is one that [`write_atomically`] did not finish.
fn is_scrap(name: &str) -> bool {
    let random = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Whether a file cannot be written because there is no room for it, which is no fault of the name that was given.
pub fn lacks_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Follows the symbolic links of `path`.
fn place(path: &Path) -> io::Result<Place> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        // A link in such a folder is not a path: it leads to what a process has open, whatever its name is now.
        if is_stream_folder(folder_of(&path)) {
            return Ok(Place::Stream(path));
        }
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => path = folder_of(&path).join(fs::read_link(&path)?),
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => return Ok(Place::Stream(path)),
            Ok(_) => return Ok(Place::File(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::File(path)),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Whether a folder is `/proc/PID/fd`, whose entries are the open files of a process.
fn is_stream_folder(folder: &Path) -> bool {
    let Ok(folder) = fs::canonicalize(folder) else { return false };
    let mut parts = folder.components();
    parts.next() == Some(Component::RootDir)
        && parts.next() == Some(Component::Normal("proc".as_ref()))
        && parts.next_back() == Some(Component::Normal("fd".as_ref()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::process::Command;

    #[test]
    fn the_file_replaces_the_old_one_and_has_the_rights_of_a_plain_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, plain) = (folder.path().join("x"), folder.path().join("plain"));
        fs::write(&plain, "").unwrap();
        for text in ["one", "two"] {
            write_atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(rights(&path), rights(&plain));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
    }

    #[test]
    fn a_link_stays_and_its_file_is_written_whether_it_exists_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("store")).unwrap();
        symlink("store/x", path("inner")).unwrap();
        symlink("inner", path("outer")).unwrap();
        for text in ["one", "two"] {
            check_writable(&path("outer")).unwrap();
            write_atomically(&path("outer"), text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(path("store/x")).unwrap(), text);
        }
        assert!(path("outer").is_symlink() && path("inner").is_symlink());
        symlink("round", path("round")).unwrap();
        assert!(write_atomically(&path("round"), b"x").is_err());
        assert!(check_writable(&path("store")).is_err());
    }

    #[test]
    fn a_pipe_and_a_device_are_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        check_writable(&pipe).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write_atomically(&pipe, b"all of it").unwrap();
        assert_eq!(reader.join().unwrap(), b"all of it");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        write_atomically(Path::new("/dev/null"), b"x").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert!(write_atomically(Path::new("/dev/full"), b"x").is_err());
    }

    #[test]
    fn an_open_file_of_a_process_is_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "before, ").unwrap();
        let file = OpenOptions::new().append(true).open(&path).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        write_atomically(Path::new(&format!("/proc/self/fd/{number}")), b"after").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "before, after");
    }

    #[test]
    fn names_of_incomplete_files_are_known_from_others() {
        for name in [".partial-aB3dE6", ".tmpQ7xk2A"] {
            assert!(is_scrap(name), "{name}");
        }
        for name in
            [".tmp", ".tmpfiles.d", ".tmpQ7xk2", ".tmpQ7xk2AA", "tmpQ7xk2A", ".partial-", "x.tmpQ7xk2A"]
        {
            assert!(!is_scrap(name), "{name}");
        }
    }
}
