//! One export, from its headers to its answer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_ingress_listener::{
    Answer, Auth, Decompression, Encoding, Exchange, Handler, MemoryReservation, Meter, Refusal,
};
use danube_wasm_model::{
    clock::now_ms,
    door::{Intake, OnRefusal},
    event::{Event, Interests},
};
use http::{HeaderValue, Method, Version, request::Parts};
use tokio::time::{Instant, timeout_at};

use crate::{
    answer::Form,
    config::Split,
    decode::{Format, decode},
    limits::{INLINE_SPLIT_BYTES_MAX, RECORD_BYTES_MAX, USUAL_RATIO},
    otlp_grpc, otlp_http,
    outcomes::{Verdict, verdict},
    problem::Problem,
    records::{Events, Template, TooManyBytes, shared_bytes},
    request::Request,
    signal::{self, Signal},
};

/// What all signals and transports of a source share.
pub(crate) struct Receiver {
    pub(crate) auth: Auth,
    pub(crate) meter: Meter,
    pub(crate) body_bytes_max: usize,
    pub(crate) answer_timeout: Duration,
    pub(crate) wants: Interests,
    pub(crate) intake: Arc<dyn Intake>,
}

/// A path of a signal.
pub struct Endpoint {
    pub(crate) path: Arc<str>,
    pub(crate) transport: Transport,
    pub(crate) signal: Signal,
    /// Its name in events: the path over HTTP.
    pub(crate) name: Arc<str>,
    pub(crate) split: Split,
    pub(crate) receiver: Arc<Receiver>,
}

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Grpc,
    Http,
}

/// A decoded export.
struct Export {
    request: Request,
    /// The message as it was sent, decompressed.
    body: Bytes,
}

impl Handler for Endpoint {
    fn path(&self) -> &Arc<str> {
        &self.path
    }

    fn body_bytes_max(&self) -> usize {
        self.receiver.body_bytes_max
    }

    async fn handle(&self, exchange: &mut Exchange<'_>) -> Result<Answer, Refusal> {
        let head = exchange.head();
        if head.method != Method::POST {
            return Err(Refusal::Method(HeaderValue::from_static("POST")));
        }
        let form = self.form(head)?;
        let received_ms = now_ms();
        let auth = &self.receiver.auth;
        auth.authenticate(&exchange.caller(received_ms / 1000)).await?;
        self.receiver.meter.take().map_err(Refusal::Rate)?;
        let verdict = match self.export(exchange, form, received_ms).await {
            Ok(verdict) => verdict,
            Err(Stop::Refused(refusal)) => return Err(refusal),
            Err(Stop::Problem(problem)) => Verdict::Failed(problem),
        };
        Ok(form.answer(self.signal, verdict))
    }

    fn refuse(_: Option<&Self>, head: &Parts, refusal: Refusal) -> Answer {
        let form = Form::of_answer(head);
        match (&refusal, signal::unknown(head.uri.path())) {
            (Refusal::NoEndpoint, Some(why)) => form.refuse_because(&refusal, &why),
            _ => form.refuse(&refusal),
        }
    }
}

/// Why an export was not offered.
enum Stop {
    Refused(Refusal),
    Problem(Problem),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

const GRPC_ONLY: &str = "this is a method of gRPC: send `content-type: application/grpc`";

impl Endpoint {
    /// The form of a request to this path.
    fn form(&self, head: &Parts) -> Result<Form, Refusal> {
        match self.transport {
            Transport::Http => Ok(Form::Http(otlp_http::format(head)?)),
            Transport::Grpc if !otlp_grpc::is_protobuf(head) => Err(Refusal::MediaType(GRPC_ONLY)),
            Transport::Grpc if head.version < Version::HTTP_2 => {
                Err(Refusal::BadRequest("gRPC is spoken over HTTP/2".to_owned()))
            }
            Transport::Grpc => Ok(Form::Grpc),
        }
    }

    async fn export(&self, exchange: &mut Exchange<'_>, form: Form, received_ms: u64) -> Result<Verdict, Stop> {
        let mut reserved = exchange.reservation();
        let (encoding, sent) = self.read(exchange, form, &mut reserved).await?;
        let arrived = Instant::now();
        let format = match form {
            Form::Grpc => Format::Protobuf,
            Form::Http(format) => format,
        };
        let mut decoded = exchange.reservation();
        let export = match self
            .decode(encoding, format, sent.clone(), USUAL_RATIO, &mut decoded)
            .await
        {
            // It may be what compresses better than most.
            Err(Refusal::TooDense(_)) => {
                decoded = exchange.reservation();
                self.decode(encoding, format, sent, usize::MAX, &mut decoded).await?
            }
            decoded => decoded?,
        };
        let template = self.template(exchange, format, received_ms);
        let mut records = exchange.reservation();
        let Events { events, items, .. } = self.events(template, export, &mut records).await?;
        if events.is_empty() {
            return Ok(Verdict::Accepted);
        }
        let offered = self.receiver.intake.offer_all(events, OnRefusal::KeepOthers);
        let deadline = exchange.deadline().min(arrived + self.receiver.answer_timeout);
        match timeout_at(deadline, offered).await {
            Ok(outcomes) => Ok(verdict(self.signal, &outcomes, &items)),
            Err(_) => Err(Stop::Problem(Problem::unavailable(
                "it is not known yet what becomes of the export: send it again",
                Duration::from_secs(1),
            ))),
        }
    }

    /// Reads the message of a request as it was sent.
    async fn read(
        &self,
        exchange: &mut Exchange<'_>,
        form: Form,
        reserved: &mut MemoryReservation<'_>,
    ) -> Result<(Encoding, Bytes), Refusal> {
        let head = exchange.head();
        let bytes_max = self.receiver.body_bytes_max;
        match form {
            Form::Grpc => {
                let body = exchange
                    .read_body(bytes_max + otlp_grpc::PREFIX_BYTES, reserved)
                    .await?;
                otlp_grpc::message(head, body, bytes_max)
            }
            Form::Http(_) => {
                let encoding = Encoding::of(&head.headers)?;
                Ok((encoding, exchange.read_body(bytes_max, reserved).await?))
            }
        }
    }

    async fn decode(
        &self,
        encoding: Encoding,
        format: Format,
        sent: Bytes,
        ratio_max: usize,
        reserved: &mut MemoryReservation<'_>,
    ) -> Result<Export, Refusal> {
        let signal = self.signal;
        let decompression = Decompression {
            encoding,
            bytes_max: self.receiver.body_bytes_max,
            ratio_max,
        };
        let read = move |body: Bytes| {
            let request = decode(signal, format, &body).map_err(Refusal::BadRequest)?;
            Ok(Export { request, body })
        };
        decompression.decode(sent, reserved, read).await
    }

    fn template(&self, exchange: &Exchange<'_>, format: Format, received_ms: u64) -> Template {
        Template {
            signal: self.signal,
            format,
            event: Event {
                received_ms,
                traceparent: exchange.traceparent(),
                refusal: None,
                ..Event::json(self.name.clone(), String::new(), Bytes::new())
            },
            wants_attributes: self.receiver.wants.attributes,
        }
    }

    /// Makes the events, off the I/O threads if they are many.
    async fn events(
        &self,
        template: Template,
        export: Export,
        reserved: &mut MemoryReservation<'_>,
    ) -> Result<Events, Stop> {
        if self.split == Split::Request {
            return Ok(template.whole(&export.request, export.body));
        }
        let expected = shared_bytes(&export.request).saturating_add(export.body.len());
        if expected > RECORD_BYTES_MAX {
            return Err(too_many_bytes(TooManyBytes));
        }
        reserved.grow(expected)?;
        let split = move || template.split(&export.request, &export.body);
        let events = if expected <= INLINE_SPLIT_BYTES_MAX {
            split()
        } else {
            let task = tokio::task::spawn_blocking(split).await;
            task.map_err(|_| Refusal::Overloaded)?
        };
        let events = events.map_err(too_many_bytes)?;
        reserved.grow(events.bytes.saturating_sub(expected))?;
        Ok(events)
    }
}

fn too_many_bytes(_: TooManyBytes) -> Stop {
    Stop::Problem(Problem::too_large(format!(
        "the records of this export, each with its resource and scope, are over {RECORD_BYTES_MAX} bytes: send fewer at once"
    )))
}
