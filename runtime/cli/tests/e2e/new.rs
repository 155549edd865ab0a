//! `danube-wasm new` and `build`: from an empty folder to a component, as a connector's author meets them.

use std::{fs, path::Path, process::Output};

use crate::harness::stderr;

fn danube_wasm(folder: &Path, arguments: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn a_new_connector_in_rust_builds_tests_and_builds_again() {
    for (name, kind) in [
        ("order-lines", "source"),
        ("order-feed", "poller"),
        ("device-state", "sink"),
    ] {
        let empty = tempfile::tempdir().expect("a folder");
        let made = danube_wasm(empty.path(), &["new", name, "--kind", kind, "--lang", "rust"]);
        assert!(made.status.success(), "{}", stderr(&made));
        assert_eq!(names(empty.path()), [name]);
        let folder = empty.path().join(name);
        assert!(folder.join(format!("target/{name}.wasm")).is_file());
        let tested = std::process::Command::new("cargo")
            .args(["test", "--quiet"])
            .current_dir(&folder)
            .output();
        let tested = tested.expect("cargo");
        assert!(tested.status.success(), "{}", stderr(&tested));
        let built = danube_wasm(&folder, &["build", ".", "--json"]);
        assert!(built.status.success(), "{}", stderr(&built));
        let info: serde_json::Value = serde_json::from_slice(&built.stdout).expect("JSON");
        let (role, fetches) = if kind == "poller" {
            ("source", true)
        } else {
            (kind, false)
        };
        assert_eq!(info["role"], role);
        assert_eq!(info["fetches"], fetches);
        let checked = danube_wasm(&folder, &["check", "pipeline.toml"]);
        assert!(
            checked.status.success(),
            "{}{}",
            stderr(&checked),
            String::from_utf8_lossy(&checked.stdout)
        );
    }
}

#[test]
fn a_source_for_a_sender_has_its_signature_and_the_new_component() {
    let empty = tempfile::tempdir().expect("a folder");
    let made = danube_wasm(
        empty.path(),
        &[
            "new",
            "pushes",
            "--kind",
            "source",
            "--lang",
            "rust",
            "--from",
            "github",
            "--no-build",
        ],
    );
    assert!(made.status.success(), "{}", stderr(&made));
    let pipeline = fs::read_to_string(empty.path().join("pushes/pipeline.toml")).expect("a pipeline");
    assert!(pipeline.contains(r#"preset = "github""#), "{pipeline}");
    assert!(pipeline.contains(r#"component = "target/pushes.wasm""#), "{pipeline}");
}

#[test]
fn what_cannot_be_made_is_one_sentence_and_leaves_nothing() {
    let empty = tempfile::tempdir().expect("a folder");
    fs::create_dir(empty.path().join("taken")).expect("a folder");
    for (arguments, sentence) in [
        (
            &["taken", "--kind", "sink", "--lang", "rust"][..],
            "taken is there already",
        ),
        (
            &["Not_A_Name", "--kind", "sink", "--lang", "rust"],
            "lower-case letters, digits and `-`",
        ),
        (
            &["x", "--kind", "source", "--lang", "rust", "--from", "nobody"],
            "the senders are adyen,",
        ),
        (
            &["x", "--kind", "sink", "--lang", "rust", "--from", "github"],
            "goes with --kind source",
        ),
        (
            &["x", "--kind", "pump", "--lang", "rust"],
            "`pump` is not one of source, poller, sink",
        ),
        (
            &["x", "--kind", "sink", "--lang", "cobol"],
            "`cobol` is not one of rust, python",
        ),
    ] {
        let refused = danube_wasm(empty.path(), &[&["new"], arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        assert!(stderr(&refused).contains(sentence), "{}", stderr(&refused));
    }
    assert_eq!(names(empty.path()), ["taken"]);
}

#[test]
fn a_missing_target_is_told_with_its_command_and_nothing_is_left() {
    let empty = tempfile::tempdir().expect("a folder");
    let tools = empty.path().join("tools");
    fs::create_dir(&tools).expect("a folder");
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .args(["new", "x", "--kind", "sink", "--lang", "rust"])
        .current_dir(empty.path())
        .env("PATH", &tools)
        .output()
        .expect("the binary");
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    assert!(
        stderr(&made).contains("cargo is missing: run `curl"),
        "{}",
        stderr(&made)
    );
    assert!(stderr(&made).contains("--no-build"), "{}", stderr(&made));
    assert_eq!(names(empty.path()), ["tools"]);
}

#[test]
fn a_syntax_error_is_the_compilers_own_and_fails_the_build() {
    let empty = tempfile::tempdir().expect("a folder");
    let made = danube_wasm(
        empty.path(),
        &["new", "x", "--kind", "sink", "--lang", "rust", "--no-build"],
    );
    assert!(made.status.success(), "{}", stderr(&made));
    fs::write(empty.path().join("x/src/lib.rs"), "fn main( {").expect("a file");
    let built = danube_wasm(empty.path(), &["build", "x"]);
    assert_eq!(built.status.code(), Some(1), "{}", stderr(&built));
    assert!(stderr(&built).contains("src/lib.rs:1"), "{}", stderr(&built));
    assert!(
        stderr(&built).contains("cargo did not build the connector: it says above why"),
        "{}",
        stderr(&built)
    );
    assert!(!empty.path().join("x/target/x.wasm").exists());
}

#[test]
fn a_wrong_connector_toml_is_told_with_its_line() {
    let empty = tempfile::tempdir().expect("a folder");
    fs::write(
        empty.path().join("connector.toml"),
        "[connector]\nname = \"x\"\nkind = \"pump\"\nlanguage = \"rust\"\n",
    )
    .expect("a file");
    let built = danube_wasm(empty.path(), &["build", "."]);
    assert_eq!(built.status.code(), Some(2), "{}", stderr(&built));
    assert!(
        stderr(&built).contains("connector.toml") && stderr(&built).contains("line 3"),
        "{}",
        stderr(&built)
    );
}

#[test]
fn doctor_looks_at_this_machine_and_at_a_pipeline() {
    let empty = tempfile::tempdir().expect("a folder");
    let looked = danube_wasm(empty.path(), &["doctor"]);
    let lines = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert!(looked.status.success(), "{lines}{}", stderr(&looked));
    for line in [
        "ok       sandbox: starts",
        "connectors in rust: can be built",
        "disk of this folder",
        "open files",
    ] {
        assert!(lines.contains(line), "{line} is not in:\n{lines}");
    }
    // A port that somebody else has is a problem, with its place in the file.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let made = danube_wasm(
        empty.path(),
        &["new", "x", "--kind", "sink", "--lang", "rust", "--no-build"],
    );
    assert!(made.status.success(), "{}", stderr(&made));
    let file = empty.path().join("x/pipeline.toml");
    let pipeline = fs::read_to_string(&file)
        .expect("a pipeline")
        .replace("8080", &port.to_string());
    let pipeline = pipeline.replace("target/x.wasm", "builtin:surrealdb-sink");
    fs::write(&file, pipeline).expect("a file");
    let looked = danube_wasm(empty.path(), &["doctor", "x/pipeline.toml"]);
    let lines = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert_eq!(looked.status.code(), Some(1), "{lines}{}", stderr(&looked));
    assert!(
        lines.contains("PROBLEM") && lines.contains(&port.to_string()),
        "{lines}"
    );
}

#[test]
fn completions_manual_pages_and_features_name_every_verb() {
    let empty = tempfile::tempdir().expect("a folder");
    let bash = danube_wasm(empty.path(), &["completions", "bash"]);
    let script = String::from_utf8_lossy(&bash.stdout).into_owned();
    assert!(bash.status.success() && script.contains("danube-wasm") && script.contains("doctor"));
    assert!(!script.contains("__compile"), "a hidden verb is offered");
    let man = danube_wasm(empty.path(), &["man", "pages"]);
    assert!(man.status.success(), "{}", stderr(&man));
    assert!(empty.path().join("pages/danube-wasm-replay.1").is_file());
    let version = danube_wasm(empty.path(), &["--version"]);
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(
        version.contains("features: ") && version.contains("webhook"),
        "{version}"
    );
}
