//! The version of the code that trials ran on.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

/// The acknowledgement path: a change here makes earlier trials void.
const ACKNOWLEDGEMENT: [&str; 5] = [
    "runtime/pipeline/src",
    "runtime/broker/src/embedded",
    "runtime/broker/danube/src",
    "runtime/broker/spool/src",
    "runtime/egress/surrealdb/src",
];

/// The repository.
///
/// # Panics
///
/// The sources were moved after compilation.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    here.canonicalize().expect("the repository")
}

/// A hash of its files, 12 hex digits.
pub(crate) fn acknowledgement() -> String {
    let mut files = Vec::new();
    for part in ACKNOWLEDGEMENT {
        collect(&root().join(part), &mut files);
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        hash.update(fs::read(&file).expect("a source"));
    }
    hex::encode(&hash.finalize()[..6])
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}

/// Rows of one run are appended to it one after another: that does not change the code.
const LEDGER: &str = ":(exclude)runtime/testing/trials/chaos.jsonl";

/// The commit, with a `+` if something under `runtime/` other than the ledger differs from it; empty without git.
pub(crate) fn commit() -> String {
    let git = |args: &[&str]| Command::new("git").args(args).current_dir(root()).output();
    let head = git(&["rev-parse", "--short=12", "HEAD"]);
    let head = head.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let changed =
        git(&["status", "--porcelain", "--", "runtime", LEDGER]).is_ok_and(|output| !output.stdout.is_empty());
    format!("{}{}", head.unwrap_or_default(), if changed { "+" } else { "" })
}
