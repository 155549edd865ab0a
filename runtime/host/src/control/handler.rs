//! Handles the requests to a running pipeline.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_config::Pipeline;
use danube_wasm_connector::Notices;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Answer, Handler, ReloadRequest, Request, pausing};
use crate::{
    Failure,
    launcher::ConnectorLauncher,
    operations, produce,
    query::{self, QueryRequest, QueryServices},
    shadow::{self, ShadowRequest},
    status, tail,
    tap::TapRequest,
};

/// Handles requests to the running pipeline.
pub(crate) struct ControlHandler {
    pub(crate) pipeline: watch::Receiver<Arc<Pipeline>>,
    pub(crate) launcher: ConnectorLauncher,
    /// To whoever reads the pipeline's files.
    pub(crate) reloads: mpsc::Sender<ReloadRequest>,
}

#[async_trait]
impl Handler for ControlHandler {
    async fn handle(&self, request: Request) -> Answer {
        let services = self.launcher.services();
        let begun = match request {
            Request::Tap(request) => self.tap(&request),
            Request::Shadow(request) => self.shadow(&request).await,
            Request::Tail(request) => tail::begin(services.brokers.main(), &request).await,
            request => return Answer::Once(self.answer(request).await),
        };
        match begun {
            Ok(values) => Answer::Stream(values),
            Err(failure) => Answer::Once(Err(failure)),
        }
    }
}

impl ControlHandler {
    async fn answer(&self, request: Request) -> Result<Vec<Value>, Failure> {
        let services = self.launcher.services();
        let pipeline = self.pipeline.borrow().clone();
        match request {
            Request::Query {
                sink,
                statements,
                write,
            } => {
                let notices = Notices::new(|sentence| tracing::warn!("{sentence}"));
                let query = QueryRequest {
                    sink,
                    statements,
                    write,
                };
                let with = QueryServices {
                    states: services.states.clone(),
                    metrics: services.metrics.clone(),
                    tracing: services.tracing.clone(),
                };
                query::execute_here(&pipeline, &query, &with, notices).await
            }
            Request::Operate(operation) => operations::perform(&**services.brokers.main(), &operation).await,
            Request::DeadLetters(request) => services.dead_letters.execute(&request).await,
            Request::Status => Ok(status::values(services, &pipeline).await),
            Request::Pause { connector, paused } => pausing::set_paused(services, &pipeline, &connector, paused).await,
            Request::Reload => self.reload().await,
            Request::Produce(request) => produce::publish(services, &pipeline, request).await,
            Request::Tap(_) | Request::Shadow(_) | Request::Tail(_) => Err(Failure::internal("its answer goes on")),
        }
    }

    fn tap(&self, request: &TapRequest) -> Result<mpsc::Receiver<Value>, Failure> {
        let pipeline = self.pipeline.borrow().clone();
        let connector = request.connector.as_deref();
        let connector = connector.map(|name| pausing::find(&pipeline, name)).transpose()?;
        self.launcher.services().taps.attach(connector, request)
    }

    async fn shadow(&self, request: &ShadowRequest) -> Result<mpsc::Receiver<Value>, Failure> {
        let services = self.launcher.services();
        let pipeline = self.pipeline.borrow().clone();
        let id = pausing::find(&pipeline, &request.connector)?;
        let candidate = shadow::load(services, &pipeline, &id, &request.component).await?;
        services.shadows.attach(candidate, request)
    }

    async fn reload(&self) -> Result<Vec<Value>, Failure> {
        let (answer, answered) = oneshot::channel();
        let nobody = || Failure::usage("this process does not read its pipeline from a file: it cannot be reloaded");
        let sent = self.reloads.send(ReloadRequest { answer }).await;
        sent.map_err(|_| nobody())?;
        answered.await.unwrap_or_else(|_| {
            Err(Failure::internal(
                "another reload, or the end of the process, came in between: ask again",
            ))
        })
    }
}
