//! `check --connect`: what the pipeline would not reach, or could not outlast, before it runs.

use serde_json::Value;

use crate::{
    harness::cli,
    site::{Part, Site, run},
};

/// Exit code and what was tried, each with its outcome.
fn check(file: &std::path::Path) -> (Option<i32>, Vec<Value>) {
    let output = cli(["check", "--connect", "--json", &file.display().to_string()]);
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let reached = document["reached"].as_array().expect("a list").clone();
    (output.status.code(), reached)
}

fn outcome<'a>(reached: &'a [Value], what: &str) -> Option<&'a Value> {
    let told = |finding: &&Value| finding["what"].as_str().is_some_and(|told| told.contains(what));
    reached.iter().find(told)
}

#[test]
fn what_becomes_of_messages_is_not_known_without_the_admin_api_and_no_matter_with_a_buffer() {
    let site = Site::new();
    let (_broker, address) = site.broker("127.0.0.1:0");
    let impatient = site.file("sink", Part::Sink("0", "Shared"), &address, false);
    let (code, reached) = check(&impatient);
    assert_eq!(code, Some(0), "{reached:?}");
    let policy = outcome(&reached, "failure policy of subscription `rows`").expect("it is told");
    assert_eq!(policy["outcome"], "unknown");
    let why = policy["why"].as_str().expect("a reason");
    assert!(why.contains("danube.admin_url") && why.contains("buffer = {"), "{why}");

    let patient = site.file("patient", Part::Sink("1", "Shared"), &address, true);
    let (code, reached) = check(&patient);
    assert_eq!(code, Some(0), "{reached:?}");
    assert!(outcome(&reached, "failure policy").is_none(), "{reached:?}");
}

#[test]
fn a_topic_that_is_not_there_yet_is_awaited_and_a_broker_that_is_not_there_is_a_failure() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let sink = site.file("sink", Part::Sink("0", "Shared"), &address, true);
    let (code, reached) = check(&sink);
    assert_eq!(code, Some(0), "{reached:?}");
    let topic = outcome(&reached, "consume /stripe/payments").expect("it is tried");
    assert_eq!(topic["outcome"], "awaited");

    run(&site.file("source", Part::Source, &address, false)).stop();
    let (_, reached) = check(&sink);
    let topic = outcome(&reached, "consume /stripe/payments").expect("it is tried");
    assert_eq!(topic["outcome"], "reached");

    broker.kill();
    let (code, reached) = check(&sink);
    assert_eq!(code, Some(78), "{reached:?}");
    let gone = outcome(&reached, "broker ").expect("it is tried");
    assert_eq!(gone["outcome"], "failed");
    assert!(gone["why"].as_str().expect("a reason").contains(&address), "{gone}");
}
