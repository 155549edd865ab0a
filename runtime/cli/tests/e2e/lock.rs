//! `danube-wasm approve` and its lock.

use std::{fs, path::Path};

use crate::harness::{cli, root};

const PIPELINE: &str = r#"
name = "shop"

[[sources]]
name = "orders"
component = "orders.wasm"

[sources.poll]
danube_topic = "/shop/orders"

[sources.grants.http]
hosts = ["api.example.com"]

[sources.config]
url = "https://api.example.com/orders"

[[sources]]
name = "doors"
component = "builtin:poll-json"

[sources.poll]
danube_topic = "/shop/doors"

[sources.grants.http]
hosts = ["doors.example.com"]

[sources.config]
url = "https://doors.example.com/"
"#;

/// What a verb says of the pipeline, and whether it succeeded.
fn run(verb: &str, file: &Path) -> (String, bool) {
    let output = cli([verb, &file.display().to_string()]);
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (said.concat(), output.status.success())
}

/// A component as another build has it: with a custom section more.
fn rebuilt(component: &[u8]) -> Vec<u8> {
    [component, &[0, 5, 4][..], b"note"].concat()
}

#[test]
fn what_is_approved_runs_and_what_asks_for_more_is_refused_with_the_difference() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("pipeline.toml");
    let component = fs::read(root().join("target/guests/poll_json.wasm")).expect("make guests");
    fs::write(&file, PIPELINE).expect("a pipeline file");
    fs::write(dir.path().join("orders.wasm"), &component).expect("a component");
    let (said, fine) = run("check", &file);
    assert!(fine, "nothing is locked yet: {said}");

    let (said, fine) = run("approve", &file);
    assert!(fine && said.contains("shop/orders: orders.wasm\n  it is new"), "{said}");
    assert!(
        said.contains("+ host api.example.com") && said.contains("+ capability http"),
        "{said}"
    );
    let lock = fs::read_to_string(dir.path().join("danube-wasm.lock")).expect("the lock");
    assert!(
        lock.contains("digest = \"sha256:") && !lock.contains(&dir.path().display().to_string()),
        "{lock}"
    );
    assert!(run("check", &file).1);
    let (said, _) = run("approve", &file);
    assert!(said.contains("shop/doors: builtin:poll-json, as before"), "{said}");

    // The file grants more.
    fs::write(
        &file,
        PIPELINE.replace("[\"doors.example.com\"]", "[\"doors.example.com\", \"evil.example\"]"),
    )
    .expect("the file");
    let (said, fine) = run("check", &file);
    assert!(
        !fine
            && said.contains(
                "connector shop/doors asks for what `danube-wasm.lock` does not approve: + host evil.example;"
            ),
        "{said}"
    );
    assert!(!said.contains("shop/orders"), "{said}");

    // The component is another one.
    fs::write(&file, PIPELINE).expect("the file");
    fs::write(dir.path().join("orders.wasm"), rebuilt(&component)).expect("a component");
    let (said, fine) = run("check", &file);
    assert!(
        !fine && said.contains("connector shop/orders asks") && said.contains("its component is sha256:"),
        "{said}"
    );
    let (said, fine) = run("approve", &file);
    assert!(fine && said.contains("approved is sha256:"), "{said}");
    assert!(run("check", &file).1);

    // Less needs nobody.
    fs::write(
        &file,
        PIPELINE
            .split("[[sources]]\nname = \"doors\"")
            .next()
            .expect("the first"),
    )
    .expect("the file");
    assert!(run("check", &file).1);

    fs::write(dir.path().join("danube-wasm.lock"), "version = 1\nconnectors = [").expect("the lock");
    let (said, fine) = run("check", &file);
    assert!(
        !fine && said.contains("danube-wasm.lock: it is not one that `danube-wasm approve` has written"),
        "{said}"
    );
    fs::write(dir.path().join("danube-wasm.lock"), "version = 2\n").expect("the lock");
    let (said, fine) = run("check", &file);
    assert!(
        !fine && said.contains("it has version 2, and this program knows 1"),
        "{said}"
    );
}
