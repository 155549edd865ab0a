//! `danube-wasm query FILE SURREALQL`: asks a pipeline's database, through the running pipeline if there is one.

use danube_wasm_host::query::{self, NOT_SHOWN, QueryRequest};
use serde_json::Value;

use super::running;
use crate::{args, exit::Failure};

/// Prints the result of each statement.
pub(crate) fn query(args: &args::Query) -> Result<(), Failure> {
    let query = QueryRequest {
        sink: args.sink.clone(),
        statements: args.statements.clone(),
        write: args.write,
    };
    let runtime = crate::runtime()?;
    let values = match danube_wasm_host::read_lazily(&args.file) {
        Ok(loaded) => runtime.block_on(query::execute(&loaded, &query))?,
        Err(mistakes) => {
            let data_dir = running::in_spite_of(mistakes, &args.file)?;
            runtime.block_on(query::execute_in_running(&data_dir, &query))?
        }
    };
    let failed = values.iter().find_map(|value| {
        value
            .get("error")
            .filter(|_| value.as_object().is_some_and(|o| o.len() == 1))
    });
    let printed = if args.json {
        serde_json::to_string(&values)
    } else {
        pretty(&values)
    };
    println!("{}", printed.map_err(Failure::internal)?);
    for row in not_shown(&values) {
        eprintln!("{row}");
    }
    match failed {
        Some(error) => Err(Failure::usage(format!("a statement failed: {error}"))),
        None => Ok(()),
    }
}

/// A line for each row that stands for one that is not shown.
fn not_shown(values: &[Value]) -> impl Iterator<Item = String> {
    let rows = values.iter().flat_map(|value| match value {
        Value::Array(rows) => rows.as_slice(),
        row => std::slice::from_ref(row),
    });
    rows.filter_map(|row| {
        let why = row.get(NOT_SHOWN)?.as_str()?;
        let is_ours = row.as_object()?.keys().all(|key| key == NOT_SHOWN || key == "id");
        let which = row.get("id").and_then(Value::as_str).unwrap_or("a value");
        is_ours.then(|| format!("{which} is not shown: {why}"))
    })
}

/// One result after the other, one row a line.
fn pretty(values: &[Value]) -> Result<String, serde_json::Error> {
    let mut lines = Vec::new();
    for value in values {
        match value {
            Value::Array(rows) => rows
                .iter()
                .try_for_each(|row| serde_json::to_string(row).map(|line| lines.push(line)))?,
            other => lines.push(serde_json::to_string_pretty(other)?),
        }
    }
    Ok(lines.join("\n"))
}
