//! One endpoint.

use std::time::Duration;

use danube_wasm_egress_dial::config::TlsTexts;
use danube_wasm_model::message::Operation;
use danube_wasm_settings::{
    Secret, Section, Table,
    kinds::{Choice, Integer, Millis, Name, Parsed, Text},
    values::JsonPointer,
};
use http::{HeaderValue, Method};

use super::{
    Auth, BatchForm, StatusRules, UrlTemplate,
    batch::{check_form, form},
    headers,
    mapping::EndpointNames,
    sign::{Sign, SigningSecret},
};

/// Where documents are sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// What mappings and components choose it by.
    pub name: String,
    /// Where it is.
    pub url: UrlTemplate,
    /// Instead of the method of each operation but deletes.
    pub method: Option<Method>,
    /// How records become requests.
    pub form: BatchForm,
    /// Most records of a request.
    pub records_max: usize,
    /// Most bytes of a request with several records.
    pub bytes_max: usize,
    /// Where each record of a request has its id.
    pub id_field: Option<String>,
    /// Where an answer has what became of each record.
    pub results_pointer: Option<JsonPointer>,
    /// Media type of the requests.
    pub content_type: String,
    /// Other headers.
    pub headers: Vec<(String, Secret)>,
    /// How it knows this sink.
    pub auth: Option<Auth>,
    /// Secrets that requests are signed with, newest first.
    pub secrets: Vec<SigningSecret>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for an answer, all of it.
    pub timeout: Duration,
    /// Most requests at a time.
    pub in_flight_max: usize,
    /// What its statuses mean.
    pub statuses: StatusRules,
    /// Whom to trust.
    pub tls: TlsTexts,
}

const METHODS: Choice<Method> = Choice::of(&[("POST", Method::POST), ("PUT", Method::PUT), ("PATCH", Method::PATCH)]);

impl Endpoint {
    /// Whether each record has a request of its own.
    pub fn is_single(&self) -> bool {
        self.form == BatchForm::Single
    }

    /// The method of an operation.
    pub fn method_of(&self, operation: Operation) -> Method {
        match (operation, &self.method) {
            (Operation::Delete, _) => Method::DELETE,
            (_, Some(method)) => method.clone(),
            (Operation::Insert, None) => Method::POST,
            (Operation::Upsert, None) => Method::PUT,
            (Operation::Merge, None) => Method::PATCH,
        }
    }

    /// Whether an operation can be done. A delete says what is to be removed by its URL alone.
    pub fn accepts(&self, operation: Operation) -> bool {
        operation != Operation::Delete || self.url.has_id()
    }

    /// For people: its name and where it is, without what may be secret.
    pub fn shown(&self) -> String {
        format!("endpoint `{}` at {}", self.name, self.url.origin())
    }
}

impl Section for Endpoint {
    const ABOUT: &'static str = "An endpoint that documents are sent to. A sink sends to the endpoints of its file and to no \
        other.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let name = t
            .field("name", Name("endpoint"), "What mappings and components choose it by.")
            .example("\"orders\"")
            .required();
        if let Some(name) = &name {
            EndpointNames::declare(t, name);
        }
        let url = t
            .field(
                "url",
                Parsed::<UrlTemplate>::new("a URL"),
                "Where it is. `{id}` in its path or query stands for the document's id; deletes need it. Only its scheme, host and \
                 port are ever shown.",
            )
            .example("\"https://api.example.com/orders\"")
            .required();
        let method = t
            .field("method", METHODS, "The method of inserts, upserts and merges.")
            .defaults_to("`\"POST\"` for inserts, `\"PUT\"` for upserts, `\"PATCH\"` for merges");
        let (form, records_max, bytes_max) = form(t);
        let id_field = t
            .field(
                "id_field",
                Text,
                "With several records a request: the field of each that has its id, the same at every attempt. It is added, or \
                 replaced. A request with one record has the id in its headers.",
            )
            .example("\"event_id\"")
            .optional();
        let results_pointer = t
            .field(
                "results_pointer",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "Where the answer to a request with several records has an array that says for each of them, in order, what became \
                 of it: a status, or an object with a `status`.",
            )
            .example("\"/results\"")
            .optional();
        let content_type = t
            .field("content_type", Text, "Media type of the requests.")
            .example("\"application/json\"")
            .defaults_to("`\"application/json\"`, or `\"application/x-ndjson\"`");
        let headers = headers::read(t);
        let auth = t.group("auth").optional::<Auth>();
        let sign = t.group("sign").optional::<Sign>();
        let (connect_timeout, timeout, in_flight_max) = pace(t);
        let statuses = StatusRules::read(t);
        let tls = t.group("tls").optional::<TlsTexts>();
        check_content_type(t, content_type.as_deref());
        check_form(t, &form, url.as_ref());
        let usual = match form {
            BatchForm::Ndjson => "application/x-ndjson",
            _ => "application/json",
        };
        Some(Self {
            name: name?,
            url: url?,
            method,
            form,
            records_max,
            bytes_max,
            id_field,
            results_pointer,
            content_type: content_type.unwrap_or_else(|| usual.to_owned()),
            headers,
            auth,
            secrets: sign.map_or(Vec::new(), |Sign(secrets)| secrets),
            connect_timeout,
            timeout,
            in_flight_max,
            statuses,
            tls: tls.unwrap_or_default(),
        })
    }
}

fn pace(t: &mut Table<'_>) -> (Duration, Duration, usize) {
    let connect_timeout = t
        .field(
            "connect_timeout_ms",
            Millis(100..=600_000),
            "Longest wait for a connection: DNS, TCP and TLS.",
        )
        .or(Duration::from_secs(10));
    let timeout = t
        .field(
            "timeout_ms",
            Millis(100..=600_000),
            "Longest wait for an answer, from its request to its last byte. Then the request is sent again, with the same ids.",
        )
        .or(Duration::from_secs(30));
    let in_flight_max = t
        .field(
            "max_in_flight",
            Integer(1..=1024),
            "Most requests at a time. There are fewer while the endpoint is slow or refuses some for now. Records of one key are \
             sent one after the other.",
        )
        .or(16);
    (connect_timeout, timeout, in_flight_max)
}

fn check_content_type(t: &mut Table<'_>, content_type: Option<&str>) {
    if content_type.is_some_and(|text| text.parse::<HeaderValue>().is_err() || !text.contains('/')) {
        t.session().error(
            &t.span("content_type"),
            "`content_type` is no media type",
            "write for example `content_type = \"application/json\"`",
        );
    }
}
