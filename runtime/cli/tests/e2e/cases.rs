//! `test` and `bench` at the real binary, on real components.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{cli, guest, stderr};

const ORDERS: &str = "[[endpoints]]\npath = \"/orders\"\ndanube_topic = \"/shop/lines\"\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        fs::write(file, text).expect("written");
    }
    folder
}

fn test(folder: &Path, component: &str, more: &[&str]) -> Output {
    let cases = folder.join("cases").display().to_string();
    let component = guest(component);
    let args = [&["test", &component, "--cases", &cases], more].concat();
    cli(args)
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn orders() -> TempDir {
    let events = "{\"payload\":{\"id\":\"7\",\"lines\":[{\"sku\":\"a\"}]}}\n{\"text\":\"{\"}\n";
    folder(&[
        ("cases/config.toml", ORDERS),
        ("cases/first/events.jsonl", events),
        ("cases/refused-settings/events.jsonl", "{\"payload\":1}\n"),
        (
            "cases/refused-settings/config.toml",
            &format!("{ORDERS}[config]\nkey_feld = \"id\"\n"),
        ),
        (
            "cases/trap/events.jsonl",
            "{\"payload\":{\"id\":\"a\",\"lines\":[1]}}\n{\"payload\":{\"id\":\"b\",\"panic\":true}}\n",
        ),
    ])
}

#[test]
fn cases_are_kept_pass_and_differ_readably() {
    let folder = orders();
    let unknown = test(folder.path(), "order_lines", &[]);
    assert_eq!(unknown.status.code(), Some(1), "{}", stderr(&unknown));
    assert!(
        stdout(&unknown).contains("it has no expected.jsonl"),
        "{}",
        stdout(&unknown)
    );

    let kept = test(folder.path(), "order_lines", &["--update"]);
    assert_eq!(kept.status.code(), Some(0), "{}", stderr(&kept));
    let expected = |case: &str| {
        let file = folder.path().join("cases").join(case).join("expected.jsonl");
        fs::read_to_string(file).expect("kept")
    };
    let lines: Vec<Value> = expected("first")
        .lines()
        .map(|line| line.parse().expect("JSON"))
        .collect();
    let record = json!({"from":[0],"topic":"/shop/lines","id":"7:0","key":"7","payload":{"order":"7","line":0,"item":{"sku":"a"}}});
    assert_eq!(lines[0], record);
    assert_eq!(
        (&lines[1]["from"], &lines[1]["rejected"]),
        (&json!([1]), &json!("invalid-data"))
    );
    assert!(expected("refused-settings").contains("unknown field `key_feld`"));
    let trap: Value = expected("trap")
        .lines()
        .nth(1)
        .expect("two lines")
        .parse()
        .expect("JSON");
    assert!(
        trap["trap"]
            .as_str()
            .is_some_and(|text| text.contains("order b panics")),
        "{trap}"
    );

    let junit = folder.path().join("junit.xml");
    let junit_name = junit.display().to_string();
    let passed = test(folder.path(), "order_lines", &["--junit", &junit_name, "--json"]);
    assert_eq!(passed.status.code(), Some(0), "{}", stderr(&passed));
    let report: Value = stdout(&passed).parse().expect("JSON");
    assert_eq!(
        (report["failures"].clone(), report["cases"].as_array().map(Vec::len)),
        (json!(0), Some(3))
    );
    let xml = fs::read_to_string(&junit).expect("written");
    assert!(
        xml.contains("tests=\"3\" failures=\"0\"") && xml.contains("name=\"refused-settings\""),
        "{xml}"
    );

    let changed = expected("first").replace("\"sku\":\"a\"", "\"sku\":\"b\"");
    fs::write(folder.path().join("cases/first/expected.jsonl"), changed).expect("written");
    let differs = test(folder.path(), "order_lines", &["--filter", "first"]);
    assert_eq!(differs.status.code(), Some(1));
    let text = stdout(&differs);
    assert!(
        text.contains("-       \"sku\": \"b\"") && text.contains("+       \"sku\": \"a\""),
        "{text}"
    );
    assert!(
        text.contains("0 passed, 1 failed") && text.contains("order 7: 1 lines"),
        "{text}"
    );
}

#[test]
fn what_is_wrong_with_the_files_is_told_all_at_once() {
    let folder = folder(&[
        ("cases/config.toml", &format!("{ORDERS}[limits]\nmemory_byte = 1\n")),
        (
            "cases/a/events.jsonl",
            "{\"payload\":1}\n{\"payload\"\n{\"payloda\":1}\n",
        ),
        ("cases/b/events.jsonl", "{\"payload\":1}\n"),
        ("cases/b/config.toml", "[[topic_mappings]]\ntopic = \"/a/b\"\n"),
        ("cases/c/notes", ""),
    ]);
    let wrong = test(folder.path(), "order_lines", &[]);
    assert_eq!(wrong.status.code(), Some(78));
    let text = stderr(&wrong);
    for sentence in [
        "cases/config.toml:5: unknown limit `memory_byte`: write `memory_bytes`",
        "cases/a/events.jsonl:2: not JSON",
        "cases/a/events.jsonl:3: unknown key `payloda`: write `payload`",
        "cases/b/config.toml:1: `topic_mappings` is not for a source: a source has `[[endpoints]]`",
        "cases/c: it has no events.jsonl",
    ] {
        assert_eq!(text.matches(sentence).count(), 1, "{sentence}\n{text}");
    }
    let none = test(&folder.path().join("elsewhere"), "order_lines", &[]);
    assert_eq!(none.status.code(), Some(78));
    assert!(
        stderr(&none).contains("make a folder in it for each case"),
        "{}",
        stderr(&none)
    );
}

#[test]
fn a_connectors_folder_names_its_component_and_its_kind() {
    let folder = orders();
    let place = folder.path().display().to_string();
    let none = cli(["test", &place]);
    assert!(
        stderr(&none).contains("connector.toml: cannot be read"),
        "{}",
        stderr(&none)
    );
    let manifest = folder.path().join("connector.toml");
    let write = |kind: &str| {
        fs::write(
            &manifest,
            format!("[connector]\nname = \"orders\"\nkind = \"{kind}\"\n"),
        )
        .expect("written")
    };
    write("source");
    let unbuilt = cli(["test", &place]);
    assert!(
        stderr(&unbuilt).contains("run `danube-wasm build"),
        "{}",
        stderr(&unbuilt)
    );
    fs::create_dir(folder.path().join("target")).expect("made");
    fs::copy(guest("order_lines"), folder.path().join("target/orders.wasm")).expect("copied");
    let kept = cli(["test", &place, "--update", "--filter", "first"]);
    assert_eq!(kept.status.code(), Some(0), "{}", stderr(&kept));
    write("sink");
    let other = cli(["test", &place]);
    assert_eq!(other.status.code(), Some(78));
    assert!(stderr(&other).contains("`kind` is \"sink\", but"), "{}", stderr(&other));
}

#[test]
fn a_sample_without_a_case_prints_outputs_and_the_log() {
    let folder = folder(&[
        (
            "sample.jsonl",
            "{\"payload\":{\"id\":\"7\",\"lines\":[1]}}\n{\"payload\":{\"id\":\"8\"}}\n",
        ),
        ("settings.toml", ORDERS),
    ]);
    let name = |file: &str| folder.path().join(file).display().to_string();
    let output = cli([
        "test",
        &guest("order_lines"),
        "--event",
        &name("sample.jsonl"),
        "--config",
        &name("settings.toml"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| line.parse().expect("JSON"))
        .collect();
    assert_eq!(
        lines[1],
        json!({"from":[1],"rejected":"invalid-data","message":"order 8 has no lines"})
    );
    assert!(
        stderr(&output).contains("info  order 7: 1 lines"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn faults_of_the_host_show_what_depends_on_them() {
    let folder = orders();
    let steady = test(folder.path(), "order_lines", &["--chaos"]);
    assert_eq!(steady.status.code(), Some(0), "{}", stdout(&steady));
}

#[test]
fn fuzzing_keeps_what_breaks_the_component() {
    let folder = folder(&[
        ("cases/config.toml", ORDERS),
        (
            "cases/near/events.jsonl",
            "{\"payload\":{\"id\":\"a\",\"panic\":false,\"lines\":[1]}}\n",
        ),
    ]);
    let fuzzed = test(folder.path(), "order_lines", &["--fuzz", "5", "--seed", "1"]);
    assert_eq!(fuzzed.status.code(), Some(1), "{}{}", stdout(&fuzzed), stderr(&fuzzed));
    assert!(stdout(&fuzzed).contains("panics"), "{}", stdout(&fuzzed));
    let kept = fs::read_dir(folder.path().join("cases")).expect("there").flatten();
    let kept = kept.filter(|entry| entry.file_name().to_string_lossy().starts_with("fuzz-"));
    assert!(kept.count() >= 1);
    let red = test(folder.path(), "order_lines", &["--filter", "fuzz-"]);
    assert_eq!(red.status.code(), Some(1), "{}", stdout(&red));
    assert!(stdout(&red).contains("where it trapped"), "{}", stdout(&red));
}

#[test]
fn the_subjects_in_rust_pass_the_conformance_suite() {
    let output = cli([
        "test",
        "--conformance",
        &guest("order_lines"),
        &guest("order_feed"),
        &guest("device_state"),
    ]);
    let text = stdout(&output);
    println!("{text}");
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    assert!(
        text.contains("order_lines.wasm") && text.contains("a trap, found by halving"),
        "{text}"
    );
    // Another connector is not one of the subjects.
    let other = cli(["test", "--conformance", &guest("change_one_field"), "--json"]);
    assert_eq!(other.status.code(), Some(1));
    let report: Value = stdout(&other).parse().expect("JSON");
    assert!(
        report[0]["points"]
            .as_array()
            .is_some_and(|points| points.iter().any(|p| !p["wrong"].is_null()))
    );
}

#[test]
fn bench_prints_costs_and_limits() {
    let folder = orders();
    let events = folder.path().join("cases/first/events.jsonl").display().to_string();
    let output = cli([
        "bench",
        &guest("order_lines"),
        "--events",
        &events,
        "--time-ms",
        "20",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let bench: Value = stdout(&output).parse().expect("JSON");
    assert_eq!(bench["rows"].as_array().map(Vec::len), Some(4));
    assert!(
        bench["memory_after_bytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 1 << 16),
        "{bench}"
    );
    let keys: Vec<_> = bench["recommended"]
        .as_array()
        .expect("limits")
        .iter()
        .map(|pair| pair[0].clone())
        .collect();
    assert_eq!(
        keys,
        [
            "memory_bytes",
            "call_budget_ms",
            "record_budget_us",
            "initialize_budget_ms"
        ]
    );
}

#[test]
fn a_profile_has_the_functions_of_the_component() {
    let folder = orders();
    let events = folder.path().join("cases/first/events.jsonl").display().to_string();
    let out = folder.path().join("profile.json");
    let profile = out.display().to_string();
    let component = guest("order_lines");
    let output = cli([
        "bench",
        &component,
        "--events",
        &events,
        "--time-ms",
        "200",
        "--profile",
        &profile,
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("https://www.speedscope.app"),
        "{}",
        stderr(&output)
    );
    let document: Value = fs::read_to_string(&out).expect("written").parse().expect("JSON");
    let frames = document["shared"]["frames"].as_array().expect("frames");
    let names: Vec<_> = frames.iter().filter_map(|frame| frame["name"].as_str()).collect();
    assert!(names.iter().any(|name| name.contains("poll")), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("_ZN")), "{names:?}");
    let profile = &document["profiles"][0];
    let (samples, weights) = (profile["samples"].as_array(), profile["weights"].as_array());
    assert!(samples.is_some_and(|samples| !samples.is_empty()));
    assert_eq!(samples.map(Vec::len), weights.map(Vec::len));
}

#[test]
fn a_trap_names_file_and_line_of_a_component_with_debug_information() {
    let folder = folder(&[
        (
            "config.toml",
            "[[endpoints]]\npath = \"/orders\"\ndanube_topic = \"/shop/lines\"\n",
        ),
        ("sample.jsonl", "{\"payload\":{\"do\":\"trap\"}}\n"),
    ]);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let component = guest("misbehave_debug");
    let (event, config) = (path("sample.jsonl"), path("config.toml"));
    let output = cli(["test", &component, "--event", &event, "--config", &config]);
    let said = stderr(&output);
    let first = said.lines().find(|line| line.starts_with("  at ")).expect("functions");
    assert!(
        first.starts_with("  at event (guests/testing/misbehave/src/lib.rs:"),
        "{said}"
    );
}
