//! `danube-wasm topics` and `danube-wasm subscriptions`: what a broker holds, and what an operator changes there.

mod produce;
mod tail;

use std::path::Path;

use danube_wasm_host::{
    operations::{self, Operation, Position},
    unused,
};
use serde_json::Value;

use crate::{
    args::{Subscriptions, SubscriptionsVerb, Topics, TopicsVerb},
    exit::Failure,
};

/// Lists or deletes topics.
pub(crate) fn topics(args: Topics) -> Result<(), Failure> {
    match args.verb {
        TopicsVerb::Ls { place, json } => show(
            &place,
            Operation::Topics,
            json,
            &["topic", "partitions", "messages", "consumed", "bytes", "subscriptions"],
        ),
        TopicsVerb::Tail(args) => tail::tail(&args),
        TopicsVerb::Produce(args) => produce::produce(&args),
        TopicsVerb::Delete {
            place,
            topic,
            force,
            json,
        } => show(&place, Operation::DeleteTopic { topic, force }, json, &["deleted"]),
    }
}

/// Lists, moves or deletes subscriptions.
pub(crate) fn subscriptions(args: Subscriptions) -> Result<(), Failure> {
    const ALL: &[&str] = &["topic", "subscription", "subscription_type", "lag", "consumers"];
    const GAPS: &[&str] = &["topic", "subscription", "partition", "first", "last", "messages"];
    match args.verb {
        SubscriptionsVerb::Ls { place, json } => show(&place, Operation::Subscriptions, json, ALL),
        SubscriptionsVerb::Lag { place, json } => show(
            &place,
            Operation::Subscriptions,
            json,
            &["topic", "subscription", "lag"],
        ),
        SubscriptionsVerb::Seek {
            place,
            topic,
            subscription,
            to,
            json,
        } => {
            let to = position(&to)?;
            let seek = Operation::Seek {
                topic,
                subscription,
                to,
            };
            const MOVED: &[&str] = &["topic", "subscription", "lag", "read_again", "left_out", "consumers"];
            show(&place, seek, json, MOVED)
        }
        SubscriptionsVerb::Gaps { place, json } => show(&place, Operation::Gaps, json, GAPS),
        SubscriptionsVerb::AcknowledgeGaps {
            place,
            topic,
            subscription,
            json,
        } => show(&place, Operation::AcknowledgeGaps { topic, subscription }, json, GAPS),
        SubscriptionsVerb::Delete {
            place,
            topic,
            subscription,
            force,
            json,
        } => {
            let delete = Operation::DeleteSubscription {
                topic,
                subscription,
                force,
            };
            show(&place, delete, json, &["topic", "deleted"])
        }
    }
}

fn show(place: &Path, operation: Operation, json: bool, columns: &[&str]) -> Result<(), Failure> {
    let values = crate::runtime()?.block_on(operations::execute(place, operation))?;
    for warning in values.iter().filter_map(|value| warning(place, value)) {
        eprintln!("warning: {warning}");
    }
    if json {
        println!("{}", Value::Array(values));
    } else {
        print!("{}", table(columns, &values));
    }
    Ok(())
}

/// What an operator should know of a subscription.
fn warning(place: &Path, value: &Value) -> Option<String> {
    let name = |key: &str| value[key].as_str().unwrap_or_default();
    let (topic, subscription) = (name("topic"), name("subscription"));
    if value["unused"] == true {
        let lag = value["lag"].as_u64().unwrap_or_default();
        return Some(unused::warning(place, topic, subscription, lag));
    }
    let gone = value["gone"].as_u64().filter(|gone| *gone > 0)?;
    let oldest = match value["oldest_ms"].as_u64() {
        Some(ms) => {
            let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms);
            format!("the oldest that is kept is of {}", humantime::format_rfc3339_millis(at))
        }
        None => "none is kept".to_owned(),
    };
    Some(format!(
        "{gone} older messages of {topic} are gone and are not read again: {oldest}. `keep_secs` and `keep_bytes` of \
         [retention] say how long messages stay that every subscription has acknowledged"
    ))
}

/// `earliest`, `latest`, a time, or how long ago.
fn position(text: &str) -> Result<Position, Failure> {
    let millis = |time: std::time::SystemTime| {
        let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Position::PublishTimeMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    };
    match text {
        "earliest" => return Ok(Position::Earliest),
        "latest" => return Ok(Position::Latest),
        _ => {}
    }
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        return Ok(millis(time));
    }
    let ago = humantime::parse_duration(text)
        .ok()
        .and_then(|ago| std::time::SystemTime::now().checked_sub(ago));
    ago.map(millis).ok_or_else(|| {
        Failure::usage(format!(
            "--to {text}: write `earliest`, `latest`, a time in UTC such as `2026-11-23T14:00:00Z`, or how long ago, such as \
             `90m`"
        ))
    })
}

/// One line a value, columns as wide as their widest cell.
pub(super) fn table(columns: &[&str], values: &[Value]) -> String {
    let heading: Vec<String> = columns.iter().map(|column| column.replace('_', " ")).collect();
    let rows = values
        .iter()
        .map(|value| columns.iter().map(|column| cell(&value[*column])).collect());
    let lines: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|i| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in lines {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_position_is_a_word_a_time_or_how_long_ago() {
        assert!(matches!(position("earliest"), Ok(Position::Earliest)));
        let at = position("2026-11-23T14:00:00Z");
        assert!(matches!(at, Ok(Position::PublishTimeMs(1_795_442_400_000))), "{at:?}");
        let Ok(Position::PublishTimeMs(ago)) = position("90m") else {
            panic!("how long ago")
        };
        let now = danube_wasm_model::clock::now_ms();
        assert!(
            (now - 5_460_000..=now - 5_400_000 + 1000).contains(&ago),
            "{ago} of {now}"
        );
        assert!(position("yesterday").is_err_and(|e| e.message.contains("90m")));
    }

    #[test]
    fn a_table_is_as_wide_as_its_cells() {
        let rows = [
            json!({"topic": "/a/b", "lag": 3, "consumers": []}),
            json!({"topic": "/a/long", "lag": null}),
        ];
        let text = table(&["topic", "lag", "consumers"], &rows);
        assert_eq!(text, "topic    lag  consumers\n/a/b     3    -\n/a/long  -    -\n");
    }
}
