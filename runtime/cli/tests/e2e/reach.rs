//! `check --connect`: what the pipeline would not reach, or could not outlast, before it runs.

use std::{fs, path::Path};

use danube_wasm_proto::admin::SubscriptionPoisonPolicy;
use serde_json::Value;
use tonic::Status;

use crate::{
    fake::{Act, Fake},
    harness::{Pipeline, Setup, cli},
    site::{Part, Site, run},
};

/// Exit code and what was tried, each with its outcome.
fn check(file: &Path) -> (Option<i32>, Vec<Value>) {
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

/// The same file with a text in the place of another.
fn rewrite(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("the file");
    assert!(text.contains(from), "no {from} in {text}");
    fs::write(file, text.replace(from, to)).expect("the file");
}

/// In the namespace that every Danube has.
fn in_default(file: &Path) {
    rewrite(file, "/stripe/payments", "/default/payments");
}

fn with_admin(file: &Path, fake: &Fake) {
    let admin = format!("[danube]\nadmin_url = \"{}\"\n", fake.admin_url);
    match fs::read_to_string(file).expect("the file").contains("[danube]\n") {
        true => rewrite(file, "[danube]\n", &admin),
        false => rewrite(file, "[admin]\n", &format!("{admin}[admin]\n")),
    }
}

fn failed<'a>(reached: &'a [Value], what: &str) -> &'a str {
    let finding = outcome(reached, what).unwrap_or_else(|| panic!("{what} is not told: {reached:?}"));
    assert_eq!(finding["outcome"], "failed", "{reached:?}");
    finding["why"].as_str().expect("a reason")
}

#[test]
fn danubes_own_policy_is_refused_before_the_subscription_is_made_and_after() {
    let (site, fake) = (Site::new(), Fake::start());
    let sink = site.file("sink", Part::Sink("0", "Shared"), &fake.address(), false);
    in_default(&sink);
    with_admin(&sink, &fake);
    let policy = "failure policy of subscription `rows`";
    let subscribe = |subscriptions: &[&str]| {
        let of_topic = subscriptions.iter().map(|name| (*name).to_owned()).collect();
        fake.admin.topics.lock().insert("/default/payments".into(), of_topic);
    };
    let set = |policy| fake.admin.policies.lock().insert("rows".into(), policy);

    // Neither the topic nor the subscription, then the topic alone.
    for _ in 0..2 {
        let (code, reached) = check(&sink);
        assert_eq!(code, Some(78), "{reached:?}");
        let why = failed(&reached, policy);
        assert!(
            why.contains("not there yet") && why.contains("6 times") && why.contains("buffer = {"),
            "{why}"
        );
        subscribe(&["another"]);
    }
    subscribe(&["rows"]);
    for (policy_set, says) in [
        (SubscriptionPoisonPolicy::Block, "gives nothing more of that partition"),
        (SubscriptionPoisonPolicy::Drop, "drops it"),
    ] {
        set(policy_set);
        let (code, reached) = check(&sink);
        assert_eq!(code, Some(78), "{reached:?}");
        let why = failed(&reached, policy);
        assert!(why.contains(says) && !why.contains("not there yet"), "{why}");
    }
    set(SubscriptionPoisonPolicy::DeadLetter);
    let (code, reached) = check(&sink);
    assert_eq!(code, Some(0), "{reached:?}");
    assert_eq!(outcome(&reached, policy).expect("it is told")["outcome"], "reached");
}

#[test]
fn a_namespace_that_nobody_made_is_a_failure_with_the_cure() {
    let (site, fake) = (Site::new(), Fake::start());
    let source = site.file("source", Part::Source, &fake.address(), false);
    let (code, reached) = check(&source);
    assert_eq!(code, Some(78), "{reached:?}");
    let why = failed(&reached, "publish to /stripe/payments");
    assert!(
        why.contains("find the namespace") && why.contains("danube-admin namespaces create"),
        "{why}"
    );
}

#[test]
fn a_namespace_that_the_admin_api_does_not_list_is_found_without_making_a_topic() {
    let (site, fake) = (Site::new(), Fake::start());
    let source = site.file("source", Part::Source, &fake.address(), false);
    let sink = site.file("sink", Part::Sink("0", "Shared"), &fake.address(), true);
    for (file, what) in [
        (&source, "publish to /stripe/payments"),
        (&sink, "consume /stripe/payments"),
    ] {
        with_admin(file, &fake);
        let (code, reached) = check(file);
        assert_eq!(code, Some(78), "{reached:?}");
        assert_eq!(
            outcome(&reached, "admin API").expect("it is asked")["outcome"],
            "reached"
        );
        let why = failed(&reached, what);
        assert!(why.contains("danube-admin namespaces create stripe"), "{why}");
    }

    // It is made, and nothing is in it.
    fake.admin.namespaces.lock().push("stripe".into());
    let (code, reached) = check(&source);
    assert_eq!(code, Some(0), "{reached:?}");
    let publish = outcome(&reached, "publish to /stripe/payments").expect("it is tried");
    assert_eq!(publish["outcome"], "awaited");
    let (code, reached) = check(&sink);
    assert_eq!(code, Some(0), "{reached:?}");
    let consume = outcome(&reached, "consume /stripe/payments").expect("it is tried");
    assert_eq!(consume["outcome"], "awaited");
    let why = consume["why"].as_str().expect("a reason");
    assert!(!why.contains("namespaces create"), "{why}");
    assert!(fake.wire.state.calls("create_producer").is_empty());
}

#[test]
fn an_admin_api_out_of_reach_is_a_failure_and_only_trying_tells_about_a_namespace() {
    let (site, mut fake) = (Site::new(), Fake::start());
    fake.admin_url = "http://127.0.0.1:1".into();
    let source = site.file("source", Part::Source, &fake.address(), false);
    with_admin(&source, &fake);
    let (code, reached) = check(&source);
    assert_eq!(code, Some(78), "{reached:?}");
    let why = failed(&reached, "admin API");
    assert!(why.contains("127.0.0.1:1"), "{why}");
    let why = failed(&reached, "publish to /stripe/payments");
    assert!(why.contains("find the namespace"), "{why}");
    assert_eq!(fake.wire.state.calls("create_producer").len(), 1);
}

#[test]
fn looking_makes_no_topic_whose_dispatch_could_not_be_changed() {
    let (site, fake) = (Site::new(), Fake::start());
    let source = site.file("source", Part::Source, &fake.address(), false);
    in_default(&source);
    let publish = |reached: &[Value]| {
        outcome(reached, "publish to /default/payments")
            .cloned()
            .expect("it is tried")
    };
    let (code, reached) = check(&source);
    assert_eq!(code, Some(0), "{reached:?}");
    let told = publish(&reached);
    assert_eq!(told["outcome"], "awaited");
    let why = told["why"].as_str().expect("a reason");
    assert!(why.contains("4 partitions and reliable dispatch"), "{why}");
    assert!(fake.wire.state.calls("create_producer").is_empty());
    assert!(fake.wire.state.calls("register_schema").is_empty());

    run(&source).stop();
    let (code, reached) = check(&source);
    assert_eq!(code, Some(0), "{reached:?}");
    assert_eq!(publish(&reached)["outcome"], "reached");
    rewrite(&source, "partitions = 4", "partitions = 4\nreliable_dispatch = false");
    let (code, reached) = check(&source);
    assert_eq!(code, Some(78), "{reached:?}");
    let why = failed(&reached, "publish to /default/payments");
    assert!(why.contains("reliable_dispatch"), "{why}");
}

#[test]
fn what_the_registry_refuses_is_not_taken_for_a_schema_that_is_missing() {
    let (site, fake) = (Site::new(), Fake::start());
    let source = site.file("source", Part::Source, &fake.address(), false);
    in_default(&source);
    fake.wire.state.script(|call| match call.method {
        "get_latest_schema" => Act::Fail(Status::permission_denied(
            "no binding grants ManageSchema on Cluster for service_account:x",
        )),
        _ => Act::Pass,
    });
    let (code, reached) = check(&source);
    assert_eq!(code, Some(78), "{reached:?}");
    let why = failed(&reached, "schema `stripe-payment-v1`");
    assert!(why.contains("ManageSchema on Cluster"), "{why}");
}

#[test]
fn what_run_would_refuse_about_a_schema_is_found_and_nothing_is_registered() {
    let site = Site::new();
    let (broker, address) = site.broker("127.0.0.1:0");
    let source = site.file("source", Part::Source, &address, false);
    let schema = "schema `stripe-payment-v1` of /stripe/payments";
    let file = "schema_file = \"payment.json\"\n";
    let declare = |more: &str| rewrite(&source, file, &format!("{file}{more}\n"));
    let undo = |more: &str| rewrite(&source, &format!("{file}{more}\n"), file);
    let told = |reached: &[Value]| outcome(reached, schema).cloned().expect("it is told");

    for (more, says) in [
        (
            "auto_register = false",
            "it is not registered, and `auto_register` is false",
        ),
        (
            "version_strategy = { pinned = 3 }",
            "it is not registered: pin a version that is there",
        ),
    ] {
        declare(more);
        let (code, reached) = check(&source);
        assert_eq!(code, Some(78), "{reached:?}");
        let why = failed(&reached, schema);
        assert!(why.contains(says), "{why}");
        undo(more);
    }
    let (_, reached) = check(&source);
    assert_eq!(told(&reached)["outcome"], "awaited");
    assert!(
        told(&reached)["why"]
            .as_str()
            .is_some_and(|why| why.contains("as version 1")),
        "{reached:?}"
    );
    // Looking twice finds the same: nothing was registered.
    let (_, reached) = check(&source);
    assert_eq!(told(&reached)["outcome"], "awaited");

    run(&source).stop();
    let (code, reached) = check(&source);
    assert_eq!(
        (code, &told(&reached)["outcome"]),
        (Some(0), &"reached".into()),
        "{reached:?}"
    );
    let path = source.with_file_name("payment.json");
    let text = fs::read_to_string(&path).expect("a schema");
    let mut narrower: Value = serde_json::from_str(&text).expect("JSON");
    narrower["properties"]["amount"]["maximum"] = 1.into();
    fs::write(&path, narrower.to_string()).expect("a schema");
    let (code, reached) = check(&source);
    assert_eq!(code, Some(78), "{reached:?}");
    let why = failed(&reached, schema);
    assert!(why.contains("not compatible"), "{why}");
    broker.stop();
}

#[test]
fn a_subscription_that_is_new_on_a_topic_that_is_there_is_said_to_skip_what_it_has() {
    const SKIPS: &str = "the subscription is new on a topic that is there: Danube begins it with the next message, and \
                         all that was published before is skipped. Make the subscription before the first message, by \
                         starting the sink before the source";
    let (site, fake) = (Site::new(), Fake::start());
    let source = site.file("source", Part::Source, &fake.address(), false);
    in_default(&source);
    run(&source).stop();
    let sink = site.file("sink", Part::Sink("0", "Shared"), &fake.address(), false);
    in_default(&sink);
    with_admin(&sink, &fake);
    let known = |subscriptions: &[&str]| {
        let of_topic = subscriptions.iter().map(|name| (*name).to_owned()).collect();
        fake.admin.topics.lock().insert("/default/payments".into(), of_topic);
    };
    known(&[]);
    let process: Pipeline = run(&sink);
    let said = process
        .log(SKIPS)
        .unwrap_or_else(|| panic!("it does not say so:\n{}", process.dump()));
    assert_eq!(
        (&said["topic"], &said["subscription"]),
        (&"/default/payments".into(), &"rows".into())
    );
    process.stop();
    known(&["rows"]);
    let process = run(&sink);
    assert!(process.log(SKIPS).is_none(), "{}", process.dump());
    process.stop();
}

#[test]
fn another_number_of_partitions_is_found_on_the_own_log_and_nothing_is_made_by_looking() {
    let scratch = Setup::default().write();
    let (code, reached) = check(&scratch.file());
    assert_eq!(code, Some(0), "{reached:?}");
    let log = outcome(&reached, "log ").expect("it is tried");
    assert_eq!(log["outcome"], "awaited");
    assert!(!scratch.path().join("data/log").exists());

    let pipeline = scratch.start();
    let (code, reached) = check(&scratch.file());
    assert_eq!(code, Some(0), "{reached:?}");
    let topic = outcome(&reached, "publish to /stripe/payments").expect("it is tried");
    assert_eq!(topic["outcome"], "reached");
    rewrite(&scratch.file(), "partitions = 4", "partitions = 2");
    let refused = || {
        let (code, reached) = check(&scratch.file());
        assert_eq!(code, Some(78), "{reached:?}");
        let topic = outcome(&reached, "publish to /stripe/payments").expect("it is tried");
        let why = topic["why"].as_str().expect("a reason");
        assert!(
            why.contains("has 4 partitions") && why.contains("partitions = 4"),
            "{why}"
        );
    };
    refused();
    pipeline.stop();
    refused();
    let mut as_run = Pipeline::spawn(&scratch.file());
    assert_eq!(as_run.wait().code(), Some(78), "{}", as_run.dump());
}
