//! `danube-wasm query FILE SURREALQL`: asks a pipeline's database, through the running pipeline if there is one.

use danube_wasm_config::{self as config, Loaded, Pipeline};
use danube_wasm_egress_surrealdb::{Connections, NOT_SHOWN, QueryError};
use serde_json::Value;

use crate::{
    args, assemble,
    control::{self, Request, Response},
    exit::Failure,
    settings,
};

/// Prints the result of each statement.
pub(crate) fn query(args: &args::Query) -> Result<(), Failure> {
    let loaded = assemble::read_lazily(&args.file)?;
    let values = crate::runtime()?.block_on(ask(&loaded, args))?;
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

/// The running pipeline has the database open; without one, this process opens it.
async fn ask(loaded: &Loaded, args: &args::Query) -> Result<Vec<Value>, Failure> {
    let pipeline = &loaded.pipeline;
    let request = Request::Query {
        sink: args.sink.clone(),
        statements: args.statements.clone(),
        write: args.write,
    };
    match control::ask(&pipeline.data_dir, &request).await {
        Ok(Some(Response::Values(values))) => Ok(values),
        Ok(Some(Response::Error(message))) => Err(Failure::usage(message)),
        Ok(None) => {
            let sink = choose(pipeline, args.sink.as_deref())?;
            assemble::require_database(loaded, &sink.id)?;
            answer(pipeline, args.sink.as_deref(), &args.statements, args.write).await
        }
        Err(error) => Err(Failure::internal(format!(
            "the running pipeline did not answer: {error}"
        ))),
    }
}

/// Asks the database of a sink from within this process.
pub(crate) async fn answer(
    pipeline: &Pipeline,
    sink: Option<&str>,
    statements: &str,
    write: bool,
) -> Result<Vec<Value>, Failure> {
    let sink = choose(pipeline, sink)?;
    if let config::SurrealUrl::SurrealKv(dir) = &sink.surrealdb.url
        && !dir.exists()
    {
        return Err(Failure::usage(format!(
            "{} is not there yet: run the pipeline first",
            dir.display()
        )));
    }
    let egress = Connections::shared().egress(settings::surreal_options(sink)?);
    let tell = |sentence| eprintln!("{sentence}");
    egress.ready_or_tell(tell).await.map_err(Failure::internal)?;
    let answer = egress.query(statements, write).await.map_err(|error| match error {
        QueryError::Unavailable(_) => Failure::internal(error),
        QueryError::Syntax(_) | QueryError::ReadOnly { .. } => Failure::usage(error),
    });
    let closed = egress.close().await;
    let values = answer?;
    closed.map_err(Failure::internal)?;
    Ok(values)
}

fn choose<'a>(pipeline: &'a Pipeline, name: Option<&str>) -> Result<&'a config::Sink, Failure> {
    let names = || {
        pipeline
            .sinks
            .iter()
            .map(|sink| sink.id.connector())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (name, pipeline.sinks.as_slice()) {
        (Some(name), _) => pipeline
            .sink(name)
            .ok_or_else(|| Failure::usage(format!("there is no sink `{name}`; there are: {}", names()))),
        (None, [only]) => Ok(only),
        (None, []) => Err(Failure::usage("the pipeline has no sink, so it has no database")),
        (None, _) => Err(Failure::usage(format!(
            "the pipeline has several sinks: add --sink with one of {}",
            names()
        ))),
    }
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
