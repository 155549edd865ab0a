//! Files of Danube Connect and what `migrate` makes of them are the same pipeline.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use danube_wasm_config::{Loaded, Pipeline, load_all, load_text, migrate};

/// The files of a version, as they stand in `tests/fixtures`.
fn files(version: &str) -> [PathBuf; 2] {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(version);
    ["webhook-connector.toml", "surrealdb-sink-connector.toml"].map(|name| dir.join(name))
}

type Variables<'a> = [(&'a str, &'a str)];

fn environment(variables: &Variables<'_>) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

#[track_caller]
fn loaded(files: &[PathBuf], variables: &Variables<'_>) -> Loaded {
    load_all(files, &environment(variables)).unwrap_or_else(|found| panic!("{found}"))
}

/// The pipeline of `files`, which is also that of what they are migrated to under `written` variables.
#[track_caller]
fn same(files: &[PathBuf], written: &Variables<'_>, variables: &Variables<'_>) -> Pipeline {
    let pipeline = loaded(files, variables).pipeline;
    let migrated = migrate(files, &environment(written)).unwrap_or_else(|found| panic!("{found}"));
    let toml = migrated.toml;
    println!("{toml}");
    let again = load_text(
        &files[0].with_file_name("pipeline.toml"),
        toml.clone(),
        &environment(variables),
    );
    let again = again.unwrap_or_else(|found| panic!("{found}\n{toml}"));
    assert_eq!(again.pipeline, pipeline, "{toml}");
    pipeline
}

const KEYS: [(&str, &str); 4] = [
    ("WEBHOOK_API_KEY", "demo-api-key-e2e-12345"),
    ("STRIPE_WEBHOOK_SECRET", "whsec_test"),
    ("SURREALDB_USERNAME", "root"),
    ("SURREALDB_PASSWORD", "hunter2"),
];

#[test]
fn the_announcements_files() {
    same(&files("seed"), &[], &[]);
}

#[test]
fn version_0_2() {
    same(&files("v0_2"), &KEYS, &KEYS);
}

#[test]
fn version_0_3() {
    same(&files("v0_3"), &KEYS[..2], &KEYS[..2]);
}
