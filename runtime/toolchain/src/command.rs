//! Tools as child processes.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::BuildError;

/// Runs a tool to its end with its standard error passed on, and returns its standard output.
///
/// # Errors
/// [`BuildError::Compiler`] if it failed, [`BuildError::Io`] if it could not be started.
pub(crate) fn run(name: &str, command: &mut Command) -> Result<Vec<u8>, BuildError> {
    let output = output(name, command.stderr(Stdio::inherit()))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(BuildError::Compiler(name.to_owned())),
    }
}

/// Runs a tool to its end, whatever that is.
pub(crate) fn output(name: &str, command: &mut Command) -> Result<Output, BuildError> {
    command.output().map_err(|e| BuildError::io(Path::new(name), e))
}

/// Whether a program is there and answers these arguments with success.
pub(crate) fn answers(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str], directory: &Path) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs the command of a [`crate::Missing`] in the connector's folder, with everything that it prints passed on.
///
/// # Errors
/// [`BuildError::Install`] if it failed, [`BuildError::Io`] if it could not be started.
pub(crate) fn install(command: &str, directory: &Path) -> Result<(), BuildError> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(directory)
        .stdout(Stdio::from(std::io::stderr()));
    run(command, &mut shell).map(drop).map_err(|error| match error {
        BuildError::Compiler(command) => BuildError::Install(command),
        other => other,
    })
}
