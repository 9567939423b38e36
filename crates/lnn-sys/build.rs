//! Compiles the C++ of this crate against the libtorch that `torch-sys` found, and hands its folder on.

use std::path::{Path, PathBuf};

/// The release of torch that `tch` is bound to.
const TORCH_VERSION: (&str, &str, &str) = ("2", "11", "0");

/// The C++ files in `cpp`.
const SOURCES: [&str; 9] = [
    "autocast",
    "collective",
    "cuda_graph",
    "custom_function",
    "fused_adamw",
    "memory",
    "process",
    "random",
    "script_module",
];

fn main() {
    let lib =
        PathBuf::from(std::env::var("DEP_TCH_LIBTORCH_LIB").expect("torch-sys names the folder of libtorch"));
    let include = lib.parent().expect("lib has a parent").join("include");
    check_version(&include);

    println!("cargo:rerun-if-changed=cpp");
    println!("cargo:libtorch_lib={}", lib.display());
    let mut build = cc::Build::new();
    if let Some(headers) = cuda_headers(&lib) {
        build.define("LNN_CUDA", None).include(headers);
        println!("cargo:rustc-link-search=native={}", lib.display());
        println!("cargo:rustc-link-lib=torch_cuda");
        println!("cargo:rustc-link-lib=c10_cuda");
    }
    build
        .cpp(true)
        .std("c++17")
        .pic(true)
        .warnings(false)
        // The C++ hands work on and has no loops of its own; debug information of libtorch's headers would take longer than all else.
        .opt_level(1)
        .debug(false)
        .flag_if_supported("-fopenmp")
        .include("cpp/gloo")
        .include(&include)
        .include(include.join("torch/csrc/api/include"))
        .files(SOURCES.map(|name| format!("cpp/{name}.cpp")))
        .compile("lnn_sys_cpp");

    // The tests of this crate need libtorch at run time, as `crates/link-libtorch.rs` says.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
    println!("cargo:rustc-link-arg=-L{}", lib.display());
    println!("cargo:rustc-link-arg=-ltorch");
    println!("cargo:rustc-link-lib=gomp");
}

/// The folder of CUDA's headers, if libtorch is one for CUDA: that of an installed toolkit, or of a package that PyTorch's wheel
/// brings along beside it.
fn cuda_headers(lib: &Path) -> Option<PathBuf> {
    println!("cargo:rerun-if-env-changed=CUDA_HOME");
    if !lib.join("libtorch_cuda.so").exists() {
        return None;
    }
    let home = std::env::var_os("CUDA_HOME").map(|home| PathBuf::from(home).join("include"));
    // The folder may be reached by a link, beside which there are no other packages.
    let lib = lib.canonicalize().ok()?;
    let site = lib.parent()?.parent()?;
    let beside = ["nvidia/cu13/include", "triton/backends/nvidia/include"].map(|folder| site.join(folder));
    let folders = home.into_iter().chain([PathBuf::from("/usr/local/cuda/include")]).chain(beside);
    let whole = |folder: &PathBuf| {
        ["cuda_runtime_api.h", "crt/host_config.h"].iter().all(|header| folder.join(header).exists())
    };
    folders.into_iter().find(whole)
}

/// Stops the build with one sentence if the headers are not of the torch that `tch` was written for.
fn check_version(include: &Path) {
    let header = include.join("torch/headeronly/version.h");
    let text = std::fs::read_to_string(&header)
        .or_else(|_| std::fs::read_to_string(include.join("torch/csrc/api/include/torch/version.h")))
        .unwrap_or_default();
    let number = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix("#define ")?.strip_prefix(name)?.strip_prefix(' '))
            .map_or("?", str::trim)
    };
    let found = (number("TORCH_VERSION_MAJOR"), number("TORCH_VERSION_MINOR"), number("TORCH_VERSION_PATCH"));
    assert!(
        found == TORCH_VERSION,
        "lnn needs libtorch 2.11.0, found {}.{}.{} under {}; run scripts/setup or point LIBTORCH at torch 2.11.0",
        found.0,
        found.1,
        found.2,
        include.display()
    );
}
