//! A listening socket and everything accepted from it.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, sync::atomic::Ordering};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Duration, sleep, timeout},
};

use crate::{
    client_ip::TrustedProxies,
    connection,
    endpoint::Endpoint,
    limits::{ACCEPT_BACKOFF_MS_MAX, ACCEPT_BACKOFF_MS_MIN, HttpLimits, LimitError},
    observer::{NoObserver, Observer},
    routes::{RouteError, Routes},
    shared::Shared,
    tls::{self, TlsError, TlsOptions},
};

/// What a listener is made of. [`Self::new`] gives the defaults.
pub struct ListenerOptions {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Without, plain HTTP.
    pub tls: Option<TlsOptions>,
    /// Limits.
    pub limits: HttpLimits,
    /// Proxies in front of it.
    pub trusted_proxies: TrustedProxies,
    /// Told about its requests.
    pub observer: Arc<dyn Observer>,
}

/// Why nothing is listening.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address.
    #[error("cannot listen on {address}: {source}; {}", cure(source))]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate or key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The limits.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process has this port: stop it, or listen on another one",
        io::ErrorKind::PermissionDenied => "this user may not listen there: take a port above 1023",
        io::ErrorKind::AddrNotAvailable => "no network interface has this address: 0.0.0.0 stands for all of them",
        _ => "listen on another address or port",
    }
}

/// Takes HTTP requests in. Serves until it is drained or dropped; dropping it cuts every connection.
pub struct HttpListener {
    shared: Arc<Shared>,
    local_addr: SocketAddr,
    tls: Option<TlsOptions>,
}

/// How draining ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Requests that were still under way when the grace was over. Their events may yet be accepted; their callers do not
    /// know it and will send them again.
    pub aborted: usize,
}

impl ListenerOptions {
    /// Plain HTTP with default limits.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            limits: HttpLimits::default(),
            trusted_proxies: TrustedProxies::default(),
            observer: Arc::new(NoObserver),
        }
    }
}

impl HttpListener {
    /// Reads the certificate, binds, and accepts. Until [`Self::set_routes`], every path is unknown.
    pub async fn bind(options: ListenerOptions) -> Result<Self, BindError> {
        options.limits.check()?;
        let acceptor = options.tls.as_ref().map(tls::acceptor).transpose()?;
        let failed = |source| BindError::Address {
            address: options.address,
            source,
        };
        let socket = TcpListener::bind(options.address).await.map_err(failed)?;
        let local_addr = socket.local_addr().map_err(failed)?;
        let shared = Shared::new(options.limits, options.trusted_proxies, options.observer, acceptor);
        let shared = Arc::new(shared);
        shared.tasks.spawn(accept_all(socket, shared.clone()));
        Ok(Self {
            shared,
            local_addr,
            tls: options.tls,
        })
    }

    /// Where it listens, with the port that it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Replaces all routes at once, for every request whose headers arrive from now on; those under way end as they
    /// began. An endpoint that is kept (the same `Arc`) keeps its count of requests. On an error nothing changes.
    pub fn set_routes(&self, endpoints: impl IntoIterator<Item = Arc<Endpoint>>) -> Result<(), RouteError> {
        let routes = Routes::try_new(endpoints, &self.shared.limits)?;
        self.shared.set_routes(routes);
        Ok(())
    }

    /// Reads certificate and key again, for connections from now on: certificates expire. On an error the ones in use
    /// stay. Does nothing without TLS.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        if let Some(options) = &self.tls {
            self.shared.set_tls(tls::acceptor(options)?);
        }
        Ok(())
    }

    /// Stops: accepts nothing more, answers what is under way, tells new requests to go elsewhere, closes connections as
    /// they fall idle, and after `grace` cuts those that are left. Returns when none is left.
    pub async fn drain(&self, grace: Duration) -> Drained {
        self.shared.start_draining();
        self.shared.tasks.close();
        if timeout(grace, self.shared.tasks.wait()).await.is_ok() {
            return Drained { aborted: 0 };
        }
        let aborted = self.shared.in_flight.load(Ordering::Relaxed);
        self.shared.abort.cancel();
        self.shared.tasks.wait().await;
        Drained { aborted }
    }
}

impl Drop for HttpListener {
    fn drop(&mut self) {
        self.shared.start_draining();
        self.shared.abort.cancel();
    }
}

/// Accepts until the listener drains; then takes what the kernel had accepted already, so that those callers are told.
async fn accept_all(socket: TcpListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(
        shared.limits.connections_max.min(Semaphore::MAX_PERMITS),
    ));
    let mut trouble = Trouble::default();
    let mut drain = pin!(shared.drain.cancelled());
    loop {
        let accept = async {
            let permit = room.clone().acquire_owned().await;
            (permit, socket.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = &mut drain => break,
            next = accept => next,
        };
        match accepted {
            Ok((tcp, client)) => {
                trouble.over();
                spawn(&shared, tcp, client, permit);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                let wait = trouble.next(&error);
                tokio::select! {
                    () = &mut drain => break,
                    () = sleep(wait) => {}
                }
            }
        }
    }
    while let Ok(permit) = room.clone().try_acquire_owned()
        && let Some(Ok((tcp, client))) = ready_now(socket.accept()).await
    {
        spawn(&shared, tcp, client, permit);
    }
}

/// `held` is whatever is to be let go when the connection ends.
fn spawn(shared: &Arc<Shared>, tcp: TcpStream, client: SocketAddr, held: impl Send + 'static) {
    let connection = connection::serve(shared.clone(), tcp, client);
    shared.tasks.spawn(async move {
        connection.await;
        drop(held);
    });
}

/// What a future gives without waiting.
async fn ready_now<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}

/// A connection that was gone before it was accepted says nothing about the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// A time in which nothing can be accepted: no descriptors, no memory. Waits grow, and it is logged once.
#[derive(Default)]
struct Trouble {
    wait_ms: u64,
}

impl Trouble {
    fn next(&mut self, error: &io::Error) -> Duration {
        if self.wait_ms == 0 {
            tracing::warn!(
                %error,
                "cannot accept connections; they wait in the kernel's queue. Raise the limit of open files (ulimit -n), or \
                 lower `connections_max` below it"
            );
        }
        self.wait_ms = (self.wait_ms * 2).clamp(ACCEPT_BACKOFF_MS_MIN, ACCEPT_BACKOFF_MS_MAX);
        Duration::from_millis(self.wait_ms)
    }

    fn over(&mut self) {
        if self.wait_ms > 0 {
            tracing::info!("connections are accepted again");
            self.wait_ms = 0;
        }
    }
}
