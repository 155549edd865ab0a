//! A pipeline from its first start to its stop: starts, reloads, the end.

use std::{future::pending, net::SocketAddr, path::PathBuf, pin::Pin, sync::Arc};

use danube_wasm_config::{Loaded, Pipeline};
use danube_wasm_host::{PipelineHost, control::ReloadRequest};
use danube_wasm_pipeline::supervisor::Applied;
use danube_wasm_telemetry::{Health, Metrics};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::dev::Dev;
use crate::{
    exit::Failure,
    signals::{Request, Signals},
    terminal::{self, Live},
};

/// A pipeline from its first start to its stop.
pub(super) struct Life<'a> {
    pub(super) files: &'a [PathBuf],
    /// Tells of changed files, where that was asked for.
    pub(super) dev: Option<Mutex<Dev>>,
    pub(super) first: &'a Pipeline,
    pub(super) host: &'a PipelineHost,
    pub(super) admin: SocketAddr,
    /// Where a person watches.
    pub(super) watched: Option<(Arc<Metrics>, Health)>,
}

type HostFailure = danube_wasm_host::Failure;

/// A change that is under way.
struct Change<'a> {
    done: Pin<Box<dyn Future<Output = Result<Applied, HostFailure>> + Send + 'a>>,
    /// Of a reload: what it is compared with, and who asked for it.
    reload: Option<Reload>,
}

struct Reload {
    before: Arc<Pipeline>,
    after: Pipeline,
    needs_restart: Vec<&'static str>,
    asked: Option<Reply>,
}

type Reply = oneshot::Sender<Result<Vec<Value>, HostFailure>>;

impl<'a> Life<'a> {
    /// Starts everything; reloads at SIGHUP and when it is asked to, also while something starts; returns at SIGTERM or
    /// SIGINT, or when the first start is refused.
    pub(super) async fn until_stopped(&self, signals: &mut Signals) -> Result<(), Failure> {
        let mut reloads = self.host.reload_requests();
        let mut change = Some(Change {
            done: self.apply(self.first.clone()),
            reload: None,
        });
        let mut live = None;
        let mut is_running = false;
        loop {
            tokio::select! {
                request = signals.next() => match request {
                    Request::Stop if !is_running => {
                        tracing::info!("told to stop before everything had started");
                        break;
                    }
                    Request::Stop => break,
                    // What is under way goes on without being waited for, or is replaced.
                    Request::Reload => change = self.reload(None).await.or(change),
                },
                () = self.file_changed(), if is_running => {
                    tracing::info!("a file has changed: applying it");
                    change = self.reload(None).await.or(change);
                }
                asked = next(&mut reloads) => change = self.reload(Some(asked.answer)).await.or(change),
                changed = finished(&mut change) => {
                    let reload = change.take().and_then(|change| change.reload);
                    match changed {
                        Ok(applied) if is_running => tell(&applied, reload),
                        Ok(applied) => {
                            is_running = true;
                            live = self.announce(&applied);
                            tell_asker(reload, Ok(applied));
                        }
                        Err(failure) if is_running => {
                            tracing::error!("the file was not applied as a whole:\n{failure}");
                            tell_asker(reload, Err(failure));
                        }
                        Err(failure) => return Err(failure.into()),
                    }
                }
            }
        }
        drop(live);
        Ok(())
    }

    /// When a file has changed that is watched.
    async fn file_changed(&self) {
        match &self.dev {
            Some(dev) => dev.lock().await.changed().await,
            None => pending().await,
        }
    }

    fn apply(&self, pipeline: Pipeline) -> Pin<Box<dyn Future<Output = Result<Applied, HostFailure>> + Send + 'a>> {
        let host = self.host;
        Box::pin(async move { host.apply(pipeline).await })
    }

    /// Reads the file again. A file with a mistake changes nothing.
    async fn reload(&self, asked: Option<Reply>) -> Option<Change<'a>> {
        let Loaded { pipeline, .. } = match danube_wasm_host::read(self.files) {
            Ok(loaded) => loaded,
            Err(errors) => {
                tracing::error!("the file was not applied, everything goes on as it was:\n{errors}");
                if let Some(asked) = asked {
                    let _ = asked.send(Err(HostFailure::configuration(errors)));
                }
                return None;
            }
        };
        let needs_restart = self.host.needs_restart(&pipeline);
        for setting in &needs_restart {
            tracing::warn!(setting, "this changed in the file, and needs a restart");
        }
        self.host.reload_files().await;
        Some(Change {
            done: self.apply(pipeline.clone()),
            reload: Some(Reload {
                before: self.host.pipeline(),
                after: pipeline,
                needs_restart,
                asked,
            }),
        })
    }

    /// Says that it runs, and where everything is.
    fn announce(&self, applied: &Applied) -> Option<Live> {
        if self.watched.is_some() {
            terminal::announce(self.first, self.host, self.admin);
        }
        let connectors = self.host.pipeline().connectors().count();
        tracing::info!(pipeline = %self.first.name, connectors, waiting = applied.waiting.len(), admin = %self.admin, "running");
        let (metrics, health) = self.watched.clone()?;
        Live::start(metrics, self.host.broker().clone(), health)
    }
}

/// The next request to reload; never, if nobody can ask.
async fn next(reloads: &mut Option<mpsc::Receiver<ReloadRequest>>) -> ReloadRequest {
    let request = match reloads {
        Some(reloads) => reloads.recv().await,
        None => None,
    };
    match request {
        Some(request) => request,
        None => pending().await,
    }
}

/// When the change that is under way is done; never, if there is none.
async fn finished(change: &mut Option<Change<'_>>) -> Result<Applied, HostFailure> {
    match change {
        Some(change) => (&mut change.done).await,
        None => pending().await,
    }
}

/// How a reload went, to the log and to whoever asked for it.
fn tell(applied: &Applied, reload: Option<Reload>) {
    tracing::info!(
        started = applied.started.len(),
        changed = applied.changed.len(),
        stopped = applied.stopped.len(),
        unchanged = applied.unchanged.len(),
        waiting = applied.waiting.len(),
        "the file was applied again"
    );
    tell_asker(reload, Ok(applied.clone()));
}

fn tell_asker(reload: Option<Reload>, result: Result<Applied, HostFailure>) {
    let Some(mut reload) = reload else { return };
    if let Some(asked) = reload.asked.take() {
        // Whoever asked may have gone.
        let _ = asked.send(result.map(|applied| report(&reload, &applied)));
    }
}

/// A value for each connector, and for each setting that needs a restart.
fn report(reload: &Reload, applied: &Applied) -> Vec<Value> {
    let tables = reload.before.difference(&reload.after).changed;
    let mut values = Vec::new();
    let lists = [
        ("started", &applied.started),
        ("changed", &applied.changed),
        ("stopped", &applied.stopped),
        ("unchanged", &applied.unchanged),
    ];
    for (change, ids) in lists {
        for id in ids {
            let mut value = json!({ "connector": id.as_str(), "change": change });
            if change == "changed" {
                // What the files of components have is no part of a table.
                let what = if tables.contains(id) {
                    "configuration"
                } else {
                    "component"
                };
                value["what"] = json!(what);
            }
            if let Some((_, why)) = applied.waiting.iter().find(|(waiting, _)| waiting == id) {
                value["waits_for"] = json!(why);
            }
            values.push(value);
        }
    }
    let settings = reload.needs_restart.iter();
    values.extend(settings.map(|setting| json!({ "setting": setting, "change": "needs a restart" })));
    values
}
