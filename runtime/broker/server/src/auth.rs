//! A layer before every call: checks the token, and determines the address by which the client reached this broker.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{Either, Ready, ready};
use subtle::ConstantTimeEq;
use tonic::{Request, Status, body::Body};
use tower::{Layer, Service};

use crate::options::ServerOptions;

/// The URL that clients should connect to: the one they used, or the advertised one.
#[derive(Debug, Clone)]
struct Address(Arc<str>);

/// The URL that is returned to the client of this call.
pub(crate) fn address<T>(request: &Request<T>) -> String {
    let address = request.extensions().get::<Address>();
    address.map(|address| address.0.to_string()).unwrap_or_default()
}

/// See the module.
#[derive(Clone)]
pub(crate) struct AuthLayer(Arc<CallRules>);

struct CallRules {
    /// The whole value of the header.
    authorization: Option<String>,
    advertised: Option<Address>,
    scheme: &'static str,
}

impl AuthLayer {
    pub(crate) fn new(options: &ServerOptions) -> Self {
        let token = options.token.as_ref();
        let url = options.advertised_url.as_deref();
        Self(Arc::new(CallRules {
            authorization: token.map(|token| format!("Bearer {}", token.expose())),
            advertised: url.map(|url| Address(url.trim_end_matches('/').into())),
            scheme: if options.tls.is_some() { "https" } else { "http" },
        }))
    }
}

impl CallRules {
    fn check(&self, headers: &http::HeaderMap) -> Result<(), Status> {
        let Some(wanted) = &self.authorization else {
            return Ok(());
        };
        let given = headers.get(http::header::AUTHORIZATION).map(|value| value.as_bytes());
        match given {
            Some(given) if bool::from(given.ct_eq(wanted.as_bytes())) => Ok(()),
            Some(_) => Err(Status::unauthenticated(
                "the token is not this broker's: give the one that it was started with",
            )),
            None => Err(Status::unauthenticated(
                "this broker asks for a token: send it as `authorization: Bearer <token>`",
            )),
        }
    }

    fn address<B>(&self, request: &http::Request<B>) -> Option<Address> {
        let reached = || {
            let in_uri = request.uri().authority().map(|authority| authority.as_str());
            let in_header = || request.headers().get(http::header::HOST)?.to_str().ok();
            let authority = in_uri.or_else(in_header)?;
            Some(Address(format!("{}://{authority}", self.scheme).into()))
        };
        self.advertised.clone().or_else(reached)
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService {
            inner,
            rules: self.0.clone(),
        }
    }
}

/// A service behind the layer.
#[derive(Clone)]
pub(crate) struct AuthService<S> {
    inner: S,
    rules: Arc<CallRules>,
}

impl<S, B> Service<http::Request<B>> for AuthService<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        if let Err(refusal) = self.rules.check(request.headers()) {
            return Either::Right(ready(Ok(refusal.into_http())));
        }
        if let Some(address) = self.rules.address(&request) {
            request.extensions_mut().insert(address);
        }
        Either::Left(self.inner.call(request))
    }
}
