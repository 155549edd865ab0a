//! An endpoint: a path, its authentication, its limits, and the intake of its events.

use std::sync::Arc;

use danube_wasm_ingress_listener::{Auth, Meter, RateLimit, Refusal};
use danube_wasm_model::{OnInvalid, door::Intake};
use danube_wasm_settings::values::JsonPointer;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::{
    content::{BodyFormat, ContentKind, ContentKinds, essence},
    event_id::{EventIdSource, IdReuse, MissingId},
    limits::{BODY_BYTES_MAX_DEFAULT, EVENT_BYTES_MAX_DEFAULT},
    path_pattern::{InvalidPath, PathPattern},
    policy::RequestPolicy,
    recent_ids::RecentIds,
};

/// Options of an endpoint. [`Self::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct EndpointOptions {
    /// Compared with the path of a request byte by byte, as it was sent: `/a%20b` is not `/a b`. A part such as `{tenant}` stands
    /// for any one part that is not empty.
    pub path: String,
    /// `POST` by default. Of `GET`, `POST`, `PUT`, `PATCH` and `DELETE`. The event of a `GET` has an empty payload.
    pub methods: Vec<Method>,
    /// None by default: everybody may send.
    pub auth: Auth,
    /// The well-known headers by default.
    pub event_id: EventIdSource,
    /// What happens to an event without an id.
    pub missing_id: MissingId,
    /// Accepted as a retry by default.
    pub id_reuse: IdReuse,
    /// What becomes of items of a list that cannot be read: with [`OnInvalid::DeadLetter`] they are offered with their
    /// [refusal](danube_wasm_model::event::Event::refusal); else the request is refused. Rejected by default.
    pub on_invalid: OnInvalid,
    /// Where to find the event's key in the body. Nowhere by default. A body without one, or that is not JSON, becomes an event
    /// without a key.
    pub key: Option<JsonPointer>,
    /// Unlimited by default.
    pub rate: Option<RateLimit>,
    /// Longest body in bytes, both as sent and as decompressed.
    pub body_bytes_max: usize,
    /// Longest event of a body in bytes.
    pub event_bytes_max: usize,
    /// JSON by default.
    pub content: ContentKinds,
    /// Nothing by default.
    pub policy: RequestPolicy,
    /// Whether events carry the request's headers; without them each request is cheaper. True by default. Set it to what the
    /// component asked for.
    pub headers: bool,
    /// Whether events carry `method`, `path`, `query`, `client-ip` and the path's parameters as `path.NAME`; as `headers`.
    pub attributes: bool,
    /// Parameters of the query that events carry as attributes `query.NAME`, decoded. None by default.
    pub query: Vec<String>,
}

/// An endpoint that requests can be routed to.
pub struct Endpoint {
    path: Arc<str>,
    pub(crate) pattern: PathPattern,
    methods: Vec<Method>,
    allow: HeaderValue,
    pub(crate) auth: Auth,
    pub(crate) event_id: EventIdSource,
    pub(crate) missing_id: MissingId,
    pub(crate) id_reuse: IdReuse,
    pub(crate) on_invalid: OnInvalid,
    pub(crate) recent_ids: RecentIds,
    pub(crate) key: Option<JsonPointer>,
    pub(crate) meter: Meter,
    pub(crate) body_bytes_max: usize,
    pub(crate) event_bytes_max: usize,
    content: ContentKinds,
    /// For senders of other bodies.
    wrong_content: Arc<str>,
    pub(crate) policy: RequestPolicy,
    pub(crate) query: Vec<String>,
    pub(crate) wants_headers: bool,
    pub(crate) wants_attributes: bool,
    pub(crate) intake: Arc<dyn Intake>,
}

/// Why an endpoint's options are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The path does not begin with a slash.
    #[error("the endpoint path `{0}` must begin with a slash")]
    NoSlash(String),
    /// The path could never equal that of a request.
    #[error(
        "the endpoint path `{path}` has {character:?}, which no request path has: write it percent-encoded, and leave the \
         query out"
    )]
    Character {
        /// The path.
        path: String,
        /// The first such character.
        character: char,
    },
    /// It is no path, or no pattern of one.
    #[error("the endpoint path `{path}`: {error}")]
    Path {
        /// The path.
        path: String,
        /// Why.
        error: InvalidPath,
    },
    /// No request would be accepted.
    #[error("endpoint {0} allows no method: give at least one, or leave `methods` out for POST")]
    NoMethods(String),
    /// The method cannot carry events.
    #[error("endpoint {path} allows method {method}: only GET, POST, PUT, PATCH and DELETE can carry events")]
    Method {
        /// The path.
        path: String,
        /// The method.
        method: Method,
    },
    /// No request would be accepted.
    #[error("endpoint {0} has a body limit of 0 bytes: give at least 1, or leave it out for 1 MiB")]
    NoBody(String),
    /// A JSON pointer needs a JSON body.
    #[error(
        "endpoint {0} takes its event id from a JSON pointer, but takes bodies that are not JSON: take JSON only, or name a header"
    )]
    PointerIntoBytes(String),
}

impl EndpointOptions {
    /// Accepts `POST` of JSON up to 1 MiB from everybody.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            methods: vec![Method::POST],
            auth: Auth::None,
            event_id: EventIdSource::WellKnown,
            missing_id: MissingId::Mint,
            id_reuse: IdReuse::Accept,
            on_invalid: OnInvalid::Reject,
            key: None,
            rate: None,
            body_bytes_max: BODY_BYTES_MAX_DEFAULT,
            event_bytes_max: EVENT_BYTES_MAX_DEFAULT,
            content: ContentKinds::default(),
            policy: RequestPolicy::default(),
            headers: true,
            attributes: true,
            query: Vec::new(),
        }
    }
}

impl Endpoint {
    /// Creates an endpoint whose events go to `intake`.
    pub fn try_new(options: EndpointOptions, intake: Arc<dyn Intake>) -> Result<Self, EndpointError> {
        let pattern = check(&options)?;
        let own = options
            .policy
            .methods()
            .filter(|method| !options.methods.contains(method));
        let methods: Vec<Method> = options.methods.iter().cloned().chain(own).collect();
        let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        Ok(Self {
            path: options.path.into(),
            pattern,
            // The names are ASCII letters, so they are a valid header value.
            allow: HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static("POST")),
            methods: options.methods,
            auth: options.auth,
            event_id: options.event_id,
            missing_id: options.missing_id,
            id_reuse: options.id_reuse,
            on_invalid: options.on_invalid,
            recent_ids: RecentIds::new(),
            key: options.key,
            meter: Meter::new(options.rate),
            body_bytes_max: options.body_bytes_max,
            event_bytes_max: options.event_bytes_max,
            wrong_content: format!(
                "this endpoint takes {}: send that, and say so in `content-type`",
                options.content
            )
            .into(),
            content: options.content,
            policy: options.policy,
            query: options.query,
            wants_headers: options.headers,
            wants_attributes: options.attributes,
            intake,
        })
    }

    /// Its path, which is also its name in events and metrics.
    pub fn path(&self) -> &Arc<str> {
        &self.path
    }

    pub(crate) fn allows(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }

    /// For the `Allow` header.
    pub(crate) fn allow(&self) -> HeaderValue {
        self.allow.clone()
    }

    /// How the body after these headers is read.
    pub(crate) fn format(&self, headers: &HeaderMap) -> Result<BodyFormat, Refusal> {
        // Amazon sends its JSON as `text/plain`, or as the subscription says.
        if matches!(self.auth, Auth::Sns(_)) && self.content.contains(ContentKind::Json) {
            return Ok(BodyFormat::NamedOtherwise);
        }
        let is_multipart = |essence: Vec<u8>| essence.starts_with(b"multipart/");
        self.content.format(headers).ok_or_else(|| {
            match essence(headers.get(header::CONTENT_TYPE)).is_some_and(is_multipart) {
                true => Refusal::MediaType(NO_MULTIPART),
                false => Refusal::Content(self.wrong_content.clone()),
            }
        })
    }

    /// Returns the headers of a request that its event carries: without credentials, and without those that describe the transfer
    /// of the body rather than its content.
    pub(crate) fn event_headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let kept = headers
            .iter()
            .filter(|(name, _)| Some(*name) != self.auth.header() && !is_credential(name) && !FRAMING.contains(name));
        kept.map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
    }
}

const NO_MULTIPART: &str = "multipart bodies are not read here: send the document alone, as JSON or as a form of \
                           `application/x-www-form-urlencoded`";

/// Whether a header carries credentials.
pub(crate) fn is_credential(name: &HeaderName) -> bool {
    CREDENTIALS.contains(name)
}

/// Headers that carry credentials, whatever the endpoint asks for: a sender may send one that the endpoint does not check.
static CREDENTIALS: [HeaderName; 20] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("stripe-signature"),
    HeaderName::from_static("x-hub-signature"),
    HeaderName::from_static("x-hub-signature-256"),
    HeaderName::from_static("x-gitlab-token"),
    HeaderName::from_static("linear-signature"),
    HeaderName::from_static("sentry-hook-signature"),
    HeaderName::from_static("svix-signature"),
    HeaderName::from_static("webhook-signature"),
    HeaderName::from_static("x-gitea-signature"),
    HeaderName::from_static("x-hubspot-signature-v3"),
    HeaderName::from_static("x-shopify-hmac-sha256"),
    HeaderName::from_static("x-signature-ed25519"),
    HeaderName::from_static("x-slack-signature"),
    HeaderName::from_static("x-square-hmacsha256-signature"),
    HeaderName::from_static("x-twilio-signature"),
    HeaderName::from_static("x-zm-signature"),
];

/// Headers about the transfer. They do not apply to the payload, which is complete and decompressed.
static FRAMING: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
];

fn check(options: &EndpointOptions) -> Result<PathPattern, EndpointError> {
    let path = || options.path.clone();
    if !options.path.starts_with('/') {
        return Err(EndpointError::NoSlash(path()));
    }
    let unsendable = |c: char| !c.is_ascii_graphic() || matches!(c, '?' | '#' | '"' | '<' | '>' | '`');
    if let Some(character) = options.path.chars().find(|c| unsendable(*c)) {
        return Err(EndpointError::Character {
            path: path(),
            character,
        });
    }
    let pattern = options
        .path
        .parse()
        .map_err(|error| EndpointError::Path { path: path(), error })?;
    if options.methods.is_empty() {
        return Err(EndpointError::NoMethods(path()));
    }
    let carries = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    if let Some(method) = options.methods.iter().find(|method| !carries.contains(method)) {
        return Err(EndpointError::Method {
            path: path(),
            method: method.clone(),
        });
    }
    if options.body_bytes_max == 0 {
        return Err(EndpointError::NoBody(path()));
    }
    if matches!(options.event_id, EventIdSource::JsonPointer(_)) && !options.content.are_json() {
        return Err(EndpointError::PointerIntoBytes(path()));
    }
    Ok(pattern)
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpoint({})", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(change: impl FnOnce(&mut EndpointOptions)) -> EndpointError {
        let mut options = EndpointOptions::new("/hook");
        change(&mut options);
        check(&options).expect_err("not an endpoint")
    }

    #[test]
    fn each_rule_has_its_error() {
        check(&EndpointOptions::new("/")).expect("the root is a path");
        check(&EndpointOptions::new("/a%20b/~c")).expect("percent-encoded");
        check(&EndpointOptions::new("/a/{tenant}")).expect("a parameter");
        assert!(matches!(error(|o| o.path = "/a{b}".into()), EndpointError::Path { .. }));
        assert!(matches!(error(|o| o.path = "hook".into()), EndpointError::NoSlash(_)));
        for path in ["/a b", "/a?b", "/a#b", "/é"] {
            assert!(matches!(
                error(|o| o.path = path.into()),
                EndpointError::Character { .. }
            ));
        }
        assert!(matches!(error(|o| o.methods.clear()), EndpointError::NoMethods(_)));
        assert!(matches!(
            error(|o| o.methods = vec![Method::HEAD]),
            EndpointError::Method { .. }
        ));
        assert!(matches!(error(|o| o.body_bytes_max = 0), EndpointError::NoBody(_)));
        let pointer = "/id".parse().unwrap();
        assert!(matches!(
            error(|o| {
                o.event_id = EventIdSource::JsonPointer(pointer);
                o.content = ContentKind::Any.into();
            }),
            EndpointError::PointerIntoBytes(_)
        ));
    }
}
