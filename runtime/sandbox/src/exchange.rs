//! HTTP exchanges of a call, as its recording keeps them: a replay answers with them and makes no request.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use serde::{Deserialize, Serialize};

use crate::outgoing::{RequestError, RequestErrorKind};

/// Bytes of answers that are kept of one call: they share the broker's message limit with its input.
pub(crate) const BYTES_MAX: usize = 64 << 10;

/// One request and what came of it. Credentials are not in it: the component has only their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The request's method.
    pub method: String,
    /// Where it went.
    pub url: String,
    /// What came of it; `None` if the call ended before, or if it was too long to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its headers that are text, but for cookies.
        headers: Vec<(String, String)>,
        /// Its body, if that is text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Its body in hex digits, if it is not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hex: Option<String>,
    },
    /// The sentence for which there was no answer.
    Error(String),
}

impl Exchange {
    /// A request that has no answer yet.
    pub(crate) fn of<T>(request: &Request<T>) -> Self {
        Self {
            method: request.method().to_string(),
            url: request.uri().to_string(),
            outcome: None,
        }
    }

    /// The recorded answer to this request.
    pub(crate) fn replay(recorded: Option<&Self>, asked: &Self) -> Result<Response<Bytes>, RequestError> {
        let unknown = |why: String| {
            let message = format!(
                "{} {} is not in the recording ({why}), and a replay makes no requests",
                asked.method, asked.url
            );
            RequestError::new(RequestErrorKind::NotRecorded, message)
        };
        let Some(recorded) = recorded else {
            return Err(unknown("the recorded call made no further one".to_owned()));
        };
        if (&recorded.method, &recorded.url) != (&asked.method, &asked.url) {
            return Err(unknown(format!("it has {} {} there", recorded.method, recorded.url)));
        }
        match &recorded.outcome {
            Some(Outcome::Error(message)) => Err(RequestError::new(RequestErrorKind::Unreachable, message.clone())),
            Some(answer) => answer
                .response()
                .ok_or_else(|| unknown("its answer there is damaged".to_owned())),
            None => Err(unknown("its answer was too long to be kept, or never came".to_owned())),
        }
    }
}

impl Outcome {
    pub(crate) fn of(answer: &Result<Response<Bytes>, RequestError>) -> Self {
        let response = match answer {
            Ok(response) => response,
            Err(error) => return Self::Error(error.message.clone()),
        };
        let headers = response
            .headers()
            .iter()
            .filter(|(name, _)| **name != header::SET_COOKIE);
        let headers = headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        let text = str::from_utf8(response.body()).ok().map(str::to_owned);
        Self::Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            hex: text.is_none().then(|| hex::encode(response.body())),
            text,
        }
    }

    /// Bytes that it takes in a recording; about.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Error(message) => message.len(),
            Self::Answer { headers, text, hex, .. } => {
                let body = text.as_ref().or(hex.as_ref()).map_or(0, String::len);
                headers
                    .iter()
                    .fold(body, |sum, (name, value)| sum + name.len() + value.len())
            }
        }
    }

    fn response(&self) -> Option<Response<Bytes>> {
        let Self::Answer {
            status,
            headers,
            text,
            hex,
        } = self
        else {
            return None;
        };
        let body = match (text, hex) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(digits)) => hex::decode(digits).ok()?,
            (None, None) => Vec::new(),
        };
        let mut response = Response::builder().status(*status).body(Bytes::from(body)).ok()?;
        for (name, value) in headers {
            let (name, value) = (HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
            response.headers_mut().append(name, value);
        }
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(url: &str) -> Exchange {
        Exchange::of(&Request::get(url).body(()).expect("a request"))
    }

    #[test]
    fn an_answer_comes_back_as_it_was_text_or_not() {
        for body in [&b"{\"a\":1}"[..], b"\xff\x00", b""] {
            let answer = Response::builder()
                .status(404)
                .header("etag", "\"7\"")
                .header("set-cookie", "session=secret")
                .body(Bytes::copy_from_slice(body))
                .expect("a response");
            let kept = Exchange {
                outcome: Some(Outcome::of(&Ok(answer))),
                ..asked("https://a.example/x")
            };
            let json = serde_json::to_string(&kept).expect("JSON");
            assert!(!json.contains("secret"), "{json}");
            let kept: Exchange = serde_json::from_str(&json).expect("an exchange");
            let again = Exchange::replay(Some(&kept), &asked("https://a.example/x")).expect("an answer");
            assert_eq!((again.status().as_u16(), &again.body()[..]), (404, body));
            assert_eq!(again.headers()["etag"], "\"7\"");
        }
    }

    #[test]
    fn what_is_not_recorded_is_said_and_not_asked_for() {
        let kept = asked("https://a.example/x");
        let said = |recorded, url| Exchange::replay(recorded, &asked(url)).expect_err("no answer").message;
        assert!(said(None, "https://a.example/x").contains("made no further one"));
        assert!(said(Some(&kept), "https://a.example/y").contains("it has GET https://a.example/x there"));
        assert!(said(Some(&kept), "https://a.example/x").contains("too long to be kept"));
        let failed = Exchange {
            outcome: Some(Outcome::Error("no route".into())),
            ..asked("https://a.example/x")
        };
        assert_eq!(said(Some(&failed), "https://a.example/x"), "no route");
    }
}
