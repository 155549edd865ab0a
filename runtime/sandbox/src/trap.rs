//! Classifies the error of a failed call.

use danube_wasm_model::door::GuestError;
use wasmtime::{Error, FrameInfo, PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::{I32Exit, ResourceTableError};

use crate::{
    limits::{BACKTRACE_FRAMES_MAX, exceeded, name},
    lines::{LineTable, demangled},
    state::GuestState,
    text::truncated,
};

/// Functions of Rust's standard library that a panic calls.
const PANICS: [&str; 2] = ["core::panicking::", "rust_begin_unwind"];
/// Bytes of a trap's message.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// Classifies the error of a failed call. `state` is that of the store that it failed in, which is discarded
/// afterwards; `lines` are the component's.
pub(crate) fn classify(error: &Error, state: &mut GuestState, lines: Option<&LineTable>) -> GuestError {
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
        backtrace: backtrace(error, lines),
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

/// The component's functions, innermost first, with their places in its source if those are known.
fn backtrace(error: &Error, lines: Option<&LineTable>) -> Vec<String> {
    let frames = error
        .downcast_ref::<WasmBacktrace>()
        .map_or(&[][..], WasmBacktrace::frames);
    let mut shown = functions(frames, lines);
    // What Rust does once it panics says nothing of the component.
    let panics = |frame: &String| PANICS.iter().any(|name| frame.contains(name));
    let begin = shown.iter().rposition(panics).map_or(0, |last| last + 1);
    shown.drain(..begin);
    shown.truncate(BACKTRACE_FRAMES_MAX);
    shown
}

/// The functions of a backtrace, and those that are inlined into them.
pub(crate) fn functions(frames: &[FrameInfo], lines: Option<&LineTable>) -> Vec<String> {
    let named = frames.iter().flat_map(|frame| {
        let name = match frame.func_name() {
            Some(name) => demangled(name),
            None => format!("function {}", frame.func_index()),
        };
        let placed = lines
            .zip(frame.module_offset())
            .map(|(lines, address)| lines.frames(address, &name));
        placed.filter(|placed| !placed.is_empty()).unwrap_or_else(|| vec![name])
    });
    named.collect()
}
