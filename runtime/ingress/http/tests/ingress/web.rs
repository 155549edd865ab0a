//! A web server over TLS on loopback, for what the host fetches.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ServerConfig, crypto::aws_lc_rs};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// What is at a path.
pub(crate) struct Page {
    status: u16,
    body: String,
}

impl Page {
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        let body = body.into();
        Self { status: 200, body }
    }

    pub(crate) fn status(status: u16) -> Self {
        let body = String::new();
        Self { status, body }
    }
}

/// The server. Ends when it is dropped.
pub(crate) struct Web {
    port: u16,
    ca: PathBuf,
    task: tokio::task::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Web {
    pub(crate) async fn start(pages: impl Fn(&str) -> Page + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, issued.cert.pem()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(issued.signing_key.serialize_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![issued.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages = Arc::new(pages);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, pages) = (acceptor.clone(), pages.clone());
                tokio::spawn(async move { serve(tcp, acceptor, &*pages).await });
            }
        });
        Self {
            port,
            ca,
            task,
            _dir: dir,
        }
    }

    pub(crate) fn authority(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub(crate) fn ca_path(&self) -> &Path {
        &self.ca
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers one request and closes.
async fn serve(tcp: TcpStream, acceptor: TlsAcceptor, pages: &(impl Fn(&str) -> Page + Sync)) {
    let Ok(mut tls) = acceptor.accept(tcp).await else {
        return;
    };
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut buffer = [0; 1024];
        match tls.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => read.extend_from_slice(&buffer[..n]),
        }
    }
    let text = String::from_utf8_lossy(&read).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default();
    let Page { status, body } = pages(path);
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    // The peer may be gone.
    let _ = tls.write_all(answer.as_bytes()).await;
    let _ = tls.shutdown().await;
}
