//! Go folders become components. Without Go on the machine these tests say so; with `REQUIRE_SERVERS=1` they fail.

use std::{env, fs, path::Path, process::Command};

use danube_wasm_toolchain::{BuildError, Kind, Language, NewConnector, Scaffold, build};
use wit_component::DecodedWasm;

/// Whether there is a Go to build with.
fn go() -> bool {
    let there = Command::new("go").arg("version").output().is_ok();
    let sentence = "go is not on this machine: nothing is built with it";
    assert!(there || env::var_os("REQUIRE_SERVERS").is_none(), "{sentence}");
    if !there {
        eprintln!("{sentence}");
    }
    there
}

/// Names of what a component imports and exports.
fn border(component: &Path) -> (Vec<String>, Vec<String>) {
    let bytes = fs::read(component).expect("a component");
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&bytes).expect("a component") else {
        panic!("{} is no component", component.display());
    };
    let world = &resolve.worlds[world];
    let names = |items: Vec<&wit_parser::WorldKey>| items.into_iter().map(|key| resolve.name_world_key(key)).collect();
    (
        names(world.imports.keys().collect()),
        names(world.exports.keys().collect()),
    )
}

fn new(directory: &Path, kind: Kind) -> Scaffold {
    let new = NewConnector {
        directory: directory.to_owned(),
        kind,
        language: Language::Go,
        from: None,
    };
    Scaffold::write(&new).expect("a folder")
}

#[test]
fn a_folder_becomes_a_component_without_files_and_sockets() {
    if !go() {
        return;
    }
    let empty = tempfile::tempdir().expect("a folder");
    for (name, kind) in [
        ("order-lines", Kind::Source),
        ("order-feed", Kind::Poller),
        ("device-state", Kind::Sink),
    ] {
        let directory = empty.path().join(name);
        let scaffold = new(&directory, kind);
        assert_eq!(scaffold.missing(), []);
        scaffold.build().expect("it builds");
        scaffold.keep().expect("it is put in its place");
        // A build to another file leaves the folder's own component, which a pipeline may run.
        let own = directory.join(format!("target/{name}.wasm"));
        let before = fs::metadata(&own).and_then(|own| own.modified()).expect("a component");
        let candidate = empty.path().join("candidate.wasm");
        assert_eq!(build(&directory, Some(&candidate)).expect("it builds"), candidate);
        let after = fs::metadata(&own).and_then(|own| own.modified()).expect("a component");
        assert!(candidate.is_file() && before == after);
        let (imports, exports) = border(&directory.join(format!("target/{name}.wasm")));
        let interfaces: &[&str] = match kind {
            Kind::Source => &["source"],
            Kind::Poller => &["source", "poller"],
            Kind::Sink => &["sink"],
        };
        let wanted: Vec<_> = interfaces
            .iter()
            .map(|name| format!("danube:connector/{name}@0.1.0"))
            .collect();
        assert_eq!(exports, wanted);
        // What the connector calls is imported, and nothing else.
        let has = |what: &str| imports.iter().any(|name| name.contains(what));
        assert!(!has("filesystem") && !has("sockets"), "{imports:?}");
        assert_eq!(
            (has("wasi:http"), has("connector/state")),
            (kind == Kind::Poller, kind == Kind::Poller)
        );
        let tested = Command::new("go")
            .args(["test", "./..."])
            .current_dir(&directory)
            .output()
            .expect("go");
        assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    }
}

#[test]
fn what_does_not_compile_leaves_no_component() {
    if !go() {
        return;
    }
    let empty = tempfile::tempdir().expect("a folder");
    let directory = empty.path().join("wrong");
    new(&directory, Kind::Sink).keep().expect("a folder");
    fs::write(directory.join("connector.go"), "package main\n\nfunc main( {\n").expect("a file");
    let refused = build(&directory, None).expect_err("it does not compile");
    assert!(
        matches!(&refused, BuildError::Compiler(tool) if tool == "go"),
        "{refused}"
    );
    assert!(!directory.join("target/wrong.wasm").exists());
}

#[test]
fn a_program_without_the_sdk_is_no_connector() {
    if !go() {
        return;
    }
    let empty = tempfile::tempdir().expect("a folder");
    let directory = empty.path().join("plain");
    new(&directory, Kind::Sink).keep().expect("a folder");
    fs::remove_file(directory.join("connector_test.go")).expect("a file");
    fs::write(directory.join("connector.go"), "package main\n\nfunc main() {}\n").expect("a file");
    let refused = build(&directory, None).expect_err("it exports nothing").to_string();
    assert!(refused.starts_with("what Go compiled is no sink: "), "{refused}");
    assert!(refused.contains("import package danube of the SDK"), "{refused}");
}
