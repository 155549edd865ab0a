//! Classifies the error of a failed call.

use danube_wasm_model::door::GuestError;
use wasmtime::{Error, PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::{I32Exit, ResourceTableError};

use crate::{
    limits::{BACKTRACE_FRAMES_MAX, exceeded, name},
    state::GuestState,
    text::truncated,
};

/// Bytes of a trap's message.
const MESSAGE_BYTES_MAX: usize = 1 << 10;
/// Bytes of one frame's name: mangled generics grow long.
const FRAME_BYTES_MAX: usize = 256;

/// Classifies the error of a failed call. `state` is that of the store that it failed in, which is discarded
/// afterwards.
pub(crate) fn classify(error: &Error, state: &mut GuestState) -> GuestError {
    if let Some(error) = state.budget.exceeded() {
        return error;
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return GuestError::Host {
            message: format!("all places for instances are taken: {error}"),
        };
    }
    let overflow = matches!(error.downcast_ref(), Some(Trap::StackOverflow));
    if let Some(refusal) = state.limiter.take_refusal().filter(|_| !overflow) {
        return exceeded(refusal.limit, refusal.message);
    }
    let root = error.root_cause().to_string();
    if let Some(limit) = limit_of(error, &root) {
        return exceeded(limit, root);
    }
    state.capabilities.wasi.end_call();
    let what = match (error.downcast_ref::<I32Exit>(), error.downcast_ref::<Trap>()) {
        (Some(I32Exit(0)), _) => "it exited, and said that all is well".to_owned(),
        // `wasi:cli/exit` takes a result, not a code.
        (Some(I32Exit(_)), _) => {
            "it exited, and said that it failed; with which code, WASI 0.2 does not tell".to_owned()
        }
        (None, Some(trap)) => trap.to_string(),
        (None, None) => root,
    };
    let mut panic_message = state.capabilities.wasi.panic_message();
    if panic_message.is_empty() {
        panic_message.push_str(state.capabilities.log.panic_message());
    }
    let message = if panic_message.is_empty() {
        what
    } else {
        format!("{what}: {panic_message}")
    };
    GuestError::Trap {
        message: truncated(message, MESSAGE_BYTES_MAX),
        backtrace: backtrace(error),
    }
}

/// Limits that the engine keeps itself. It has no types for most of them, so the tests of this crate hold it to its
/// wording.
fn limit_of(error: &Error, root: &str) -> Option<&'static str> {
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return Some(name::RESOURCES);
    }
    let known = [
        ("too much data is being copied", name::OUTPUT_BYTES),
        ("cannot allocate another handle", name::HANDLES),
        ("resource limit exceeded", name::INSTANCES),
        ("requested len", name::RANDOM_BYTES),
    ];
    known
        .iter()
        .find(|(wording, _)| root.starts_with(wording))
        .map(|(_, limit)| *limit)
}

/// Names of the component's functions, innermost first.
fn backtrace(error: &Error) -> Vec<String> {
    let frames = error
        .downcast_ref::<WasmBacktrace>()
        .map_or(&[][..], WasmBacktrace::frames);
    let names = frames
        .iter()
        .take(BACKTRACE_FRAMES_MAX)
        .map(|frame| match frame.func_name() {
            Some(name) => truncated(format!("{:#}", rustc_demangle::demangle(name)), FRAME_BYTES_MAX),
            None => format!("function {}", frame.func_index()),
        });
    names.collect()
}
