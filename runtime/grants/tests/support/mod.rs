//! A server that notes its requests, and names that a test resolves.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_egress_dial::{DialPolicy, Dialer, Resolver, config::Guard};
use danube_wasm_grants::{GrantedClient, HttpGrant};
use http::Request;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    task::JoinHandle,
};

/// A grant for these hosts, with the usual limits.
pub fn grant(hosts: &[&str]) -> HttpGrant {
    HttpGrant {
        hosts: hosts.iter().map(|host| host.parse().expect("a host")).collect(),
        guard: Guard::public_only(),
        credentials: Vec::new(),
        requests_max: 32,
        concurrent_max: 4,
        request_bytes_max: 1 << 20,
        response_bytes_max: 1 << 20,
        request_timeout: Duration::from_secs(20),
    }
}

/// A client that may connect to 127.0.0.1, besides public addresses.
pub fn client(grant: HttpGrant) -> GrantedClient {
    let keys = danube_wasm_egress_dial::PolicyKeys {
        allow: "grants.http.allow_networks".to_owned(),
        deny: "grants.http.deny_networks".to_owned(),
    };
    let policy = DialPolicy::public_only()
        .with_allowed("127.0.0.1/32".parse().expect("a network"))
        .with_keys(keys);
    GrantedClient::with_dialer(grant, &Dialer::new(policy), Handle::current()).expect("a client")
}

/// A client that may connect to public addresses alone.
pub fn public_client(grant: HttpGrant, names: Names) -> GrantedClient {
    let dialer = Dialer::with_resolver(DialPolicy::public_only(), names);
    GrantedClient::with_dialer(grant, &dialer, Handle::current()).expect("a client")
}

pub fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).expect("a request")
}

/// The text of an answer.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A server on a free port of 127.0.0.1, until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers each request by its path.
    pub async fn start(answers: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = requests.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = stream;
                let request = read(&mut stream).await;
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                noted.lock().expect("not poisoned").push(request);
                // A client that has gone away has had enough.
                let _ = stream.write_all(answers(&path).as_bytes()).await;
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    /// Takes connections and says nothing.
    pub async fn silent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
        Self {
            address,
            requests: Arc::default(),
            task,
        }
    }

    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Each request as it came.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

/// One request, with its body.
async fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let length = |head: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            line.and_then(|length| length.parse::<usize>().ok()).unwrap_or(0)
        };
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            return text;
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(read) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
    }
}

/// Names with their addresses, and what was asked of them.
#[derive(Clone)]
pub struct Names {
    known: Arc<Vec<(String, Vec<IpAddr>)>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    pub fn new(known: &[(&str, &[&str])]) -> Self {
        let parsed = |addresses: &[&str]| addresses.iter().map(|text| text.parse().expect("an address")).collect();
        let known = known
            .iter()
            .map(|(name, addresses)| ((*name).to_owned(), parsed(addresses)));
        Self {
            known: Arc::new(known.collect()),
            asked: Arc::default(),
        }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Resolver for Names {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().expect("not poisoned").push(name.to_owned());
        let known = self.known.iter().find(|(known, _)| known == name);
        let addresses = known.map(|(_, addresses)| addresses.clone());
        addresses.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such name"))
    }
}
