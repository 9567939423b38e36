//! Where libtorch has CUDA, programs must load it: a plain link drops it without a word.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The dynamic section of a program, or nothing where there is no `readelf`.
fn dynamic_section(program: &Path) -> Option<String> {
    let output = Command::new("readelf").arg("-d").arg(program).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What stands in brackets in the lines that mention `word`.
fn bracketed<'a>(section: &'a str, word: &str) -> Vec<&'a str> {
    let lines = section.lines().filter(|line| line.contains(word));
    lines.filter_map(|line| line.split_once('[')?.1.split_once(']')).map(|(inside, _)| inside).collect()
}

fn needs_cuda_where_libtorch_has_it(program: &Path) {
    let Some(section) = dynamic_section(program) else {
        eprintln!("skipped: readelf could not read {}", program.display());
        return;
    };
    let paths = [bracketed(&section, "(RUNPATH)"), bracketed(&section, "(RPATH)")].concat();
    let folders: Vec<PathBuf> = paths.iter().flat_map(std::env::split_paths).collect();
    let libtorch = folders.iter().find(|folder| folder.join("libtorch_cpu.so").exists());
    let libtorch = libtorch.unwrap_or_else(|| panic!("no run path leads to libtorch: {folders:?}"));
    if !libtorch.join("libtorch_cuda.so").exists() {
        eprintln!("skipped: {} has no CUDA", libtorch.display());
        return;
    }
    let needed = bracketed(&section, "(NEEDED)");
    let found = needed.iter().any(|name| ["libtorch.so", "libtorch_cuda.so"].contains(name));
    assert!(found, "{} needs only {needed:?}", program.display());
}

#[test]
fn the_program_loads_the_libtorch_that_has_cuda() {
    needs_cuda_where_libtorch_has_it(Path::new(env!("CARGO_BIN_EXE_lnn-cli")));
}

#[test]
fn the_tests_load_the_libtorch_that_has_cuda() {
    needs_cuda_where_libtorch_has_it(&std::env::current_exe().unwrap());
}
