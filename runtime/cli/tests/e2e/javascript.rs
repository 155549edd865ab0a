//! Connectors in JavaScript and TypeScript, as their author meets them: new, build, test, and the whole way from a webhook to a row.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use danube_wasm_testkit::servers;
use serde_json::{Value, json};

use crate::harness::{Pipeline, cli, root, stderr};

const LANGUAGES: [(&str, &str); 2] = [("javascript", "js"), ("typescript", "ts")];

/// A connector's folder as `new` makes it, with the packages that `npm ci` would install. None if they are not there.
struct Folder {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Folder {
    fn new(kind: &str, language: &str) -> Option<Self> {
        let packages = servers::node_modules("toolchain")?;
        let folder = Self::without_packages(kind, language);
        let modules = folder.path.join("node_modules");
        fs::create_dir(&modules).expect("a folder");
        for package in fs::read_dir(packages).expect("packages") {
            let package = package.expect("a package");
            symlink(package.path(), modules.join(package.file_name())).expect("a link");
        }
        symlink("../vendor/danube-connector", modules.join("danube-connector")).expect("a link");
        Some(folder)
    }

    fn without_packages(kind: &str, language: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("demo");
        let name = path.display().to_string();
        let made = cli(["new", &name, "--kind", kind, "--lang", language, "--no-build"]);
        assert!(made.status.success(), "{}", stderr(&made));
        Self { _dir: dir, path }
    }

    fn build(&self) -> Output {
        cli(["build", &self.path.display().to_string()])
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path.join(file), text).expect("a file");
    }

    /// What `build` says of this text in place of the connector.
    fn refused(&self, file: &str, text: &str) -> String {
        self.write(file, text);
        let built = self.build();
        assert_eq!(built.status.code(), Some(1), "{}", stderr(&built));
        assert!(!self.path.join("target/demo.wasm").exists());
        stderr(&built)
    }

    /// Its own tests, as `npm test` runs them.
    fn test(&self) {
        let tested = Command::new("npm").args(["test"]).current_dir(&self.path).output();
        let tested = tested.expect("npm");
        let said = String::from_utf8_lossy(&tested.stdout);
        assert!(tested.status.success(), "{said}{}", stderr(&tested));
        assert!(said.contains("pass 2"), "{said}");
    }

    /// Runs its pipeline, on ports of its own.
    fn run(&self) -> Pipeline {
        let file = self.path.join("pipeline.toml");
        let text = fs::read_to_string(&file).expect("a pipeline");
        let text = text.replace("port = 8080", "port = 0") + "\n[admin]\nport = 0\n";
        fs::write(&file, text).expect("a file");
        let pipeline = Pipeline::spawn(&file);
        pipeline.until("the pipeline runs", |p| p.log("running").is_some());
        pipeline
    }

    fn rows(&self, statement: &str) -> Value {
        let file = self.path.join("pipeline.toml").display().to_string();
        let asked = cli(["query", "--json", &file, statement]);
        // SurrealDB makes a table with its first row.
        if stderr(&asked).contains("does not exist") {
            return json!([]);
        }
        assert!(asked.status.success(), "{}", stderr(&asked));
        serde_json::from_slice::<Value>(&asked.stdout).expect("JSON")[0].take()
    }
}

fn post(pipeline: &Pipeline, path: &str, body: &Value) -> (u16, String) {
    let url = format!("http://{}{path}", pipeline.address());
    let request = pipeline.client().post(url).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().expect("an answer");
    (answer.status().as_u16(), answer.text().expect("text"))
}

#[test]
fn a_new_source_takes_webhooks_and_its_lines_become_rows() {
    for (language, _) in LANGUAGES {
        let Some(folder) = Folder::new("source", language) else {
            return;
        };
        let built = folder.build();
        assert!(built.status.success(), "{language}: {}", stderr(&built));
        folder.test();
        let pipeline = folder.run();
        let order = json!({"id": "o-1", "lines": [{"sku": "ä😀\u{0}"}, {"sku": "b"}]});
        assert_eq!(post(&pipeline, "/orders", &order).0, 200);
        let (status, said) = post(&pipeline, "/orders", &json!({"id": "o-2", "lines": []}));
        assert_eq!((status, said.contains("order o-2 has no lines")), (422, true), "{said}");
        pipeline.until("two rows", |_| {
            folder.rows("SELECT VALUE sku FROM lines ORDER BY sku") == json!(["b", "ä😀\u{0}"])
        });
        pipeline.stop();
    }
}

#[test]
fn a_new_sink_keeps_the_latest_reading_of_each_device() {
    for (language, _) in LANGUAGES {
        let Some(folder) = Folder::new("sink", language) else {
            return;
        };
        let built = folder.build();
        assert!(built.status.success(), "{language}: {}", stderr(&built));
        folder.test();
        let pipeline = folder.run();
        for celsius in [20.5, -1e-7] {
            let reading = json!({"device": "d7", "celsius": celsius});
            assert_eq!(post(&pipeline, "/readings", &reading).0, 200);
        }
        pipeline.until("the latest reading", |_| {
            folder.rows("SELECT VALUE celsius FROM devices") == json!([-1e-7])
        });
        pipeline.stop();
    }
}

#[test]
fn an_uncaught_error_refuses_its_event_with_the_authors_line() {
    for (language, extension) in LANGUAGES {
        let Some(folder) = Folder::new("source", language) else {
            return;
        };
        let file = format!("src/connector.{extension}");
        let text = fs::read_to_string(folder.path.join(&file)).expect("a connector");
        let line = text
            .lines()
            .position(|line| line.contains("throw new"))
            .expect("a line")
            + 1;
        folder.write(&file, &text.replace("throw new InvalidData(", "throw new RangeError("));
        let built = folder.build();
        // tsc refuses nothing here: an import that is not used is no error.
        assert!(built.status.success(), "{language}: {}", stderr(&built));
        let pipeline = folder.run();
        let (status, said) = post(&pipeline, "/orders", &json!({"id": "o-2", "lines": []}));
        let expected = format!("order o-2 has no lines ({file}:{line})");
        assert_eq!((status, said.contains(&expected)), (422, true), "{said}");
        assert_eq!(post(&pipeline, "/orders", &json!({"id": "o-1", "lines": [{}]})).0, 200);
        assert!(
            pipeline.dump().contains("event: RangeError: order o-2"),
            "{}",
            pipeline.dump()
        );
        pipeline.stop();
    }
}

#[test]
fn what_does_not_compile_is_told_in_the_compilers_words() {
    let Some(script) = Folder::new("source", "javascript") else {
        return;
    };
    let said = script.refused("src/connector.js", "export const source = {\n");
    assert!(said.contains("src/connector.js:1:"), "{said}");
    assert!(
        said.contains("danube-connector-build did not build the connector: it says above why"),
        "{said}"
    );
    let said = script.refused(
        "src/connector.js",
        "import fs from 'node:fs';\nexport const source = fs;\n",
    );
    assert!(
        said.contains("Could not resolve 'node:fs'") && said.contains("no files and no network"),
        "{said}"
    );
    let said = script.refused("src/connector.js", "export const sink = 1;\n");
    assert!(
        said.contains("exports no `source`: write `export const source = defineSource("),
        "{said}"
    );
    let top = "const f = () => {\n  throw new Error('too early');\n};\nf();\nexport const source = {};\n";
    let said = script.refused("src/connector.js", top);
    assert!(
        said.contains("Error: too early") && said.contains("src/connector.js:2"),
        "{said}"
    );
    let typed = Folder::new("sink", "typescript").expect("packages");
    let said = typed.refused("src/connector.ts", "export const sink: number = 'x';\n");
    assert!(said.contains("src/connector.ts") && said.contains("TS2322"), "{said}");
    assert!(said.contains("tsc did not build the connector"), "{said}");
}

#[test]
fn what_is_missing_is_told_with_the_command_that_installs_it() {
    let folder = Folder::without_packages("source", "typescript");
    let said = folder.refused("notes.txt", "");
    let all = "danube-connector, componentize-qjs, rolldown, typescript";
    assert!(
        said.contains(&format!(
            "of the packages of package.json, {all} is missing: run `npm ci`"
        )),
        "{said}"
    );
    let toml = fs::read_to_string(folder.path.join("connector.toml")).expect("a manifest");
    let said = folder.refused(
        "connector.toml",
        &toml.replace("engine = \"quickjs\"", "engine = \"starlingmonkey\""),
    );
    let command = "npm install --save-dev --save-exact @bytecodealliance/componentize-js@0.23.0";
    assert!(said.contains(command), "{said}");
    folder.write(
        "connector.toml",
        &toml.replace("engine = \"quickjs\"", "engine = \"v8\""),
    );
    let built = folder.build();
    assert_eq!(built.status.code(), Some(2));
    assert!(
        stderr(&built).contains("`v8` is not one of quickjs, starlingmonkey"),
        "{}",
        stderr(&built)
    );
    folder.write("connector.toml", &toml);
    let nothing = tempfile::tempdir().expect("a directory");
    let built = Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .arg("build")
        .arg(&folder.path)
        .env("PATH", nothing.path())
        .output()
        .expect("the binary");
    assert!(
        stderr(&built).contains("Node.js 20.19 or newer, with npm, is missing: run `python3 -m venv"),
        "{}",
        stderr(&built)
    );
}

#[test]
fn packages_that_cannot_be_installed_leave_nothing_behind() {
    if servers::program("npm").is_none() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let made = Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .args(["new", "demo", "--kind", "sink", "--lang", "javascript", "--install"])
        .current_dir(dir.path())
        .env("npm_config_registry", "http://127.0.0.1:1")
        .env("npm_config_fetch_retries", "0")
        .env("npm_config_cache", dir.path().join("cache"))
        .output()
        .expect("the binary");
    assert_eq!(made.status.code(), Some(1), "{}", stderr(&made));
    assert!(
        stderr(&made).contains("`npm ci` failed: it says above why. It needs the network"),
        "{}",
        stderr(&made)
    );
    assert!(!dir.path().join("demo").exists());
}

/// The SDK's own tests, and its declarations.
#[test]
fn the_sdk_for_javascript_passes_its_own_tests() {
    let Some(packages) = servers::node_modules("toolchain") else {
        return;
    };
    let sdk = root().join("guest-sdk/javascript");
    let tested = run(Command::new("node").arg("--test").args(tests(&sdk)).current_dir(&sdk));
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    let folder = Folder::new("source", "typescript").expect("packages");
    fs::copy(sdk.join("test/types.ts"), folder.path.join("src/types.ts")).expect("a copy");
    let tsc = packages.join("typescript/bin/tsc");
    let checked = run(Command::new("node")
        .arg(tsc)
        .args(["--project", "."])
        .current_dir(&folder.path));
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

fn run(command: &mut Command) -> Output {
    command.output().expect("node")
}

fn tests(sdk: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(sdk.join("test")).expect("tests");
    let paths = files.map(|file| file.expect("a test").path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "js"))
        .collect()
}
