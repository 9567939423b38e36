//! Build script shared by the crates that link libtorch into a binary, a test or a bench.
//!
//! A plain link drops `libtorch.so`, because no symbol of it is used by name, and CUDA is then silently absent.
//! The run path lets the binary find libtorch from any folder.

// Cargo reads the instructions of a build script from its standard output.
#![allow(clippy::print_stdout)]

fn main() {
    link();
}

/// Says how to link this crate's binaries, tests and benches.
pub(crate) fn link() {
    println!("cargo:rerun-if-changed=../link-libtorch.rs");
    let libtorch = std::env::var("DEP_LNN_SYS_LIBTORCH_LIB").expect("lnn-sys names the folder of libtorch");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{libtorch}");
    println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
    println!("cargo:rustc-link-arg=-L{libtorch}");
    println!("cargo:rustc-link-arg=-ltorch");
}
