//! What both tests need: the corpus, and a guard that says which input it was.
#![allow(dead_code, reason = "each test uses some of it")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
};

use danube_wasm_fuzz::{TARGETS, Target};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

pub(crate) fn target(name: &str) -> Target {
    let found = TARGETS.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("no target is named {name}"))
}

pub(crate) fn folder(target: &Target) -> PathBuf {
    root().join("corpus").join(target.name)
}

/// The files of a target, by name.
pub(crate) fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder(target)).expect("a folder for each target");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: PathBuf| (path.clone(), fs::read(path).expect("a file"));
    paths.into_iter().map(read).collect()
}

/// Runs a target; if it panics, says which input it was and where that is now.
pub(crate) fn guarded(target: &Target, input: &[u8], which: impl FnOnce() -> String) {
    let ran = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if let Err(panic) = ran {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-found", target.name));
        fs::write(&kept, input).expect("room for an input");
        eprintln!(
            "`{}` does not hold for {}; the input is in {}",
            target.name,
            which(),
            kept.display()
        );
        resume_unwind(panic);
    }
}
