//! The source of a connector in its folder.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Most files of a folder that are looked at: a folder with more is not a connector's.
const FILES_MAX: usize = 20_000;
/// Folders that builds write to, or that are no source.
const NOT_SOURCE: &[&str] = &["target", "node_modules", "__pycache__", "dist"];

/// Extensions of what connectors are written in.
const LANGUAGES: &[&str] = &["rs", "py", "js", "ts", "go"];

/// The files of a connector's folder, without what the pipeline itself writes there.
pub(super) fn source_files(folder: &Path, data_dir: &Path) -> Vec<PathBuf> {
    // It is not there before the pipeline has run.
    let data_dir = data_dir.canonicalize().ok();
    let is_data = |folder: &Path| data_dir.is_some() && folder.canonicalize().ok() == data_dir;
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if name.starts_with('.') || (is_folder && NOT_SOURCE.contains(&&*name)) || found.len() >= FILES_MAX {
                continue;
            }
            match is_folder {
                true if is_data(&entry.path()) => {}
                true => folders.push(entry.path()),
                // Builds write it themselves.
                false if name == "Cargo.lock" || name.ends_with(".wasm") => {}
                false => found.push(entry.path()),
            }
        }
    }
    found
}

/// A file of the folder's source that was written after the component was built.
pub(super) fn newer_than(component: &Path, folder: &Path) -> Option<PathBuf> {
    let written = |file: &Path| -> Option<SystemTime> { std::fs::metadata(file).ok()?.modified().ok() };
    let built = written(component)?;
    let is_source = |file: &&PathBuf| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| LANGUAGES.contains(&extension))
    };
    let files = source_files(folder, &folder.join("data"));
    let newer = |file: &&PathBuf| written(file).is_some_and(|written| written > built);
    files.iter().filter(is_source).find(newer).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_that_was_saved_after_the_build_is_newer() {
        let folder = tempfile::tempdir().expect("a directory");
        let component = folder.path().join("target/x.wasm");
        let source = folder.path().join("connector.go");
        std::fs::create_dir(folder.path().join("target")).expect("a folder");
        for (file, seconds) in [(&source, 10), (&component, 20)] {
            let file = std::fs::File::create(file).expect("a file");
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
                .expect("a time");
        }
        assert_eq!(newer_than(&component, folder.path()), None);
        std::fs::write(&source, "changed").expect("a file");
        assert_eq!(newer_than(&component, folder.path()), Some(source));
    }

    #[test]
    fn what_builds_write_is_no_source() {
        let folder = tempfile::tempdir().expect("a directory");
        for file in [
            "src/lib.rs",
            "Cargo.toml",
            "Cargo.lock",
            "target/x.rs",
            ".git/HEAD",
            "out.wasm",
            "state/log.redb",
        ] {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
            std::fs::write(file, "x").expect("a file");
        }
        let mut found = source_files(folder.path(), &folder.path().join("src/../state"));
        found.sort();
        assert_eq!(
            found,
            [folder.path().join("Cargo.toml"), folder.path().join("src/lib.rs")]
        );
    }
}
