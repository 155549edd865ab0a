//! `danube-wasm migrate-log FROM TO`: a log with the positions of its subscriptions, copied to another broker.

use danube_wasm_host::migration::{self, Options, Report, TopicReport};
use serde_json::{Value, json};

use super::topics::table;
use crate::{args::MigrateLog, exit::Failure};

const TOPICS: &[&str] = &["topic", "partitions", "messages", "state"];
const SUBSCRIPTIONS: &[&str] = &["topic", "subscription", "subscription_type", "unread"];

/// Copies, and prints what it has copied; what it does meanwhile goes to standard error.
pub(crate) fn migrate_log(args: &MigrateLog) -> Result<(), Failure> {
    let options = Options {
        resume: args.resume,
        dry_run: args.dry_run,
    };
    let copying = migration::migrate(&args.from, &args.to, options, &|what| eprintln!("{what}"));
    let report = crate::runtime()?.block_on(copying)?;
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
    if args.json {
        let value = serde_json::to_value(&report).map_err(Failure::internal)?;
        println!("{value}");
    } else {
        print!("{}", text(&report, args.dry_run));
    }
    Ok(())
}

fn text(report: &Report, dry_run: bool) -> String {
    let topics = &report.log.topics;
    let mut text = table(TOPICS, &topics.iter().map(topic).collect::<Vec<_>>());
    let subscriptions: Vec<Value> = topics.iter().flat_map(subscriptions).collect();
    if !subscriptions.is_empty() {
        text.push('\n');
        text.push_str(&table(SUBSCRIPTIONS, &subscriptions));
    }
    let beside = format!(
        "{} versions of schemas, {} notes of sources",
        report.log.schemas, report.notes
    );
    text.push_str(&match dry_run {
        true => format!("\nNothing is written: this would be copied, with {beside}.\n"),
        false => format!(
            "\nCopied, with {beside}; every message and position was compared. Start the pipeline; the log that was copied is \
             unchanged.\n"
        ),
    });
    text
}

fn topic(report: &TopicReport) -> Value {
    let state = match report.state {
        migration::TopicState::Planned => "to be copied".to_owned(),
        migration::TopicState::Copied if report.had > 0 => format!("copied, {} of them before", report.had),
        migration::TopicState::Copied => "copied".to_owned(),
        migration::TopicState::CopiedBefore => "copied before".to_owned(),
    };
    json!({
        "topic": report.topic, "partitions": report.partitions, "messages": report.messages, "state": state,
    })
}

fn subscriptions(report: &TopicReport) -> impl Iterator<Item = Value> {
    let value = |subscription: &migration::SubscriptionReport| {
        json!({
            "topic": report.topic, "subscription": subscription.subscription,
            "subscription_type": subscription.subscription_type, "unread": subscription.unread,
        })
    };
    report.subscriptions.iter().map(value).collect::<Vec<_>>().into_iter()
}
