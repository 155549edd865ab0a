//! Confirms schemas that a connector was started with while the registry was unavailable: warns, and asks the registry
//! until it answers.
//!
//! The connector is ready meanwhile, because it enforces what the registry returned earlier. A newer version that
//! another process has registered since then affects it no more than if it had been running all the time.

use std::{sync::Arc, time::Duration};

use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::BackoffPolicy;
use danube_wasm_schema::{Confirmation, Recalled, SchemaError, Schemas};
use danube_wasm_telemetry::{Health, HealthHandle, health::State};
use tokio::task::JoinSet;

use super::ConnectorLauncher;

/// Longest wait between two requests.
const WAIT_MAX: Duration = Duration::from_secs(5);

impl ConnectorLauncher {
    /// Asks the registry about all schemas until it has answered, or until the returned tasks are dropped.
    pub(super) fn confirm(&self, id: &ConnectorId, schemas: Arc<Schemas>, recalled: Vec<Recalled>) -> JoinSet<()> {
        let mut confirming = JoinSet::new();
        for recalled in recalled {
            tracing::warn!(
                connector = %id, topic = %recalled.topic(), subject = recalled.subject(), version = recalled.version(),
                why = recalled.why(), "the registry is out of reach: the schema is used as it was last seen"
            );
            let (id, schemas, health) = (id.clone(), schemas.clone(), self.services().health.clone());
            confirming.spawn(async move {
                let answer = ask_until_answered(&schemas, &recalled).await;
                if let Some(part) = report(&id, &recalled, answer, &health) {
                    // Keeps the entry in health until the connector stops.
                    std::future::pending::<()>().await;
                    drop(part);
                }
            });
        }
        confirming
    }
}

async fn ask_until_answered(schemas: &Schemas, recalled: &Recalled) -> Result<Confirmation, SchemaError> {
    let mut backoff = BackoffPolicy::default().up_to(WAIT_MAX).start();
    loop {
        match schemas.confirm(recalled).await {
            Err(error) if error.is_transient() => {
                tracing::debug!(topic = %recalled.topic(), %error, "the registry is still out of reach");
                tokio::time::sleep(backoff.next(None)).await;
            }
            answer => return answer,
        }
    }
}

/// Logs the result. A result that makes the connector's records unreadable is shown in health.
fn report(
    id: &ConnectorId,
    recalled: &Recalled,
    answer: Result<Confirmation, SchemaError>,
    health: &Health,
) -> Option<HealthHandle> {
    let (topic, subject, version) = (recalled.topic(), recalled.subject(), recalled.version());
    match answer {
        Ok(Confirmation::Same) => {
            tracing::info!(connector = %id, %topic, subject, version, "the registry is back, and has the schema as it was last seen");
            None
        }
        Ok(Confirmation::Moved(now)) => {
            tracing::warn!(connector = %id, %topic, subject, version, now = now.version, "the registry is back, and what is declared means another version now: restart the connector to use it");
            None
        }
        Ok(Confirmation::Replaced(now)) => {
            let why = format!(
                "the registry is back without version {version} of schema `{subject}`, which records of {topic} name: \
                 it was made anew, and the schema is version {} of number {} now. Restart the connector to use that; \
                 consumers cannot tell the schema of what was taken until then",
                now.version, now.id
            );
            tracing::error!(connector = %id, "{why}");
            let part = health.part(format!("{id} (schema of {topic})"));
            part.set(State::Degraded(why));
            Some(part)
        }
        Err(error) => {
            tracing::error!(connector = %id, %topic, subject, version, %error, "the registry is back, and what is declared would be refused now: correct it before the next start");
            None
        }
    }
}
