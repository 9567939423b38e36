//! Links libtorch, and records the commit that checkpoints name.

#[path = "../link-libtorch.rs"]
#[allow(dead_code)]
mod link_libtorch;

use std::process::Command;

fn main() {
    link_libtorch::link();
    // The log of HEAD grows with every commit and checkout.
    println!("cargo:rerun-if-changed=build.rs");
    if std::path::Path::new("../../.git/logs/HEAD").exists() {
        println!("cargo:rerun-if-changed=../../.git/logs/HEAD");
    }
    // A build without the repository is told its commit.
    println!("cargo:rerun-if-env-changed=LNN_COMMIT");
    if let Ok(commit) = std::env::var("LNN_COMMIT") {
        println!("cargo:rustc-env=LNN_COMMIT={commit}");
        return;
    }
    let git = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = git.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let commit = commit.and_then(|bytes| String::from_utf8(bytes).ok());
    println!("cargo:rustc-env=LNN_COMMIT={}", commit.as_deref().map_or("unknown", str::trim));
}
