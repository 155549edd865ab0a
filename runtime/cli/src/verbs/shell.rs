//! `danube-wasm completions SHELL` and `danube-wasm man DIR`: what a package of this program installs beside it.

use std::io::Write as _;

use clap::CommandFactory;

use crate::{
    args::{self, Arguments},
    exit::Failure,
};

/// Prints the completions of a shell.
pub(crate) fn completions(args: &args::Completions) -> Result<(), Failure> {
    // Into memory first: a reader that closes early is no panic of this program.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "danube-wasm", &mut script);
    std::io::stdout().write_all(&script).map_err(Failure::internal)
}

/// Writes one manual page a verb.
pub(crate) fn man(args: &args::Man) -> Result<(), Failure> {
    let folder = &args.directory;
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.map_err(|e| Failure::internal(format!("cannot write to {}: {e}", folder.display())))
}
