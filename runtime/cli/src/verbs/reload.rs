//! `danube-wasm reload FILE`: makes a running pipeline read its file again, waits, and says what changed.

use danube_wasm_host::{
    FailureKind,
    control::{self, Request},
};
use serde_json::Value;

use crate::{args, exit::Failure};

/// Prints what became of each connector.
pub(crate) fn reload(args: &args::Reload) -> Result<(), Failure> {
    let loaded = danube_wasm_host::read_lazily(&args.file).map_err(refused)?;
    let asked = control::demand(&loaded.pipeline.data_dir, &Request::Reload);
    let values = crate::runtime()?.block_on(asked).map_err(refused)?;
    if args.json {
        println!("{}", Value::Array(values));
        return Ok(());
    }
    for value in &values {
        println!("{}", line(value));
    }
    Ok(())
}

/// What is wrong in the file, and that it has no consequence.
pub(super) fn refused(failure: danube_wasm_host::Failure) -> Failure {
    match failure.kind {
        FailureKind::Configuration => {
            Failure::configuration(format!("{failure}\nnothing was applied: what runs goes on as it was"))
        }
        _ => failure.into(),
    }
}

pub(super) fn line(value: &Value) -> String {
    let text = |key: &str| value[key].as_str();
    let subject = text("connector").map(str::to_owned);
    let subject = subject.or_else(|| text("setting").map(|setting| format!("`{setting}`")));
    let mut line = format!("{} {}", subject.unwrap_or_default(), text("change").unwrap_or_default());
    if let Some(what) = text("what") {
        line.push_str(&format!(" (its {what})"));
    }
    if let Some(why) = text("waits_for") {
        line.push_str(&format!(", and waits: {why}"));
    }
    line
}
