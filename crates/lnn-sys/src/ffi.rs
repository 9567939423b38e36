//! The declarations of the C++ in `cpp`, and the conversion of its messages to errors.

use crate::error::Error;
use crate::handles::{
    Layout, Passes, RawGenerator, RawGraph, RawGroup, RawModule, RawStore, RawTensors, RawText,
};
use std::ffi::{CStr, c_char, c_int, c_void};
use torch_sys::C_tensor;

unsafe extern "C" {
    fn lnn_free_message(text: *mut c_char);

    pub(crate) fn lnn_torch_version() -> *const c_char;

    pub(crate) fn lnn_flush_denormals(enabled: bool, supported: *mut bool) -> *mut c_char;

    pub(crate) fn lnn_keep_freed_memory(bytes: c_int) -> bool;

    pub(crate) fn lnn_autocast_enabled(cuda: bool, enabled: *mut bool) -> *mut c_char;

    pub(crate) fn lnn_autocast_begin(
        cuda: bool,
        enabled: bool,
        dtype: c_int,
        was_enabled: *mut bool,
        was_dtype: *mut c_int,
    ) -> *mut c_char;

    pub(crate) fn lnn_autocast_end(cuda: bool, was_enabled: bool, was_dtype: c_int) -> *mut c_char;

    pub(crate) fn lnn_cuda_graphs_are_built_in() -> bool;

    pub(crate) fn lnn_cuda_graph_begin(device: c_int, handle: *mut *mut RawGraph) -> *mut c_char;

    pub(crate) fn lnn_cuda_graph_end(handle: *mut RawGraph) -> *mut c_char;

    pub(crate) fn lnn_cuda_graph_replay(handle: *mut RawGraph) -> *mut c_char;

    pub(crate) fn lnn_cuda_graph_free(handle: *mut RawGraph);

    pub(crate) fn lnn_store_tcp(
        host: *const c_char,
        port: u16,
        server: bool,
        hosted: bool,
        processes: usize,
        prefix: *const c_char,
        timeout_ms: i64,
        handle: *mut *mut RawStore,
    ) -> *mut c_char;

    pub(crate) fn lnn_store_free(handle: *mut RawStore);

    pub(crate) fn lnn_store_set(
        handle: *mut RawStore,
        key: *const c_char,
        value: *const c_char,
        length: usize,
    ) -> *mut c_char;

    pub(crate) fn lnn_store_has(handle: *mut RawStore, key: *const c_char, found: *mut bool) -> *mut c_char;

    pub(crate) fn lnn_store_wait(handle: *mut RawStore, key: *const c_char, timeout_ms: i64) -> *mut c_char;

    pub(crate) fn lnn_store_get(
        handle: *mut RawStore,
        key: *const c_char,
        bytes: *mut *mut c_char,
        length: *mut usize,
    ) -> *mut c_char;

    pub(crate) fn lnn_group_gloo(
        store: *mut RawStore,
        rank: c_int,
        size: c_int,
        timeout_ms: i64,
        interface: *const c_char,
        hostname: *const c_char,
        handle: *mut *mut RawGroup,
    ) -> *mut c_char;

    pub(crate) fn lnn_nccl_is_built_in() -> bool;

    pub(crate) fn lnn_group_nccl(
        store: *mut RawStore,
        rank: c_int,
        size: c_int,
        timeout_ms: i64,
        device: c_int,
        handle: *mut *mut RawGroup,
    ) -> *mut c_char;

    pub(crate) fn lnn_group_free(handle: *mut RawGroup);

    pub(crate) fn lnn_group_all_reduce(handle: *mut RawGroup, tensor: *mut C_tensor) -> *mut c_char;

    pub(crate) fn lnn_group_broadcast(handle: *mut RawGroup, tensor: *mut C_tensor) -> *mut c_char;

    pub(crate) fn lnn_group_settle(handle: *mut RawGroup) -> *mut c_char;

    pub(crate) fn lnn_group_barrier(handle: *mut RawGroup) -> *mut c_char;

    pub(crate) fn lnn_generator_new(seed: u64, handle: *mut *mut RawGenerator) -> *mut c_char;

    pub(crate) fn lnn_generator_free(handle: *mut RawGenerator);

    pub(crate) fn lnn_seed_cuda(device: c_int, seed: u64) -> *mut c_char;

    pub(crate) fn lnn_fill_normal(tensor: *mut C_tensor, generator: *const RawGenerator) -> *mut c_char;

    pub(crate) fn lnn_fill_uniform(tensor: *mut C_tensor, generator: *const RawGenerator) -> *mut c_char;

    pub(crate) fn lnn_fill_integers(
        tensor: *mut C_tensor,
        below: i64,
        generator: *const RawGenerator,
    ) -> *mut c_char;

    pub(crate) fn lnn_fill_bernoulli(
        tensor: *mut C_tensor,
        probability: f64,
        generator: *const RawGenerator,
    ) -> *mut c_char;

    pub(crate) fn lnn_fill_permutation(tensor: *mut C_tensor, generator: *const RawGenerator) -> *mut c_char;

    pub(crate) fn lnn_fused_adamw(
        parameters: *const *mut C_tensor,
        gradients: *const *mut C_tensor,
        first_moments: *const *mut C_tensor,
        second_moments: *const *mut C_tensor,
        count: usize,
        step: *mut C_tensor,
        learning_rate: *mut C_tensor,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        epsilon: f64,
    ) -> *mut c_char;

    pub(crate) fn lnn_custom_function(
        function: *mut c_void,
        passes: Passes,
        inputs: *const RawTensors,
        outputs: *mut RawTensors,
    ) -> *mut c_char;

    pub(crate) fn lnn_tensors_new() -> *mut RawTensors;

    pub(crate) fn lnn_tensors_free(tensors: *mut RawTensors);

    pub(crate) fn lnn_tensors_count(tensors: *const RawTensors) -> usize;

    pub(crate) fn lnn_tensors_get(tensors: *const RawTensors, index: usize) -> *const C_tensor;

    pub(crate) fn lnn_tensors_push(tensors: *mut RawTensors, tensor: *const C_tensor);

    pub(crate) fn lnn_write_error(error: *mut RawText, text: *const c_char, length: usize);

    pub(crate) fn lnn_gradients_are_collected() -> bool;

    pub(crate) fn lnn_threads(count: *mut c_int) -> *mut c_char;

    pub(crate) fn lnn_parallel(
        count: usize,
        call: unsafe extern "C" fn(*const c_void, usize),
        context: *const c_void,
    ) -> *mut c_char;

    pub(crate) fn lnn_layout(tensor: *const C_tensor, layout: *mut Layout) -> *mut c_char;

    pub(crate) fn lnn_is_unchanged(tensor: *const C_tensor, data: *const c_void, version: u32) -> bool;

    pub(crate) fn lnn_exclusive_data(tensor: *mut C_tensor, data: *mut *mut c_void) -> *mut c_char;

    pub(crate) fn lnn_script_new(class_name: *const c_char, handle: *mut *mut RawModule) -> *mut c_char;

    pub(crate) fn lnn_script_child(
        parent: *mut RawModule,
        name: *const c_char,
        class_name: *const c_char,
        handle: *mut *mut RawModule,
    ) -> *mut c_char;

    pub(crate) fn lnn_script_free(handle: *mut RawModule);

    pub(crate) fn lnn_free_bytes(bytes: *mut c_char);

    pub(crate) fn lnn_script_register_tensor(
        module: *mut RawModule,
        name: *const c_char,
        tensor: *const C_tensor,
        parameter: bool,
    ) -> *mut c_char;

    pub(crate) fn lnn_script_register_bool(
        module: *mut RawModule,
        name: *const c_char,
        value: bool,
    ) -> *mut c_char;

    pub(crate) fn lnn_script_register_int(
        module: *mut RawModule,
        name: *const c_char,
        value: i64,
    ) -> *mut c_char;

    pub(crate) fn lnn_script_register_float(
        module: *mut RawModule,
        name: *const c_char,
        value: f64,
    ) -> *mut c_char;

    pub(crate) fn lnn_script_register_text(
        module: *mut RawModule,
        name: *const c_char,
        value: *const c_char,
        length: usize,
    ) -> *mut c_char;

    pub(crate) fn lnn_script_define(module: *mut RawModule, source: *const c_char) -> *mut c_char;

    pub(crate) fn lnn_script_save(
        module: *const RawModule,
        extra_name: *const c_char,
        extra: *const c_char,
        extra_length: usize,
        bytes: *mut *mut c_char,
        length: *mut usize,
    ) -> *mut c_char;

    pub(crate) fn lnn_script_load(
        bytes: *const c_char,
        length: usize,
        extra_name: *const c_char,
        handle: *mut *mut RawModule,
        extra: *mut *mut c_char,
        extra_length: *mut usize,
    ) -> *mut c_char;

    pub(crate) fn lnn_script_tensors(
        module: *const RawModule,
        context: *mut c_void,
        visit: extern "C" fn(*mut c_void, *const c_char, *mut C_tensor, bool),
    ) -> *mut c_char;

    pub(crate) fn lnn_script_text(
        module: *const RawModule,
        name: *const c_char,
        text: *mut *mut c_char,
        length: *mut usize,
    ) -> *mut c_char;
}

/// Converts the message that a C++ entry returned, which is null on success, and frees it.
pub(crate) fn check(message: *mut c_char) -> Result<(), Error> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: a non-null message is a NUL-terminated string that the caller owns; it is freed here, once.
    let text = unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        lnn_free_message(message);
        text
    };
    Err(Error::Torch(text))
}
