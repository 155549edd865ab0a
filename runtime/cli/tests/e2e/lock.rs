//! `danube-wasm approve` and its lock.

use std::{fs, path::Path};

use crate::harness::{Setup, cli, root};

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
    fs::write(dir.path().join("danube-wasm.lock"), "version = 3\nkinds = []\n").expect("the lock");
    let (said, fine) = run("check", &file);
    assert!(
        !fine && said.contains("it has version 3, and this program knows 2"),
        "{said}"
    );
}

const ANOTHER: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// A lock as another version of the program has written it, with other built-in components.
fn of_another_version(lock: &str) -> String {
    let line = |line: &str| match line.starts_with("digest = ") {
        true => format!("digest = \"{ANOTHER}\"\n"),
        false => format!("{line}\n"),
    };
    lock.lines().map(line).collect()
}

/// A lock of version 1, which had neither digests of built-in components nor contracts.
fn of_version_1(lock: &str) -> String {
    let kept = lock
        .lines()
        .filter(|line| !line.starts_with("digest = ") && !line.starts_with("contract = "));
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    kept.replace("version = 2", "version = 1")
}

#[test]
fn the_lock_follows_the_built_in_components_of_another_version_and_refuses_what_asks_for_more() {
    let scratch = Setup::default().write();
    let file = scratch.file();
    let path = scratch.path().join("danube-wasm.lock");
    let (said, fine) = run("approve", &file);
    assert!(fine, "{said}");
    let lock = fs::read_to_string(&path).expect("the lock");
    for written in [
        "component = \"builtin:webhook-source\"\ndigest = \"sha256:",
        "component = \"builtin:surrealdb-sink\"\ndigest = \"sha256:",
        "contract = \"danube:connector@",
    ] {
        assert!(lock.contains(written), "{written}\n{lock}");
    }

    let another = of_another_version(&lock);
    fs::write(&path, &another).expect("the lock");
    let (said, fine) = run("check", &file);
    assert!(fine, "{said}");
    assert_eq!(
        fs::read_to_string(&path).expect("the lock"),
        another,
        "check writes nothing"
    );
    let pipeline = scratch.start();
    let noted = pipeline.dump();
    assert_eq!(
        noted.matches("brings another builtin:webhook-source").count(),
        1,
        "{noted}"
    );
    assert_eq!(fs::read_to_string(&path).expect("the lock"), lock, "it follows");
    pipeline.stop();

    fs::write(&path, of_version_1(&lock)).expect("the lock");
    let pipeline = scratch.start();
    let noted = pipeline.dump();
    assert!(
        !noted.contains("brings another"),
        "there is nothing to compare with: {noted}"
    );
    assert_eq!(fs::read_to_string(&path).expect("the lock"), lock, "it is completed");
    pipeline.stop();

    let less = another.replacen("capabilities = [\"log\"]", "capabilities = []", 1);
    fs::write(&path, &less).expect("the lock");
    let (said, fine) = run("check", &file);
    assert!(
        !fine && said.contains(&format!("it was {ANOTHER}, + capability log;")),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&path).expect("the lock"), less);
    let (said, fine) = run("approve", &file);
    assert!(fine && said.contains("+ capability log"), "{said}");
    let (said, fine) = run("check", &file);
    assert!(fine, "{said}");
    assert_eq!(fs::read_to_string(&path).expect("the lock"), lock);
}
