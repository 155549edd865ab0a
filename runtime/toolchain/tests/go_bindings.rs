//! The Go SDK's bindings are what wit-bindgen makes of the WIT. `UPDATE=1 cargo test -p danube-wasm-toolchain --test go_bindings`
//! writes them anew.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use wit_bindgen_core::{Files, wit_parser::Resolve};

const MODULE: &str = "github.com/danube-messaging/danube-wasm/guest-sdk/go/internal/wit";
/// All kinds of connectors from one package; which of them a component is, its world says when it is built. What it imports is
/// what its code calls.
const WORLD: &str = "package danube:sdk@0.1.0;
world sdk {
    import danube:connector/log@0.1.0;
    import danube:connector/metrics@0.1.0;
    import danube:connector/state@0.1.0;
    import wasi:http/outgoing-handler@0.2.6;
    export danube:connector/source@0.1.0;
    export danube:connector/poller@0.1.0;
    export danube:connector/sink@0.1.0;
}";

#[test]
fn the_bindings_are_current() {
    if Command::new("gofmt").arg("-h").output().is_err() {
        let sentence = "gofmt is not on this machine: the Go SDK's bindings are not compared";
        assert!(env::var_os("REQUIRE_SERVERS").is_none(), "{sentence}");
        eprintln!("{sentence}");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let committed = root.join("guest-sdk/go/internal/wit");
    for (name, content) in generated(&root) {
        let file = committed.join(&name);
        if env::var_os("UPDATE").is_some() {
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(&file, content).expect("a file");
            continue;
        }
        let there = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            there,
            content,
            "{} is out of date: run this test with UPDATE=1",
            name.display()
        );
    }
}

fn generated(root: &Path) -> Vec<(PathBuf, String)> {
    let mut resolve = Resolve::default();
    for folder in [
        "guest-sdk/wasi/io",
        "guest-sdk/wasi/clocks",
        "guest-sdk/wasi/http",
        "wit",
    ] {
        resolve.push_dir(root.join(folder)).expect("the WIT");
    }
    let package = resolve.push_str("sdk.wit", WORLD).expect("the world");
    let world = resolve.select_world(&[package], None).expect("one world");
    let options = wit_bindgen_go::Opts {
        pkg_name: Some(MODULE.to_owned()),
        ..Default::default()
    };
    let mut files = Files::default();
    options
        .build()
        .generate(&mut resolve, world, &mut files)
        .expect("bindings");
    let text = |(name, content): (&str, &[u8])| {
        let content = String::from_utf8(content.to_vec()).expect("text");
        (PathBuf::from(name), fitted(name, &content))
    };
    files.iter().map(text).collect()
}

/// The module that the generator's code imports is on no registry: its few types are in the SDK. Exports are for
/// WebAssembly alone, so that tests are native.
fn fitted(name: &str, content: &str) -> String {
    let own = content.replace("go.bytecodealliance.org/pkg/wit/", &format!("{MODULE}/"));
    let own = gofmt(name, &own);
    let end = if own.ends_with('\n') { "" } else { "\n" };
    match name.starts_with("wit_exports/") {
        true => format!("//go:build wasip1\n\n{own}{end}"),
        false => format!("{own}{end}"),
    }
}

/// Formatted again, because imports are in the order of their names.
fn gofmt(name: &str, content: &str) -> String {
    if !name.ends_with(".go") {
        return content.to_owned();
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let file = scratch.path().join("a.go");
    fs::write(&file, content).expect("a file");
    let formatted = Command::new("gofmt").arg(&file).output().expect("gofmt");
    assert!(formatted.status.success(), "gofmt refuses {name}");
    String::from_utf8(formatted.stdout).expect("text")
}
