//! Capability `http`: `wasi:http/outgoing-handler`, for components that call an API.
//!
//! The types and streams are wasmtime's. A request is read whole, within its limits, and handed to the door
//! [`OutgoingHttp`](crate::outgoing::OutgoingHttp); its answer is there whole before the component sees any of it, so that no
//! slow server holds a call between two bytes, and so that a recording has all of it. So the component's own timeout of the
//! first byte is that of the whole answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_model::ConnectorId;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
    p2::{
        bindings::{
            self,
            http::{
                outgoing_handler,
                types::{self, ErrorCode},
            },
        },
        types::{HostFutureIncomingResponse, HostOutgoingRequest},
    },
};

use super::wasi::ambient::AmbientView;
use crate::{
    exchange::{Exchange, Outcome},
    host::GuestHost,
    outgoing::{HttpLimits, OutgoingHttp, RequestError, RequestErrorKind as Kind},
    state::GuestState,
};

/// Writes of a request's body that wait for the request to be made; each has at most [`WRITE_BYTES_MAX`].
const WRITES_MAX: usize = 64;
/// Bytes of one write.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// A connector's way out, if it has one.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) id: ConnectorId,
    pub(crate) client: Option<Arc<dyn OutgoingHttp>>,
    pub(crate) limits: HttpLimits,
    pub(crate) host: Arc<dyn GuestHost>,
}

/// One instance's HTTP.
pub(crate) struct Http {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

struct Hooks {
    access: Access,
    view: AmbientView,
    running: Arc<Semaphore>,
    /// Requests of this call so far.
    requests: Arc<AtomicUsize>,
}

impl Http {
    pub(super) fn new(access: Access, view: AmbientView) -> Self {
        let running = Arc::new(Semaphore::new(access.limits.concurrent_max));
        Self {
            ctx: WasiHttpCtx::new(),
            hooks: Hooks {
                access,
                view,
                running,
                requests: Arc::default(),
            },
        }
    }

    /// A call begins.
    pub(crate) fn begin_call(&self) {
        self.hooks.requests.store(0, Relaxed);
    }
}

/// Where wasmtime links the handler: any patch of this version is the same for components.
const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";

/// Links it.
pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let options = bindings::LinkOptions::default();
    bindings::http::types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), view)?;
    let mut handler = linker.instance(OUTGOING_HANDLER)?;
    handler.func_wrap("handle", |mut store, (request, options)| {
        Ok((handle(&mut view(store.data_mut()), request, options)?,))
    })
}

fn view(state: &mut GuestState) -> WasiHttpCtxView<'_> {
    let capabilities = &mut state.capabilities;
    WasiHttpCtxView {
        ctx: &mut capabilities.http.ctx,
        hooks: &mut capabilities.http.hooks,
        table: capabilities.wasi.table(),
    }
}

/// `handle` of the contract. wasmtime's leaves the options in the table, where they would count for ever: a component that gives its
/// requests a timeout would be out of resources after `resources_max` of them.
fn handle(
    view: &mut WasiHttpCtxView<'_>,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Result<Resource<HostFutureIncomingResponse>, ErrorCode>> {
    let left = options
        .as_ref()
        .map(|options| Resource::<RequestOptions>::new_own(options.rep()));
    let sent = outgoing_handler::Host::handle(view, request, options);
    if let Some(left) = left {
        view.table.delete(left)?;
    }
    match sent {
        Ok(future) => Ok(Ok(future)),
        Err(error) => types::Host::convert_error_code(view, error).map(Err),
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let count = self.requests.fetch_add(1, Relaxed) + 1;
        let exchange = Exchange::of(&request);
        let its_timeout = options.and_then(|options| options.first_byte_timeout);
        let (access, running) = (self.access.clone(), Arc::clone(&self.running));
        let asked = self.view.begin_exchange(exchange);
        let view = self.view.clone();
        Box::new(async move {
            let started = Instant::now();
            let answer = match asked {
                Asked::Replayed(answer) => answer,
                Asked::Live(place) => {
                    let answer = access.exchange_within(its_timeout, request, count, &running).await;
                    view.end_exchange(place, Outcome::of(&answer));
                    answer
                }
            };
            access.observe(&answer, started);
            let answer = answer.map_err(|error| Error::InternalError(Some(error.message)))?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(std::future::ready(Ok(())));
            Ok((
                answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()),
                done,
            ))
        })
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        WRITES_MAX
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        WRITE_BYTES_MAX
    }
}

/// What wasmtime wants to be given: the answer, and what goes on beside it.
type Answer = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// What is known of a request when it is made.
pub(crate) enum Asked {
    /// It is a replay's.
    Replayed(Result<Response<Bytes>, RequestError>),
    /// Its place among those of its call.
    Live(ExchangePlace),
}

/// The place of an exchange in the record of its call; `None` if it is not kept.
pub(crate) struct ExchangePlace {
    pub(crate) call_number: u64,
    pub(crate) at: Option<usize>,
}

impl Access {
    /// Makes a request, within the limits and the component's own timeout.
    async fn exchange_within(
        &self,
        its_timeout: Option<Duration>,
        request: Request<WasiBody>,
        count: usize,
        running: &Semaphore,
    ) -> Result<Response<Bytes>, RequestError> {
        let Some(within) = its_timeout else {
            return self.exchange(request, count, running).await;
        };
        // A query may have a secret.
        let uri = request.uri().to_string();
        let asked = format!("{} {}", request.method(), uri.split('?').next().unwrap_or_default());
        let late = |_| {
            let message = format!(
                "{asked} was not answered within {} ms (the component's own timeout)",
                within.as_millis()
            );
            RequestError::new(Kind::Timeout, message)
        };
        timeout(within, self.exchange(request, count, running))
            .await
            .map_err(late)?
    }

    /// Makes a request, within the limits.
    async fn exchange(
        &self,
        request: Request<WasiBody>,
        count: usize,
        running: &Semaphore,
    ) -> Result<Response<Bytes>, RequestError> {
        let limits = &self.limits;
        if count > limits.requests_max {
            return Err(RequestError::new(
                Kind::Limit,
                format!(
                    "the component made more than {} requests in one call (`requests_max` of its `grants.http`)",
                    limits.requests_max
                ),
            ));
        }
        let Some(client) = &self.client else {
            return Err(RequestError::new(Kind::Denied, "no host is granted to this component"));
        };
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, limits.request_bytes_max).collect().await.map_err(|error| {
            let message = format!(
                "the body of {} {} was not sent ({error}); it may have {} bytes (`request_bytes_max` of `grants.http`)",
                parts.method, parts.uri, limits.request_bytes_max
            );
            RequestError::new(Kind::Limit, message)
        })?;
        // It is never closed.
        let _permit = running.acquire().await;
        client.send(Request::from_parts(parts, body.to_bytes())).await
    }

    fn observe(&self, answer: &Result<Response<Bytes>, RequestError>, started: Instant) {
        let (outcome, bytes) = match answer {
            Ok(response) => ("answered", response.body().len()),
            Err(error) => (error.kind.as_str(), 0),
        };
        if let Err(error) = answer
            && matches!(error.kind, Kind::Denied)
        {
            tracing::warn!(connector = %self.id, "a request of the component was denied: {error}");
        }
        self.host.http_request(&self.id, outcome, bytes, started.elapsed());
    }
}
