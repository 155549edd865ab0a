//! Requests to the hosts that the pipeline file grants the connector (`grants.http`), over `wasi:http`.
//!
//! The host makes them: it has the sockets and the secrets. A header whose value is `secret:NAME` is sent with the secret of that name,
//! which the component never sees. In a native test, [`answer_with`] stands in for the host.

use std::{fmt, time::Duration};

/// Most redirects that [`Request::send`] follows.
pub const REDIRECTS_MAX: usize = 5;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Such as `GET`.
    pub method: String,
    /// An absolute URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// How long it may take, with its answer; no longer than `grants.http.request_timeout_ms` in any case.
    pub timeout: Option<Duration>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status, such as 200.
    pub status: u16,
    /// Headers that are text, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Why there is no answer: the host's sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError(pub String);

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HttpError {}

/// A request that was not answered may be answered later.
impl From<HttpError> for crate::Error {
    fn from(HttpError(message): HttpError) -> Self {
        Self::retryable(message)
    }
}

impl Request {
    /// `GET` of an absolute URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// `POST` to an absolute URL.
    pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..Self::new("POST", url)
        }
    }

    /// Any method, without a body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
        }
    }

    /// How long it may take, with its answer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends it, and follows redirects of a `GET`: each is a request of its own, which must be granted, too.
    pub fn send(mut self) -> Result<Response, HttpError> {
        for _ in 0..=REDIRECTS_MAX {
            let response = imp::send(&self)?;
            let moved = matches!(response.status, 301 | 302 | 303 | 307 | 308) && self.method == "GET";
            let Some(location) = response.header("location").filter(|_| moved) else {
                return Ok(response);
            };
            self.url = join(&self.url, location)?;
        }
        Err(HttpError(format!(
            "more than {REDIRECTS_MAX} redirects, the last to {}",
            self.url
        )))
    }
}

impl Response {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Scheme, authority, and path with query of an absolute URL.
fn split(url: &str) -> Result<(&str, &str, &str), HttpError> {
    let refuse = || {
        HttpError(format!(
            "`{url}` is not an absolute URL such as `https://api.example.com/items`"
        ))
    };
    let url = url.split_once('#').map_or(url, |(before, _)| before);
    let (scheme, rest) = url.split_once("://").ok_or_else(refuse)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority {
        "" => Err(refuse()),
        _ => Ok((scheme, authority, path)),
    }
}

/// Where a redirect from `base` leads to.
fn join(base: &str, location: &str) -> Result<String, HttpError> {
    let (scheme, authority, path) = split(base)?;
    let is_absolute = location
        .split_once("://")
        .is_some_and(|(scheme, _)| !scheme.contains(['/', '?', '#']));
    Ok(if is_absolute {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let path = path.split('?').next().unwrap_or_default();
        let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
        format!("{scheme}://{authority}{folder}{location}")
    })
}

#[cfg(target_arch = "wasm32")]
mod imp {
    use wasip2::{
        http::{
            outgoing_handler,
            types::{
                ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
            },
        },
        io::streams::StreamError,
    };

    use super::{HttpError, Request, Response, split};

    /// Bytes that are written or read at once.
    const CHUNK_BYTES: usize = 4096;
    const READ_BYTES: u64 = 64 << 10;

    pub(super) fn send(request: &Request) -> Result<Response, HttpError> {
        let future = begin(request)?;
        let pollable = future.subscribe();
        let answer = loop {
            match future.get() {
                Some(answer) => break answer,
                None => pollable.block(),
            }
        };
        drop(pollable);
        let response = answer.map_err(|()| HttpError("its answer was taken already".into()))?;
        read(response.map_err(sentence)?)
    }

    fn begin(request: &Request) -> Result<outgoing_handler::FutureIncomingResponse, HttpError> {
        let (scheme, authority, path) = split(&request.url)?;
        let refuse = |what: &str| HttpError(format!("{} {}: {what} is not one of HTTP", request.method, request.url));
        let headers: Vec<_> = (request.headers.iter())
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .collect();
        let headers = Fields::from_list(&headers).map_err(|_| refuse("a header"))?;
        let outgoing = OutgoingRequest::new(headers);
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => Scheme::Other(other.to_owned()),
        };
        outgoing
            .set_method(&method(&request.method))
            .map_err(|()| refuse("the method"))?;
        outgoing.set_scheme(Some(&scheme)).map_err(|()| refuse("the scheme"))?;
        outgoing
            .set_authority(Some(authority))
            .map_err(|()| refuse("the host"))?;
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        outgoing
            .set_path_with_query(Some(&path))
            .map_err(|()| refuse("the path"))?;
        let body = outgoing.body().map_err(|()| refuse("the body"))?;
        let future = outgoing_handler::handle(outgoing, options(request)?).map_err(sentence)?;
        write(body, &request.body)?;
        Ok(future)
    }

    fn options(request: &Request) -> Result<Option<RequestOptions>, HttpError> {
        let Some(timeout) = request.timeout else {
            return Ok(None);
        };
        let options = RequestOptions::new();
        let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        let set = options.set_first_byte_timeout(Some(nanos));
        set.map_err(|()| HttpError("the host has no timeouts of requests".into()))?;
        Ok(Some(options))
    }

    fn method(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "PATCH" => Method::Patch,
            other => Method::Other(other.to_owned()),
        }
    }

    fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), HttpError> {
        if !bytes.is_empty() {
            let stream = body
                .write()
                .map_err(|()| HttpError("its body was taken already".into()))?;
            for chunk in bytes.chunks(CHUNK_BYTES) {
                // Why it is refused is said by the answer.
                if stream.blocking_write_and_flush(chunk).is_err() {
                    return Ok(());
                }
            }
        }
        // As above.
        let _ = OutgoingBody::finish(body, None);
        Ok(())
    }

    fn read(response: IncomingResponse) -> Result<Response, HttpError> {
        let entries = response.headers().entries().into_iter();
        let headers =
            entries.filter_map(|(name, value)| Some((name.to_ascii_lowercase(), String::from_utf8(value).ok()?)));
        let (status, headers) = (response.status(), headers.collect());
        let body = response
            .consume()
            .map_err(|()| HttpError("its body was taken already".into()))?;
        let stream = body
            .stream()
            .map_err(|()| HttpError("its body was taken already".into()))?;
        let mut bytes = Vec::new();
        loop {
            match stream.blocking_read(READ_BYTES) {
                Ok(chunk) => bytes.extend(chunk),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => return Err(HttpError(error.to_debug_string())),
            }
        }
        Ok(Response {
            status,
            headers,
            body: bytes,
        })
    }

    fn sentence(error: ErrorCode) -> HttpError {
        HttpError(match error {
            ErrorCode::InternalError(Some(sentence)) => sentence,
            other => format!("the request failed: {other:?}"),
        })
    }
}

/// What answers in a native test.
#[cfg(not(target_arch = "wasm32"))]
type Answerer = Box<dyn FnMut(&Request) -> Result<Response, HttpError>>;

/// Answers the requests that this thread makes, in a native test.
#[cfg(not(target_arch = "wasm32"))]
pub fn answer_with(answer: impl FnMut(&Request) -> Result<Response, HttpError> + 'static) {
    imp::ANSWERER.set(Some(Box::new(answer)));
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use std::cell::RefCell;

    use super::{Answerer, HttpError, Request, Response};

    thread_local! {
        pub(super) static ANSWERER: RefCell<Option<Answerer>> = const { RefCell::new(None) };
    }

    pub(super) fn send(request: &Request) -> Result<Response, HttpError> {
        super::split(&request.url)?;
        ANSWERER.with_borrow_mut(|answerer| match answerer {
            Some(answerer) => answerer(request),
            None => Err(HttpError(
                "nothing answers in a native test: call `http::answer_with`".into(),
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(to: &str) -> Response {
        Response {
            status: 302,
            headers: vec![("location".into(), to.into())],
            body: Vec::new(),
        }
    }

    #[test]
    fn redirects_are_joined_as_in_urls() {
        for (location, target) in [
            ("https://b.example/y", "https://b.example/y"),
            ("//b.example/y", "https://b.example/y"),
            ("/y?z", "https://a.example/y?z"),
            ("y", "https://a.example/p/y"),
            ("y?to=https://b.example", "https://a.example/p/y?to=https://b.example"),
        ] {
            assert_eq!(join("https://a.example/p/x?q=1/2", location).expect("a URL"), target);
        }
        assert_eq!(join("https://a.example", "y").expect("a URL"), "https://a.example/y");
        for bad in ["a.example/x", "https://", "https:///x"] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn redirects_of_get_are_followed_and_not_for_ever() {
        answer_with(|request| match request.url.as_str() {
            "https://a.example/1" => Ok(redirect("/2")),
            "https://a.example/loop" => Ok(redirect("/loop")),
            url => Ok(Response {
                status: 200,
                headers: Vec::new(),
                body: url.as_bytes().to_vec(),
            }),
        });
        assert_eq!(
            Request::get("https://a.example/1").send().expect("an answer").body,
            b"https://a.example/2"
        );
        assert_eq!(
            Request::post("https://a.example/1", "x")
                .send()
                .expect("an answer")
                .status,
            302
        );
        let error = Request::get("https://a.example/loop").send().expect_err("a loop");
        assert!(error.0.starts_with("more than 5 redirects"), "{error}");
    }
}
