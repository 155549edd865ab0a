//! `danube-wasm shadow FILE CONNECTOR --component NEW.wasm`: a candidate beside a connector's component, on the same batches.

mod promotion;

use danube_wasm_host::{
    control::{Items, Request},
    shadow::ShadowRequest,
};
use serde_json::{Value, json};

use self::promotion::Promotion;
use super::tap::{diff::diff, place, print};
use crate::{args, exit::Failure};

/// Prints differences until the end, then the counts; puts the candidate in place if it was asked to and nothing differed.
pub(crate) fn shadow(args: &args::Shadow) -> Result<(), Failure> {
    let loaded = danube_wasm_host::read_lazily(&args.file)?;
    // What could not be promoted is said before anything is compared.
    let promotion = args
        .promote
        .then(|| Promotion::of(args, &loaded.pipeline))
        .transpose()?;
    let component = std::path::absolute(&args.component).map_err(Failure::internal)?;
    let request = Request::Shadow(ShadowRequest {
        connector: args.connector.clone(),
        component,
        inputs_max: args.limit,
        ms_max: args.secs.map(|secs| secs.saturating_mul(1_000)),
    });
    let runtime = crate::runtime()?;
    let counts = runtime.block_on(watch(args, &loaded.pipeline.data_dir, &request))?;
    say(args, &counts);
    let count = |key: &str| counts[key].as_u64().unwrap_or_default();
    let (inputs, different) = (count("inputs"), count("different"));
    let kept = promotion.as_ref().map_or("", |_| "; the candidate was discarded");
    if different > 0 {
        let why = format!("{different} of {inputs} inputs came out differently{kept}");
        return Err(Failure::still_fails(why));
    }
    if inputs == 0 {
        let why = format!("no input passed, so nothing is known of the candidate{kept}");
        return Err(Failure::still_fails(why));
    }
    match promotion {
        Some(promotion) => runtime.block_on(promotion.perform(args, &loaded.pipeline.data_dir)),
        None => Ok(()),
    }
}

/// Prints differences; returns the last counts.
async fn watch(args: &args::Shadow, data_dir: &std::path::Path, request: &Request) -> Result<Value, Failure> {
    let mut items = Items::of(data_dir, request).await?;
    let mut counts = Value::Null;
    loop {
        let item = tokio::select! {
            item = items.next() => item?,
            // Its user has seen enough: what was compared until then counts.
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(mut item) = item else { return Ok(counts) };
        if item["counts"].is_object() {
            counts = item["counts"].take();
            continue;
        }
        let difference = item["difference"].take();
        let text = match args.json {
            true => difference.to_string(),
            false => text(&difference),
        };
        if !print(&text) {
            return Ok(counts);
        }
    }
}

/// Where the input came from, then both outcomes.
fn text(difference: &Value) -> String {
    let connector = difference["connector"].as_str().unwrap_or_default();
    let mut lines = vec![format!("{connector} {}", place(&difference["before"]))];
    let (running, candidate) = (&difference["running"], &difference["candidate"]);
    let outputs = |side: &Value| side["after"].as_array().cloned().unwrap_or_default();
    let (old, new) = (outputs(running), outputs(candidate));
    for at in 0..old.len().max(new.len()) {
        match (old.get(at), new.get(at)) {
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) => {
                let (before, after) = (place(old), place(new));
                lines.push(match before == after {
                    true => format!("  ~ {before}"),
                    false => format!("  ~ {before} → {after}"),
                });
                lines.extend(other_parts(old, new).into_iter().map(|line| format!("      {line}")));
            }
            (Some(old), None) => lines.push(format!("  - {} {}", place(old), old["payload"])),
            (None, Some(new)) => lines.push(format!("  + {} {}", place(new), new["payload"])),
            (None, None) => {}
        }
    }
    for (name, side) in [("running", running), ("candidate", candidate)] {
        if let Some(error) = side["error"].as_str() {
            lines.push(format!("  {name}: {error}"));
        }
        for frame in side["backtrace"].as_array().into_iter().flatten() {
            lines.push(format!("    at {}", frame.as_str().unwrap_or_default()));
        }
    }
    lines.join("\n")
}

/// What two outputs of one place differ in: their payloads, then their keys and attributes.
fn other_parts(old: &Value, new: &Value) -> Vec<String> {
    let mut lines = match old["payload"] == new["payload"] {
        true => Vec::new(),
        false => diff(&old["payload"], &new["payload"]),
    };
    for part in ["key", "attributes", "headers"] {
        if old[part] != new[part] {
            let [old, new] = [old, new].map(|side| json!({ part: side[part] }));
            lines.extend(diff(&old, &new));
        }
    }
    lines
}

fn say(args: &args::Shadow, counts: &Value) {
    if args.json {
        print(&json!({ "counts": counts }).to_string());
        return;
    }
    let count = |key: &str| counts[key].as_u64().unwrap_or_default();
    let calls = count("calls").max(1);
    println!(
        "{} inputs in {} calls: {} different, {} calls failed, {} calls missed; {} µs a call where the running component takes {}",
        count("inputs"),
        count("calls"),
        count("different"),
        count("failed_calls"),
        count("missed_calls"),
        count("candidate_us") / calls,
        count("running_us") / calls,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_both_made_of_the_input() {
        let difference = json!({
            "connector": "shop/webhook",
            "before": {"endpoint": "/orders", "id": "e1", "payload": {"n": 1}},
            "running": {"after": [
                {"topic": "/shop/lines", "id": "e1:0", "payload": {"n": 1, "price": 2}},
                {"topic": "/shop/lines", "id": "e1:1", "payload": {"n": 2}},
            ], "error": null},
            "candidate": {"after": [
                {"topic": "/shop/lines", "id": "e1:0", "key": "k", "payload": {"n": 1, "price": 3}},
            ], "error": null},
        });
        let expected = "shop/webhook /orders e1\n  ~ /shop/lines e1:0\n      ~ /price 2 → 3\n      ~ /key null → \"k\"\n  - /shop/lines e1:1 {\"n\":2}";
        assert_eq!(text(&difference), expected);
    }

    #[test]
    fn a_trap_of_the_candidate_shows_its_functions() {
        let difference = json!({
            "connector": "p/c", "before": {"topic": "/n/t"},
            "running": {"after": [{"target": "t", "payload": 1}], "error": null},
            "candidate": {"after": [], "error": "the component trapped: boom", "backtrace": ["total (src/lib.rs:7:9)"]},
        });
        let expected = "p/c /n/t\n  - t 1\n  candidate: the component trapped: boom\n    at total (src/lib.rs:7:9)";
        assert_eq!(text(&difference), expected);
    }
}
