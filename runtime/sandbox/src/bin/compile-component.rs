//! The compiling child as a program of its own, for hosts that do not want to be started twice.

use std::process::ExitCode;

fn main() -> ExitCode {
    danube_wasm_sandbox::compile_child_main()
}
