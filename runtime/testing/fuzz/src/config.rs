//! Configuration: a pipeline file or one of Danube Connect.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use danube_wasm_config::{Diagnostics, FileFormat, Loaded, Loader, Severity};
use danube_wasm_host::connectors::registry;

/// Longer files only take longer.
const TEXT_BYTES_MAX: usize = 32 << 10;

/// A file's text. What it may refer to is in `files/`.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > TEXT_BYTES_MAX {
        return;
    }
    match read(&files_dir().join("pipeline.toml"), text) {
        Ok(loaded) => is_whole(&loaded, text),
        Err(found) => check_finding_positions(&found, text),
    }
}

fn read(path: &Path, text: &str) -> Result<Loaded, Diagnostics> {
    Loader::new(registry(), &environment()).load_text(path, text.to_owned())
}

fn environment() -> BTreeMap<String, String> {
    let variables = [
        ("A", "1"),
        ("WEBHOOK_API_KEY", "0123456789abcdef0123456789abcdef"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_test"),
        ("SURREALDB_USERNAME", "root"),
        ("SURREALDB_PASSWORD", "hunter2"),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn files_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("files")
}

fn check_finding_positions(found: &Diagnostics, text: &str) {
    assert!(found.len() > 0);
    let lines: Vec<&str> = text.split('\n').collect();
    for finding in found {
        assert_eq!(finding.severity, Severity::Error);
        assert!(!finding.message.is_empty(), "{finding:?}");
        let line = finding.line.checked_sub(1).and_then(|at| lines.get(at));
        let line = line.unwrap_or_else(|| panic!("{finding} is in no line of {}\n{text}", lines.len()));
        let columns = 1..=line.chars().count() + 1;
        assert!(
            columns.contains(&finding.column),
            "{finding} is in no column of `{line}`"
        );
        assert!(finding.to_string().contains(&finding.message));
    }
    assert!(found.to_string().contains("error"));
}

fn is_whole(loaded: &Loaded, text: &str) {
    for warning in &loaded.warnings {
        assert_eq!(warning.severity, Severity::Warning);
        assert!(warning.line <= text.split('\n').count(), "{warning}");
    }
    let again = read(&files_dir().join("pipeline.toml"), text);
    assert_eq!(again.as_ref(), Ok(loaded), "it is read otherwise the second time");
    if loaded.formats == [FileFormat::DanubeConnect] {
        check_migration(text);
    }
}

/// What a file of Danube Connect is migrated to is the same pipeline.
fn check_migration(text: &str) {
    let files = TempFiles::new();
    let file = files.path("connector.toml");
    fs::write(&file, text).expect("the directory is ours");
    // What it names from here may differ from what it names from the original directory.
    let Ok(loaded) = read(&file, text) else { return };
    let migrated = Loader::new(registry(), &environment()).migrate(&[&file]);
    let migrated = migrated.unwrap_or_else(|found| panic!("{found}\n{text}"));
    let again = read(&files.path("pipeline.toml"), &migrated.toml);
    let again = again.unwrap_or_else(|found| panic!("{found}\n{}\nof\n{text}", migrated.toml));
    assert_eq!(again.pipeline, loaded.pipeline, "{}\nof\n{text}", migrated.toml);
}

/// A directory with the files that the configurations name.
struct TempFiles(tempfile::TempDir);

impl TempFiles {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().expect("a directory"));
        copy(&files_dir(), files.0.path());
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the folder exists") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&place).expect("a directory");
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("a copy");
        }
    }
}
