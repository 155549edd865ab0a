//! Queries of a sink's database, through the running pipeline if there is one.

use std::{path::Path, sync::Arc};

use danube_wasm_config::{self as config, Loaded, Pipeline};
use danube_wasm_connector::{Context, Notices, StartError, States};
pub use danube_wasm_model::door::NOT_SHOWN;
use danube_wasm_model::door::QueryError;
use danube_wasm_telemetry::{Metrics, Tracing};
use serde_json::Value;

use crate::{
    Failure, assemble,
    control::{self, Request},
};

/// A query.
#[derive(Debug, Clone)]
pub struct QueryRequest {
    /// Name of the sink; may be omitted if there is only one.
    pub sink: Option<String>,
    /// Statements in the database's language.
    pub statements: String,
    /// Whether they may change data.
    pub write: bool,
}

impl QueryRequest {
    fn request(&self) -> Request {
        let Self {
            sink,
            statements,
            write,
        } = self.clone();
        Request::Query {
            sink,
            statements,
            write,
        }
    }
}

/// What is needed to open a sink for a query.
pub(crate) struct QueryServices {
    pub(crate) states: Arc<States>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tracing: Tracing,
}

/// Runs a query in the running pipeline, which has the database open; if none runs, opens the database here. Returns
/// one value for each statement.
pub async fn execute(loaded: &Loaded, query: &QueryRequest) -> Result<Vec<Value>, Failure> {
    let pipeline = &loaded.pipeline;
    match control::ask(&pipeline.data_dir, &query.request()).await {
        Ok(Some(response)) => response.into_values(),
        Ok(None) => {
            let sink = select_sink(pipeline, query.sink.as_deref())?;
            assemble::require_database(loaded, &sink.id)?;
            let metrics = Metrics::new().map_err(Failure::internal)?;
            let services = QueryServices {
                states: Arc::default(),
                tracing: Tracing::new(None, &metrics).map_err(Failure::internal)?,
                metrics,
            };
            let notices = Notices::new(|sentence| eprintln!("{sentence}"));
            execute_here(pipeline, query, &services, notices).await
        }
        Err(error) => Err(Failure::internal(format!(
            "the running pipeline did not answer: {error}"
        ))),
    }
}

/// Runs a query in the pipeline that runs on `data_dir`.
pub async fn execute_in_running(data_dir: &Path, query: &QueryRequest) -> Result<Vec<Value>, Failure> {
    control::demand(data_dir, &query.request()).await
}

/// Opens a sink's database in this process and runs a query.
pub(crate) async fn execute_here(
    pipeline: &Pipeline,
    query: &QueryRequest,
    services: &QueryServices,
    notices: Notices,
) -> Result<Vec<Value>, Failure> {
    let sink = select_sink(pipeline, query.sink.as_deref())?;
    let context = Context {
        id: sink.id.clone(),
        consumer: sink.id.to_string(),
        shared: services.states.clone(),
        metrics: services.metrics.clone(),
        tracing: services.tracing.clone(),
        notices,
        may_create: false,
    };
    let egress = sink.connector.open(context).await.map_err(|error| match error {
        // The database exists once the pipeline has run.
        StartError::Transient(why) => Failure::usage(why),
        StartError::Permanent(why) => Failure::internal(why),
    })?;
    let answer = match egress.queryable() {
        None => Err(Failure::usage(format!(
            "sink `{}` writes to {}, which cannot be asked",
            sink.id.connector(),
            sink.connector.target()
        ))),
        Some(target) => target
            .run_query(&query.statements, query.write)
            .await
            .map_err(|error| match error {
                QueryError::Unavailable(_) => Failure::internal(error),
                QueryError::Syntax(_) | QueryError::ReadOnly { .. } => Failure::usage(error),
            }),
    };
    let closed = egress.close().await;
    let values = answer?;
    closed.map_err(Failure::internal)?;
    Ok(values)
}

fn select_sink<'a>(pipeline: &'a Pipeline, name: Option<&str>) -> Result<&'a config::Sink, Failure> {
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
