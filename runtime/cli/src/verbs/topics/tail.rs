//! `danube-wasm topics tail WHERE TOPIC`: the messages of a topic as they come.

use std::time::{Duration, UNIX_EPOCH};

use danube_wasm_host::{
    control::{Items, Request},
    tail::TailRequest,
};
use serde_json::Value;

use crate::{
    args,
    exit::Failure,
    verbs::{running, tap::print},
};

/// Prints messages until the limit, the end of the process that has the topic, or the end of whoever reads.
pub(crate) fn tail(args: &args::Tail) -> Result<(), Failure> {
    let data_dir = match args.place.is_dir() {
        true => args.place.clone(),
        false => running::data_dir(&args.place)?,
    };
    let request = Request::Tail(TailRequest {
        topic: args.topic.clone(),
        from_earliest: args.from == args::TailFrom::Earliest,
        limit: args.limit,
    });
    crate::runtime()?.block_on(async {
        let mut items = Items::of(&data_dir, &request).await?;
        while let Some(value) = items.next().await? {
            if let Some(error) = value["error"].as_str() {
                return Err(Failure::usage(error));
            }
            let text = if args.json { value.to_string() } else { line(&value) };
            if !print(&text) {
                break;
            }
        }
        Ok(())
    })
}

fn line(value: &Value) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(value["publish_time_ms"].as_u64().unwrap_or_default());
    let at = humantime::format_rfc3339_millis(at);
    let place = format!("{}@{}", value["partition"], value["offset"]);
    let key = match &value["key"] {
        Value::Null => String::new(),
        Value::String(key) => format!(" {key}"),
        key => format!(" {key}"),
    };
    format!("{at} {place}{key} {}", value["payload"])
}
