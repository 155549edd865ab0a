//! HTTP servers that record their requests.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use super::{DENIED, ip, soon};

/// Returns the answer to a request for this path.
type Answers = Arc<dyn Fn(&str) -> Answer + Send + Sync>;

#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
}

impl Answer {
    pub fn ok() -> Self {
        Self {
            status: 200,
            location: None,
        }
    }

    pub fn redirect(status: u16, location: &str) -> Self {
        Self {
            status,
            location: Some(location.to_owned()),
        }
    }
}

pub struct Server {
    pub address: SocketAddr,
    connections: watch::Receiver<usize>,
    /// The target of each request line with the `Host` header.
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    /// Starts on a free port.
    pub async fn start(host: &str, answers: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::listening(TcpListener::bind((ip(host), 0)).await.unwrap(), None, Arc::new(answers))
    }

    pub async fn start_tls(
        host: &str,
        tls: TlsAcceptor,
        answers: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::listening(
            TcpListener::bind((ip(host), 0)).await.unwrap(),
            Some(tls),
            Arc::new(answers),
        )
    }

    /// Starts two servers on the same port, at `allowed` and at [`DENIED`].
    pub async fn pair(allowed: &str) -> (Self, Self) {
        loop {
            let first = TcpListener::bind((ip(allowed), 0)).await.unwrap();
            let port = first.local_addr().unwrap().port();
            // Another program may use that port at the other address.
            if let Ok(second) = TcpListener::bind((ip(DENIED), port)).await {
                let server = |listener| Self::listening(listener, None, Arc::new(|_: &str| Answer::ok()));
                return (server(first), server(second));
            }
        }
    }

    fn listening(listener: TcpListener, tls: Option<TlsAcceptor>, answers: Answers) -> Self {
        let address = listener.local_addr().unwrap();
        let (count, connections) = watch::channel(0);
        let requests = Arc::default();
        tokio::spawn(accept(listener, tls, answers, count, Arc::clone(&requests)));
        Self {
            address,
            connections,
            requests,
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn requests(&self) -> Vec<(String, String)> {
        self.requests.lock().clone()
    }

    /// Asserts that nobody has connected. Connections are accepted in order, so when ours is, it must be the first.
    pub async fn assert_untouched(mut self) {
        let _ours = TcpStream::connect(self.address).await.unwrap();
        let count = *soon("our connection", self.connections.wait_for(|count| *count > 0))
            .await
            .unwrap();
        assert_eq!(count, 1, "somebody has connected to {}", self.address);
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    answers: Answers,
    count: watch::Sender<usize>,
    requests: Arc<Mutex<Vec<(String, String)>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        count.send_modify(|count| *count += 1);
        let (answers, requests) = (answers.clone(), requests.clone());
        match tls.clone() {
            None => drop(tokio::spawn(serve(stream, answers, requests))),
            Some(tls) => drop(tokio::spawn(async move {
                if let Ok(stream) = tls.accept(stream).await {
                    serve(stream, answers, requests).await;
                }
            })),
        }
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    answers: Answers,
    requests: Arc<Mutex<Vec<(String, String)>>>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        requests.lock().push((request.uri().to_string(), host));
        let Answer { status, location } = answers(request.uri().path());
        let mut response = Response::builder().status(status);
        if let Some(location) = location {
            response = response.header("location", location);
        }
        let response = response.body(Full::new(Bytes::new()));
        async move { response }
    });
    // How a client closes its connection does not matter.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
