//! What a pipeline file grants a component, as the sandbox wants it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_grants::{Ceiling, GrantedClient, Grants as FileGrants, SendError, SendErrorKind};
use danube_wasm_model::ConnectorId;
use danube_wasm_sandbox::{Capability, Grants, HttpAccess, HttpLimits, OutgoingHttp, RequestError, RequestErrorKind};
use http::{Request, Response};
use tokio::runtime::Handle;

use crate::Failure;

/// The capabilities of a connector's component.
pub(super) fn capabilities(grants: &FileGrants, fetches: bool) -> Grants {
    let state = match fetches {
        true => Grants::default().and(Capability::State),
        false => Grants::default(),
    };
    match grants.http {
        Some(_) => state.and(Capability::Http),
        None => state,
    }
}

/// The same for `check`, with the hosts.
pub(super) fn shown(grants: &FileGrants, fetches: bool) -> Vec<String> {
    let names = capabilities(grants, fetches);
    let hosts = grants
        .http
        .iter()
        .flat_map(|http| &http.hosts)
        .map(|host| format!("http {host}"));
    let names = names.iter().filter(|capability| *capability != Capability::Http);
    let mut shown: Vec<_> = names
        .map(|capability| format!("{capability:?}").to_lowercase())
        .collect();
    shown.extend(hosts);
    shown
}

/// The way out of a component that is granted hosts, if the operator of the process allows them.
pub(super) fn access(id: &ConnectorId, grants: &FileGrants) -> Result<Option<HttpAccess>, Failure> {
    let Some(grant) = &grants.http else { return Ok(None) };
    let failed = |why: String| Failure::configuration(format!("connector {id}: {why}"));
    ceiling()
        .map_err(failed)?
        .check(grant)
        .map_err(|over| failed(over.to_string()))?;
    let client = GrantedClient::try_new(grant.clone(), Handle::current()).map_err(|error| failed(error.to_string()))?;
    Ok(Some(HttpAccess {
        client: Arc::new(Granted(client)),
        limits: HttpLimits {
            requests_max: grant.requests_max,
            concurrent_max: grant.concurrent_max,
            request_bytes_max: grant.request_bytes_max,
            response_bytes_max: grant.response_bytes_max,
            request_ms_max: u64::try_from(grant.request_timeout.as_millis()).unwrap_or(u64::MAX),
        },
    }))
}

/// The operator's, of this process.
fn ceiling() -> Result<Ceiling, String> {
    let variable = std::env::var(Ceiling::VARIABLE).ok();
    let wrong = |(entry, rule)| format!("the variable {} has `{entry}`: {rule}", Ceiling::VARIABLE);
    Ceiling::parse(variable.as_deref()).map_err(wrong)
}

/// The sandbox's door to the client.
struct Granted(GrantedClient);

#[async_trait]
impl OutgoingHttp for Granted {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, RequestError> {
        self.0.send(request).await.map_err(request_error)
    }
}

fn request_error(error: SendError) -> RequestError {
    let kind = match error.kind {
        SendErrorKind::Denied => RequestErrorKind::Denied,
        SendErrorKind::Limit => RequestErrorKind::Limit,
        SendErrorKind::Timeout => RequestErrorKind::Timeout,
        SendErrorKind::Unreachable => RequestErrorKind::Unreachable,
    };
    RequestError::new(kind, error.message)
}
