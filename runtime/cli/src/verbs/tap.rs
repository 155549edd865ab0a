//! `danube-wasm tap FILE [CONNECTOR]`: records before and after a component, as they pass.

pub(super) mod diff;

use std::io::Write;

use danube_wasm_host::{
    control::{Items, Request},
    tap::TapRequest,
};
use serde_json::{Value, json};

use super::running;
use crate::{args, exit::Failure};

/// Prints records until the limit, the end of the pipeline, or the end of whoever reads.
pub(crate) fn tap(args: &args::Tap) -> Result<(), Failure> {
    let data_dir = running::data_dir(&args.file)?;
    let request = Request::Tap(TapRequest {
        connector: args.connector.clone(),
        sample: args.sample,
        limit: args.limit,
    });
    crate::runtime()?.block_on(async {
        let mut items = Items::of(&data_dir, &request).await?;
        let mut left = args.limit.unwrap_or(u64::MAX);
        while left > 0 {
            let Some(value) = items.next().await? else {
                eprintln!("the pipeline has ended");
                break;
            };
            if let Some(dropped) = value["dropped"].as_u64() {
                eprintln!("{dropped} records passed that are not shown: too many at once. --sample N shows one in N");
                continue;
            }
            left -= 1;
            if !print(&text(args, value)) {
                break;
            }
        }
        Ok(())
    })
}

/// Whether somebody reads it.
pub(super) fn print(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

fn text(args: &args::Tap, mut value: Value) -> String {
    let sides: Vec<Value> = value["after"].as_array().cloned().unwrap_or_default();
    let diffs: Vec<_> = sides
        .iter()
        .map(|after| diff::diff(&value["before"]["payload"], &after["payload"]))
        .collect();
    if args.json {
        if args.diff {
            value["diff"] = json!(diffs);
        }
        return value.to_string();
    }
    let before = &value["before"];
    let mut lines = vec![format!("{} {}", string(&value, "connector"), place(before))];
    if !args.diff {
        lines.push(format!("  before {}", before["payload"]));
    }
    for (after, diff) in sides.iter().zip(diffs) {
        match args.diff {
            false => lines.push(format!("  after  {} {}", place(after), after["payload"])),
            true => {
                lines.push(format!("  → {}", place(after)));
                lines.extend(diff.into_iter().map(|line| format!("    {line}")));
            }
        }
    }
    match value["error"].as_str() {
        Some(error) => lines.push(format!("  {error}")),
        None if sides.is_empty() => lines.push("  nothing was made of it".to_owned()),
        None => {}
    }
    if let Some(more) = value["more"].as_u64() {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

/// Where a record came from or went: its endpoint, topic or target, its operation and its id.
pub(super) fn place(side: &Value) -> String {
    let names = ["endpoint", "topic", "target"];
    let name = names.iter().find_map(|name| side[name].as_str()).unwrap_or_default();
    let more = ["operation", "id"].iter().filter_map(|name| side[name].as_str());
    more.fold(name.to_owned(), |text, word| format!("{text} {word}"))
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
