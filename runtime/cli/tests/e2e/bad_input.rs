//! What is wrong is said before anything is bound, with exit 78 and what to do.

use crate::harness::{self, Setup, cli, stderr};

fn refused(setup: &Setup) -> String {
    let scratch = setup.write();
    let file = scratch.file().display().to_string();
    for verb in ["run", "check"] {
        let output = cli([verb, &file]);
        assert_eq!(output.status.code(), Some(78), "{verb}: {}", stderr(&output));
    }
    assert!(!scratch.path().join("data/log").exists(), "nothing was opened");
    stderr(&cli(["check", &file]))
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once_with_its_line() {
    let said = refused(&Setup {
        top: "danube_service_urll = \"embedded://x\"".into(),
        endpoint: "partitons = 3".into(),
        mapping: "batch_size = \"many\"".into(),
        ..Setup::default()
    });
    for word in ["danube_service_url", "partitions", "batch_size", "pipeline.toml:3"] {
        assert!(said.contains(word), "{word} is not in\n{said}");
    }
}

#[test]
fn what_is_no_component_or_the_wrong_one_is_refused_with_a_sentence() {
    let dir = tempfile::tempdir().expect("a directory");
    let garbage = dir.path().join("garbage.wasm");
    std::fs::write(&garbage, "not wasm").expect("a file");
    let core = dir.path().join("core.wasm");
    std::fs::write(&core, b"\0asm\x01\0\0\0").expect("a file");
    let cases = [
        (garbage.display().to_string(), "component"),
        (core.display().to_string(), "component"),
        (harness::guest("document_sink"), "sink"),
        ("nowhere.wasm".to_owned(), "nowhere.wasm"),
    ];
    for (source, word) in cases {
        let said = refused(&Setup {
            source: source.clone(),
            ..Setup::default()
        });
        assert!(said.contains(word), "{source}: {said}");
    }
}

#[test]
fn inspect_tells_what_a_component_is() {
    let output = cli(["inspect", "--json", &harness::guest("stripe_source")]);
    assert!(output.status.success(), "{}", stderr(&output));
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(info["digest"].as_str().map(str::len), Some(64));
    assert!(info.to_string().contains("danube:connector/log"), "{info}");
}

#[test]
fn a_wrong_command_line_is_exit_2_and_help_shows_an_example() {
    assert_eq!(cli(["rnu"]).status.code(), Some(2));
    for verb in ["run", "check", "build", "inspect", "query"] {
        let output = cli([verb, "--help"]);
        assert!(String::from_utf8_lossy(&output.stdout).contains("Example"), "{verb}");
    }
}

#[test]
fn a_query_only_reads_unless_it_is_told_to_write() {
    let scratch = Setup::default().write();
    let pipeline = scratch.start();
    let file = scratch.file().display().to_string();
    for running in [true, false] {
        let output = cli(["query", &file, "CREATE payments SET amount = 1"]);
        assert_ne!(output.status.code(), Some(0), "running: {running}");
        assert!(stderr(&output).contains("--write"), "{}", stderr(&output));
        let written = cli(["query", "--write", &file, "CREATE payments SET amount = 1"]);
        assert!(written.status.success(), "{}", stderr(&written));
        if running {
            pipeline.signal("TERM");
            pipeline.until("it stopped", |p| p.log("stopped").is_some());
        }
    }
    assert_eq!(scratch.rows(), 2);
}

#[test]
fn a_port_in_use_is_said_with_its_connector() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let scratch = Setup::default().write();
    let toml = std::fs::read_to_string(scratch.file()).expect("the file");
    let toml = toml.replace(
        "[sources.webhook]\nport = 0",
        &format!("[sources.webhook]\nport = {port}"),
    );
    std::fs::write(scratch.file(), toml).expect("the file");
    let output = cli(["run", &scratch.file().display().to_string()]);
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("test/webhook") && stderr(&output).contains(&port.to_string()),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_unwritable_data_directory_is_refused_with_its_path() {
    let scratch = Setup {
        top: "data_dir = \"/proc/nothing\"".into(),
        ..Setup::default()
    }
    .write();
    let output = cli(["run", &scratch.file().display().to_string()]);
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
    assert!(stderr(&output).contains("/proc/nothing"), "{}", stderr(&output));
}
