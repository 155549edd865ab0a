//! Connectors that ask an API for their events, in each language as their author meets them: made, built, tested, and run from the
//! API of the folder to rows, by the real binary.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use danube_wasm_testkit::servers::{self, Server};
use serde_json::{Value, json};

use crate::harness::{Pipeline, cli, root, stderr};

/// The port of the API that the folders are made with.
const PORT: &str = "8095";

/// A new folder, not built yet.
fn made(empty: &Path, language: &str) -> PathBuf {
    let folder = empty.join("order-feed");
    let name = folder.display().to_string();
    let made = cli(["new", &name, "--kind", "poller", "--lang", language, "--no-build"]);
    assert!(made.status.success(), "{}", stderr(&made));
    folder
}

/// Builds it with the tools that the test has, and runs its cases.
fn built(folder: &Path) {
    let name = folder.display().to_string();
    let built = cli(["build", &name]);
    assert!(built.status.success(), "{}", stderr(&built));
    let said = String::from_utf8_lossy(&built.stdout);
    assert!(said.contains("grants    http, state"), "{said}");
    let tested = cli(["test", &name]);
    assert!(
        tested.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tested.stdout),
        stderr(&tested)
    );
}

/// Its API and its pipeline, until every order of the API is a row, one that is made meanwhile, too.
fn run(folder: &Path, api_file: &str, api: &mut Command) {
    let port = servers::free_port().to_string();
    for file in [api_file, "pipeline.toml"] {
        let file = folder.join(file);
        let text = fs::read_to_string(&file).expect("a file");
        assert!(text.contains(PORT), "{text}");
        fs::write(&file, text.replace(PORT, &port)).expect("a file");
    }
    let file = folder.join("pipeline.toml");
    let text = fs::read_to_string(&file).expect("a pipeline");
    fs::write(&file, format!("{text}\n[admin]\nport = 0\n")).expect("a pipeline");
    let _api = Server::start(api.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()));
    let pipeline = Pipeline::spawn(&file);
    rows(&pipeline, &file, 25);
    let made = pipeline
        .client()
        .post(format!("http://127.0.0.1:{port}/orders"))
        .body(json!({ "customer": "ö", "total": 1 }).to_string())
        .send()
        .expect("an answer");
    assert!(made.status().is_success(), "{}", made.status());
    let rows = rows(&pipeline, &file, 26);
    assert!(rows.iter().any(|row| row["customer"] == "ö"), "{rows:?}");
    pipeline.stop();
}

/// The rows, once there are so many.
fn rows(pipeline: &Pipeline, file: &Path, n: usize) -> Vec<Value> {
    let file = file.display().to_string();
    let mut rows = Vec::new();
    pipeline.until("the orders are rows", |_| {
        let output = cli(["query", "--json", &file, "SELECT * FROM orders"]);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        rows = answer[0].as_array().cloned().unwrap_or_default();
        rows.len() >= n
    });
    assert_eq!(rows.len(), n, "each order is one row");
    rows
}

#[test]
fn a_new_poller_in_python_fetches_the_orders_of_its_api() {
    let Some(python) = servers::python("componentize_py") else {
        return;
    };
    let empty = tempfile::tempdir().expect("a folder");
    let folder = made(empty.path(), "python");
    let environment = Path::new(python.get_program()).ancestors().nth(2).expect("a folder");
    symlink(
        fs::canonicalize(environment).expect("the environment"),
        folder.join(".venv"),
    )
    .expect("a link");
    built(&folder);
    for module in ["pytest", "mypy"] {
        let mut python = Command::new(folder.join(".venv/bin/python"));
        let output = python.args(["-m", module]).current_dir(&folder).output();
        let output = output.expect("python");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", stderr(&output));
    }
    run(&folder, "api.py", Command::new("python3").arg("api.py"));
}

#[test]
fn a_new_poller_in_javascript_or_typescript_fetches_the_orders_of_its_api() {
    for language in ["javascript", "typescript"] {
        let Some(packages) = servers::node_modules("toolchain") else {
            return;
        };
        let empty = tempfile::tempdir().expect("a folder");
        let folder = made(empty.path(), language);
        let modules = folder.join("node_modules");
        fs::create_dir(&modules).expect("a folder");
        for package in fs::read_dir(packages).expect("packages") {
            let package = package.expect("a package");
            symlink(package.path(), modules.join(package.file_name())).expect("a link");
        }
        symlink("../vendor/danube-connector", modules.join("danube-connector")).expect("a link");
        built(&folder);
        let tested = Command::new("npm").arg("test").current_dir(&folder).output();
        let tested = tested.expect("npm");
        let said = String::from_utf8_lossy(&tested.stdout);
        assert!(
            tested.status.success() && said.contains("pass 2"),
            "{said}{}",
            stderr(&tested)
        );
        run(&folder, "api.js", Command::new("node").arg("api.js"));
    }
}

#[test]
fn a_new_poller_in_go_fetches_the_orders_of_its_api() {
    if servers::program("go").is_none() {
        return;
    }
    let empty = tempfile::tempdir().expect("a folder");
    let folder = made(empty.path(), "go");
    built(&folder);
    // Its API is built once more with another port, from what this one has compiled.
    for arguments in [&["test", "./..."][..], &["build", "-o", "target/api", "./api"]] {
        let mut go = Command::new("go");
        let output = go.args(arguments).current_dir(&folder).env("GOPROXY", "off").output();
        let output = output.expect("go");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", stderr(&output));
    }
    // Not `go run`, whose child would outlive it.
    let api = "go build -o target/api ./api && exec target/api";
    run(&folder, "api/main.go", Command::new("sh").args(["-c", api]));
}

/// The subject `order-feed` of an SDK, built into a folder. None if what builds it is not here.
fn subject(language: &str, into: &Path) -> Option<PathBuf> {
    let sdk = root().join("guest-sdk").join(language);
    let component = into.join(format!("order-feed-{language}.wasm"));
    let out = component.display().to_string();
    let output = match language {
        "python" => {
            let python = servers::python("componentize_py")?;
            let environment = Path::new(python.get_program()).ancestors().nth(2).expect("a folder");
            let environment = fs::canonicalize(environment).expect("the environment");
            let mut build = Command::new(env!("CARGO_BIN_EXE_danube-wasm"));
            build
                .arg("build")
                .arg(sdk.join("conformance/poller"))
                .args(["-o", &out]);
            build.env("VIRTUAL_ENV", environment).output()
        }
        "javascript" => {
            // Its packages are found beside the SDK: a copy has them.
            let copy = into.join("sdk");
            let copied = Command::new("cp").arg("-rL").arg(&sdk).arg(&copy).output().expect("cp");
            assert!(copied.status.success(), "{}", stderr(&copied));
            if !copy.join("node_modules").exists() {
                symlink(servers::node_modules("toolchain")?, copy.join("node_modules")).expect("a link");
            }
            let mut build = Command::new("node");
            build
                .current_dir(copy.join("conformance/poller"))
                .arg("../../tools/build.js");
            build
                .args(["src/connector.js", "--kind", "poller", "--out", &out])
                .output()
        }
        _ => {
            servers::program("go")?;
            let mut build = Command::new(env!("CARGO_BIN_EXE_danube-wasm"));
            build
                .arg("build")
                .arg(sdk.join("conformance/poller"))
                .args(["-o", &out])
                .output()
        }
    };
    let output = output.expect("a tool");
    assert!(output.status.success(), "{}", stderr(&output));
    Some(component)
}

#[test]
fn the_pollers_of_every_sdk_pass_the_conformance_suite() {
    let empty = tempfile::tempdir().expect("a folder");
    let languages = ["python", "javascript", "go"];
    let subjects: Option<Vec<_>> = languages
        .iter()
        .map(|language| subject(language, empty.path()))
        .collect();
    let Some(subjects) = subjects else { return };
    let files: Vec<_> = subjects.iter().map(|file| file.display().to_string()).collect();
    let output = cli(["test", "--conformance"]
        .into_iter()
        .chain(files.iter().map(String::as_str)));
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
}
