//! Cross-origin requests of browsers (the Fetch standard, section "CORS protocol").

use danube_wasm_ingress_listener::Answer;
use http::{
    HeaderMap, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
    request::Parts,
};

use super::no_content;

/// Which pages may post. Cookies are never allowed: an endpoint does not read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins, such as `https://shop.example`; all without any.
    pub origins: Vec<String>,
    /// Headers that they may send beside the usual ones.
    pub headers: Vec<String>,
    /// For how many seconds a browser may remember it.
    pub max_age_secs: u64,
}

impl Cors {
    /// The answer to a browser that asks first, if it does.
    pub(super) fn preflight(&self, head: &Parts, allow: &HeaderValue) -> Option<Answer> {
        let asks = head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || !head.headers.contains_key(ORIGIN) {
            return None;
        }
        let mut answer = no_content(allow);
        self.add_headers(head, &mut answer);
        let headers = answer.headers_mut();
        if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allow.clone());
            headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age_secs.into());
            if let Some(names) = self.allowed_headers() {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
            }
        }
        Some(answer)
    }

    /// Names the origin if it may read the answer.
    pub(super) fn add_headers(&self, head: &Parts, answer: &mut Answer) {
        let headers = answer.headers_mut();
        if self.origins.is_empty() {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return;
        }
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.origin(&head.headers) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }

    fn origin<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let is_allowed = self
            .origins
            .iter()
            .any(|allowed| allowed.as_bytes() == origin.as_bytes());
        is_allowed.then_some(origin)
    }

    fn allowed_headers(&self) -> Option<HeaderValue> {
        let names = std::iter::once("content-type").chain(self.headers.iter().map(String::as_str));
        HeaderValue::try_from(names.collect::<Vec<_>>().join(", ")).ok()
    }
}
