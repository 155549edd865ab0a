//! Which running pipeline a file means.

use std::path::{Path, PathBuf};

use danube_wasm_host::{Failure, control, loader};

/// Returns the data directory of a file's pipeline, to ask the process that runs on it. A file that has mistakes by now is
/// enough as long as a process runs that has read an earlier version of it.
pub(super) fn data_dir(file: &Path) -> Result<PathBuf, Failure> {
    match danube_wasm_host::read_lazily(file) {
        Ok(loaded) => Ok(loaded.pipeline.data_dir),
        Err(mistakes) => in_spite_of(mistakes, file),
    }
}

/// The same for a file of which it is known that it has mistakes: without a running process they are the error.
pub(super) fn in_spite_of(mistakes: Failure, file: &Path) -> Result<PathBuf, Failure> {
    let data_dir = loader().data_dir(file).filter(|data_dir| control::is_running(data_dir));
    let data_dir = data_dir.ok_or(mistakes)?;
    let file = file.display();
    eprintln!(
        "warning: {file} has mistakes (`danube-wasm check {file}` shows them); the pipeline runs as it was before"
    );
    Ok(data_dir)
}
