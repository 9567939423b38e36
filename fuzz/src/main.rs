//! The fuzzer of one target, whose name is in `LNN_FUZZ_TARGET`; arguments are those of libFuzzer. See `scripts/fuzz`.
#![no_main]

use std::sync::OnceLock;

static TARGET: OnceLock<lnn_fuzz::Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    TARGET.get_or_init(|| lnn_fuzz::target(&std::env::var("LNN_FUZZ_TARGET").unwrap_or_default()))(bytes);
});
