//! `danube-wasm status FILE`: what each connector of a running pipeline does.

use danube_wasm_host::control::{self, Request};
use serde_json::Value;

use super::{
    running,
    table::{bytes, rate, table},
};
use crate::{args, exit::Failure};

/// Prints a row for each connector, and why it does not run as it should.
pub(crate) fn status(args: &args::Status) -> Result<(), Failure> {
    let data_dir = running::data_dir(&args.file)?;
    let asked = control::demand(&data_dir, &Request::Status);
    let values = crate::runtime()?.block_on(asked)?;
    if args.json {
        println!("{}", Value::Array(values));
        return Ok(());
    }
    let rows: Vec<_> = values.iter().map(row).collect();
    const HEADS: &[&str] = &[
        "connector",
        "state",
        "in/s",
        "done/s",
        "in flight",
        "lag",
        "failed",
        "dead letters",
        "guest",
        "memory",
        "component",
    ];
    print!("{}", table(HEADS, &rows));
    for value in values.iter().filter(|value| value["reason"].is_string()) {
        println!(
            "{} is {}: {}",
            text(value, "connector"),
            text(value, "state"),
            text(value, "reason")
        );
    }
    Ok(())
}

fn row(value: &Value) -> Vec<String> {
    let number = |key: &str| value[key].as_f64();
    let component = &value["component"];
    let digest: String = text(component, "sha256").chars().take(12).collect();
    vec![
        text(value, "connector").to_owned(),
        text(value, "state").to_owned(),
        rate(number("received_per_sec")),
        rate(number("processed_per_sec")),
        whole(number("in_flight")),
        whole(number("lag")),
        whole(number("failed")),
        whole(number("dead_letters")),
        format!("{:.0}%", number("guest_seconds_per_sec").unwrap_or_default() * 100.0),
        bytes(component["memory_bytes_peak"].as_u64()),
        format!("{} {digest}", text(component, "name")),
    ]
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn whole(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.0}"))
}
