//! Connections to stores: only to addresses that were checked when they were dialed. Redirects are not followed.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_egress_dial::{DialError, Dialer, Redirects, TlsSettings};
use http_body_util::BodyExt as _;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    },
};

use crate::limits::STORE_TIMEOUT;

/// Makes the client of a store.
#[derive(Debug, Clone)]
pub(super) struct Dialed(Client);

#[derive(Debug, Clone)]
struct Client(Arc<reqwest::Client>);

impl Dialed {
    /// Fails if there are no authorities to trust.
    pub(super) fn new(dialer: &Dialer) -> Result<Self, String> {
        let tls = TlsSettings::default()
            .client_config()
            .map_err(|error| error.to_string())?;
        let client = dialer.http_client(&tls, Redirects::None).timeout(STORE_TIMEOUT).build();
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self(Client(Arc::new(client))))
    }
}

impl HttpConnector for Dialed {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let url = head
            .uri
            .to_string()
            .parse()
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, url_error(error)))?;
        let mut request = reqwest::Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(reqwest::Body::wrap(body));
        let response: http::Response<reqwest::Body> = self.0.execute(request).await.map_err(failed)?.into();
        let (head, body) = response.into_parts();
        Ok(HttpResponse::from_parts(
            head,
            HttpResponseBody::new(body.map_err(failed)),
        ))
    }
}

fn url_error(error: url::ParseError) -> std::io::Error {
    std::io::Error::other(error.to_string())
}

/// What may be tried again. Without the URL, which may have a signature.
fn failed(error: reqwest::Error) -> HttpError {
    let kind = match DialError::within(&error) {
        // That an address is not allowed does not change.
        Some(DialError::Denied { .. }) => HttpErrorKind::Unknown,
        _ if error.is_timeout() => HttpErrorKind::Timeout,
        _ if error.is_connect() => HttpErrorKind::Connect,
        _ if error.is_decode() => HttpErrorKind::Decode,
        _ => HttpErrorKind::Interrupted,
    };
    HttpError::new(kind, error.without_url())
}
