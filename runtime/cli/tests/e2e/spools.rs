//! Records that were answered 200 and wait on this disk are not forgotten with nobody told: not at a start that has no use for
//! them, and not at a stop.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    harness::{Pipeline, cli, payment},
    site::{Part, Site, run},
};

const BUFFER: &str = "buffer = { type = \"disk\", max_bytes = 1073741824 }";
const GIVES: &str = "the broker is given what waits in the spool";
const STAY: &str = "records stay in the spool: they are published after the next start on this disk, and not before";

fn rewrite(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("the file");
    assert!(text.contains(from), "no {from} in {text}");
    fs::write(file, text.replace(from, to)).expect("the file");
}

/// What refuses a file, said by `check` and by `run`.
fn refused(file: &Path) -> String {
    let file = file.display().to_string();
    let [checked, ran] = ["check", "run"].map(|verb| {
        let output = cli([verb, &file]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{verb}: {said}");
        said
    });
    let last = |said: &str| said.lines().last().unwrap_or_default().to_owned();
    assert_eq!(last(&checked), last(&ran));
    ran
}

fn accepted(file: &Path) {
    let output = cli(["check", &file.display().to_string()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// SIGTERM, and how many records stay, if any do.
fn stop(source: Pipeline) -> Option<u64> {
    source.signal("TERM");
    ended(source)
}

/// How many records stay, as the log has it.
fn ended(mut source: Pipeline) -> Option<u64> {
    assert!(source.wait().success(), "{}", source.dump());
    source.until("all was read", |p| p.log("stopped").is_some());
    source.log(STAY).map(|line| line["records"].as_u64().expect("a number"))
}

#[test]
fn a_spool_that_no_connector_owns_any_more_is_refused_until_it_is_empty() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let file = site.file("source", Part::Source, &address, true);
    // What the broker has accepted is let go of at once, so that the spool empties while somebody watches.
    let quick = BUFFER.replace(" }", ", broker_flush_ms = 0 }");
    rewrite(&file, BUFFER, &quick);
    let source = run(&file);
    broker.kill();
    for n in 0..5 {
        assert_eq!(source.post(&payment(n)).status, 200);
    }
    assert_eq!(stop(source), Some(5), "the broker is away");
    accepted(&file);

    let with_buffer = fs::read_to_string(&file).expect("the file");
    let url = format!("danube_service_url = \"http://{address}\"");
    let embedded = "danube_service_url = \"embedded://log\"";
    for (what, from, to) in [
        ("without its buffer", &*quick, ""),
        ("renamed", "name = \"webhook\"", "name = \"hooks\""),
        ("on a log of its own", &*url, embedded),
    ] {
        rewrite(&file, from, to);
        let said = refused(&file);
        assert!(
            said.contains("holds 5 records that connector `webhook`")
                && said.contains(BUFFER.split(", ").next().expect("a key"))
                && said.contains("data/spool/test@webhook"),
            "{what}: {said}"
        );
        fs::write(&file, &with_buffer).expect("the file");
    }

    let (broker, _) = site.broker(&address);
    let source = run(&file);
    source.until("the spool is empty", |p| {
        p.admin("/metrics")
            .1
            .contains("danube_wasm_spool_records{connector=\"test/webhook\"} 0")
    });
    assert_eq!(stop(source), None);
    rewrite(&file, &quick, "");
    accepted(&file);
    run(&file).stop();
    broker.stop();
}

#[test]
fn a_stop_waits_until_the_broker_has_accepted_what_a_spool_holds() {
    // All of one key, and so one after the other: the broker has accepted one at most before it answers.
    const EVENTS: u64 = 20;
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let source = run(&site.file("source", Part::Source, &address, true));
    // It is there, and answers nothing until the source stops.
    broker.signal("STOP");
    for n in 0..EVENTS {
        assert_eq!(source.post(&payment(n)).status, 200);
    }
    source.signal("TERM");
    source.until("it waits for the broker", |p| p.log(GIVES).is_some());
    broker.signal("CONT");
    assert_eq!(ended(source), None, "the broker is there");
    let place = site.dir.path().join("broker").display().to_string();
    let topics: Value = serde_json::from_slice(&cli(["topics", "ls", &place, "--json"]).stdout).expect("JSON");
    let topics = topics.as_array().expect("topics");
    let topic = topics.iter().find(|topic| topic["topic"] == "/stripe/payments");
    assert_eq!(topic.expect("the topic")["messages"], EVENTS, "{topics:?}");
    broker.stop();
}

#[test]
fn a_stop_without_a_broker_says_how_many_records_stay() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let source = run(&site.file("source", Part::Source, &address, true));
    broker.kill();
    for n in 0..7 {
        assert_eq!(source.post(&payment(n)).status, 200);
    }
    assert_eq!(stop(source), Some(7));
}
