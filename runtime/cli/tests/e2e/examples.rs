//! The examples run as they are written, but for their ports, which are any free ones here.

use std::{path::Path, process::Command};

use crate::harness::{Pipeline, cli, root};

/// A copy of an example whose listeners take free ports and whose component paths still lead somewhere.
pub fn copy(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    // All of them: an example may use another's schema.
    let copied = Command::new("cp")
        .arg("-r")
        .arg(root().join("examples/."))
        .arg(dir.path())
        .status();
    assert!(copied.expect("cp").success());
    let file = dir.path().join(name).join("pipeline.toml");
    let toml = std::fs::read_to_string(&file).expect("the example");
    let ported: Vec<String> = toml
        .lines()
        .map(|line| {
            if line.starts_with("port = ") {
                "port = 0".to_owned()
            } else {
                line.to_owned()
            }
        })
        .collect();
    let rooted = ported
        .join("\n")
        .replace("../../target", &root().join("target").display().to_string());
    std::fs::write(&file, rooted).expect("the copy");
    let _ = std::fs::remove_dir_all(dir.path().join(name).join("data"));
    dir
}

pub fn script(dir: &Path, name: &str, env: &[(&str, &str)]) -> String {
    run_script(Command::new("bash"), dir, name, env)
}

/// The same, of a script that runs a client of the tests' servers, which this system need not have.
pub fn script_with(client: &Command, dir: &Path, name: &str, env: &[(&str, &str)]) -> String {
    let folder = Path::new(client.get_program()).parent().map(Path::to_owned);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folder.into_iter().chain(std::env::split_paths(&path)));
    let mut bash = Command::new("bash");
    bash.env("PATH", path.expect("folders without a colon"));
    bash.envs(client.get_envs().filter_map(|(name, value)| Some((name, value?))));
    run_script(bash, dir, name, env)
}

fn run_script(mut bash: Command, dir: &Path, name: &str, env: &[(&str, &str)]) -> String {
    bash.arg(dir.join(name));
    for (name, value) in env {
        bash.env(name, value);
    }
    let output = bash.output().expect("bash");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    said
}

fn rows(file: &Path, table: &str) -> Vec<serde_json::Value> {
    let output = cli([
        "query",
        "--json",
        &file.display().to_string(),
        &format!("SELECT * FROM {table}"),
    ]);
    let values: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    values[0].as_array().cloned().unwrap_or_default()
}

#[test]
fn stripe_payments_stores_a_hundred_random_events() {
    let dir = copy("stripe-payments");
    let example = dir.path().join("stripe-payments");
    let file = example.join("pipeline.toml");
    let pipeline = Pipeline::spawn(&file);
    pipeline.until("it runs", |p| p.log("running").is_some());
    let url = format!("http://{}/webhooks/stripe/payments", pipeline.address());
    let said = script(&example, "send-webhook.sh", &[("URL", &url)]);
    assert!(said.contains("200: 100"), "{said}");
    pipeline.until("100 rows", |_| rows(&file, "stripe_payments").len() == 100);
    pipeline.stop();
}

#[test]
fn stripe_events_checks_signatures_maps_events_and_filters_what_it_does_not_know() {
    let dir = copy("stripe-events");
    let example = dir.path().join("stripe-events");
    let file = example.join("pipeline.toml");
    let secret = "whsec_0123456789abcdef0123456789abcdef";
    let pipeline = Pipeline::spawn_with(&file, &[("STRIPE_WEBHOOK_SECRET", secret)]);
    pipeline.until("it runs", |p| p.log("running").is_some());
    let listening = pipeline.log("listening for webhooks").expect("it listens");
    let url = format!(
        "http://{}{}",
        pipeline.address(),
        listening["path"].as_str().expect("a path")
    );
    let table = table_of(&file);

    script(
        &example,
        "send-events.sh",
        &[("URL", &url), ("STRIPE_WEBHOOK_SECRET", secret)],
    );
    pipeline.until("four payments", |_| query(&file, &table, secret).len() == 4);
    // Stripe sends an event again until it is told 200: the same id is the same row.
    script(
        &example,
        "send-events.sh",
        &[("URL", &url), ("STRIPE_WEBHOOK_SECRET", secret)],
    );
    let forged = Command::new("bash")
        .arg(example.join("send-events.sh"))
        .envs([
            ("URL", url.as_str()),
            ("STRIPE_WEBHOOK_SECRET", "whsec_wrong_wrong_wrong_wrong_wrong_00"),
        ])
        .output()
        .expect("bash");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&forged.stdout),
        String::from_utf8_lossy(&forged.stderr)
    );
    assert!(said.contains("401"), "{said}");
    pipeline.stop();

    let rows = query(&file, &table, secret);
    let mut events: Vec<&str> = rows.iter().filter_map(|row| row["event"].as_str()).collect();
    events.sort_unstable();
    assert_eq!(
        events,
        [
            "payment.canceled",
            "payment.failed",
            "payment.refunded",
            "payment.succeeded"
        ]
    );
    for row in &rows {
        let currency = row["currency"].as_str().expect("a currency");
        assert!(
            currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase()),
            "{row}"
        );
    }
}

/// The table that the example's sink names.
fn table_of(file: &Path) -> String {
    let toml: toml::Table = std::fs::read_to_string(file)
        .expect("the example")
        .parse()
        .expect("TOML");
    let table = &toml["sinks"][0]["surrealdb"]["topic_mappings"][0]["table"];
    table.as_str().expect("a table").to_owned()
}

/// As [`rows`], for a file that needs the secret to be read.
fn query(file: &Path, table: &str, secret: &str) -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_danube-wasm"))
        .args([
            "query",
            "--json",
            &file.display().to_string(),
            &format!("SELECT * FROM {table}"),
        ])
        .env("STRIPE_WEBHOOK_SECRET", secret)
        .output()
        .expect("the binary");
    let values: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    values[0].as_array().cloned().unwrap_or_default()
}

#[test]
fn build_makes_a_component_of_a_rust_crate() {
    let output = cli([
        "build",
        "--json",
        &root().join("guests/testing/drop-everything").display().to_string(),
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(info["role"], "sink");
}
