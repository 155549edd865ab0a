//! Questions to the database of a sink, through the running pipeline if there is one.

use danube_wasm_config::{self as config, Loaded, Pipeline};
use danube_wasm_egress_surrealdb::{Connections, QueryError};
use serde_json::Value;

use crate::{
    Failure, assemble,
    control::{self, Request, Response},
    settings,
};

pub use danube_wasm_egress_surrealdb::NOT_SHOWN;

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    /// Name of the sink whose database is asked; the only one if there is one.
    pub sink: Option<String>,
    /// Statements in the database's language.
    pub statements: String,
    /// Whether they may change anything.
    pub write: bool,
}

/// Asks the running pipeline, which has the database open; without one, this process opens it. One value for each statement.
pub async fn ask(loaded: &Loaded, question: &Question) -> Result<Vec<Value>, Failure> {
    let pipeline = &loaded.pipeline;
    let request = Request::Query {
        sink: question.sink.clone(),
        statements: question.statements.clone(),
        write: question.write,
    };
    match control::ask(&pipeline.data_dir, &request).await {
        Ok(Some(Response::Values(values))) => Ok(values),
        Ok(Some(Response::Error(message))) => Err(Failure::usage(message)),
        Ok(None) => {
            let sink = choose(pipeline, question.sink.as_deref())?;
            assemble::require_database(loaded, &sink.id)?;
            answer(pipeline, question.sink.as_deref(), &question.statements, question.write).await
        }
        Err(error) => Err(Failure::internal(format!(
            "the running pipeline did not answer: {error}"
        ))),
    }
}

/// Asks the database of a sink from within this process.
pub async fn answer(
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
