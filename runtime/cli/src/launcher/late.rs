//! A connector that waits for the broker beside others that do without it: it counts as started, says that it is not, and
//! becomes what it should be when it can.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::{Status, status::StatusCell, supervisor::Running};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use super::{
    Workshop,
    insist::{Obstacle, insist, named},
};
use crate::exit::Failure;

/// Starts a connector now, or later if what is in the way will pass.
pub(super) async fn start<F>(
    workshop: &Workshop,
    id: &ConnectorId,
    start: impl Fn() -> F + Send + Sync + 'static,
) -> Result<Arc<dyn Running>, Failure>
where
    F: Future<Output = Result<Arc<dyn Running>, Obstacle>> + Send + 'static,
{
    match start().await {
        Ok(started) => Ok(started),
        Err(Obstacle::Lasting(failure)) => Err(named(id, failure)),
        Err(Obstacle::Passing(why)) => {
            tracing::warn!(connector = %id, %why, "not started yet; the others go on, and this one follows");
            let status = StatusCell::default();
            status.follow(&Status::Down(why));
            workshop.watch(id, status.subscribe());
            let started = Arc::<OnceLock<Arc<dyn Running>>>::default();
            let following = Following {
                id: id.clone(),
                status: status.clone(),
                started: started.clone(),
            };
            let workshop = workshop.clone();
            Ok(Arc::new(Late {
                status,
                started,
                starting: tokio::spawn(async move {
                    let insisted = insist(&following.id, &workshop.tools().health, start).await;
                    following.follow(insisted).await;
                }),
            }))
        }
    }
}

struct Late {
    status: StatusCell,
    started: Arc<OnceLock<Arc<dyn Running>>>,
    starting: JoinHandle<()>,
}

#[async_trait]
impl Running for Late {
    fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    async fn drain(&self, deadline: Instant) {
        self.starting.abort();
        if let Some(started) = self.started.get() {
            started.drain(deadline).await;
        }
        self.status.stopped();
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        self.starting.abort();
    }
}

/// Makes the connector's status that of the one that was started.
struct Following {
    id: ConnectorId,
    status: StatusCell,
    started: Arc<OnceLock<Arc<dyn Running>>>,
}

impl Following {
    async fn follow(self, insisted: Result<Arc<dyn Running>, Failure>) {
        let started = match insisted {
            Ok(started) => started,
            Err(failure) => {
                tracing::error!(connector = %self.id, why = %failure.message, "it cannot start: correct what is wrong, and apply the file again or restart");
                return self.status.failed(failure.message);
            }
        };
        let mut status = started.status();
        let _ = self.started.set(started);
        loop {
            self.status.follow(&status.borrow_and_update());
            if status.changed().await.is_err() {
                return;
            }
        }
    }
}
