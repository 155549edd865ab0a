//! The API that pollers of the suite ask.

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_sandbox::{OutgoingHttp, RequestError, RequestErrorKind};
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;

/// What the host says of a request that is not granted.
pub(super) const DENIED: &str = "`elsewhere.example` is not granted to this component, which may ask `feed.example`";

/// A request that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) method: String,
    /// With its query.
    pub(super) path: String,
    /// Header `authorization`.
    pub(super) authorization: String,
    /// Header `content-type`.
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// What is answered to a request.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// Status, headers, body.
    Response(u16, Vec<(&'static str, String)>, Bytes),
    /// None, ever.
    Never,
}

impl Answer {
    /// 200, with this body.
    pub(super) fn page(body: impl Into<Bytes>) -> Self {
        Self::Response(200, vec![("content-type", "application/json".to_owned())], body.into())
    }

    /// A redirect.
    pub(super) fn moved(to: &str) -> Self {
        Self::Response(302, vec![("location", to.to_owned())], Bytes::new())
    }

    /// A status, with a header.
    pub(super) fn status(status: u16, header: Option<(&'static str, &str)>) -> Self {
        let headers = header.map(|(name, value)| (name, value.to_owned()));
        Self::Response(status, headers.into_iter().collect(), Bytes::new())
    }
}

/// Answers by the path with its query, or by the path alone.
#[derive(Debug, Default)]
pub(super) struct Api {
    answers: Vec<(&'static str, Answer)>,
    asked: Mutex<Vec<Asked>>,
}

impl Api {
    pub(super) fn new(answers: Vec<(&'static str, Answer)>) -> Self {
        let asked = Mutex::default();
        Self { answers, asked }
    }

    /// What was asked since the last time.
    pub(super) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock())
    }
}

#[async_trait]
impl OutgoingHttp for Api {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, RequestError> {
        let asked = Asked::of(request);
        let path = asked.path.split('?').next().unwrap_or_default().to_owned();
        let exact = self.answers.iter().find(|(known, _)| *known == asked.path);
        let answer = exact.or_else(|| self.answers.iter().find(|(known, _)| *known == path));
        let answer = answer.map(|(_, answer)| answer.clone());
        self.asked.lock().push(asked);
        match answer {
            None => Err(RequestError::new(RequestErrorKind::Denied, DENIED)),
            Some(Answer::Never) => std::future::pending().await,
            Some(Answer::Response(status, headers, body)) => {
                let mut response = Response::new(body);
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
                for (name, value) in headers {
                    if let Ok(value) = value.parse() {
                        response.headers_mut().insert(name, value);
                    }
                }
                Ok(response)
            }
        }
    }
}

impl Asked {
    fn of(request: Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let header = |name: &str| {
            let value = parts.headers.get(name);
            value.map_or(String::new(), |value| {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            })
        };
        let path = parts.uri.path_and_query();
        Self {
            method: parts.method.to_string(),
            path: path.map_or("/", |path| path.as_str()).to_owned(),
            authorization: header("authorization"),
            content_type: header("content-type"),
            body,
        }
    }
}
