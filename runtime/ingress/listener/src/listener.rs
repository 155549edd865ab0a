//! A listening socket and its connections.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, sync::atomic::Ordering};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Duration, sleep, timeout},
};

use crate::{
    client_ip::TrustedProxies,
    connection,
    handler::Handler,
    limits::{ACCEPT_BACKOFF_MS_MAX, ACCEPT_BACKOFF_MS_MIN, HttpLimits, LimitError},
    observer::{NoObserver, Observer},
    routes::{RouteError, RouteTable, Routes},
    shared::Shared,
    tls::{self, TlsError, TlsOptions},
};

/// Options of a listener. [`Self::new`] gives the defaults.
pub struct ListenerOptions {
    /// The address to listen on; port 0 takes a free port.
    pub address: SocketAddr,
    /// Plain HTTP without.
    pub tls: Option<TlsOptions>,
    /// Limits.
    pub limits: HttpLimits,
    /// Proxies in front of it.
    pub trusted_proxies: TrustedProxies,
    /// Notified of its requests.
    pub observer: Arc<dyn Observer>,
}

/// Why a listener could not start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {source}; {}", cure(source))]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate or key is unusable.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The limits are invalid.
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

/// Serves HTTP until it is drained or dropped; dropping it cuts every connection.
pub struct HttpListener<H> {
    shared: Arc<Shared>,
    routes: Arc<RouteTable<H>>,
    local_addr: SocketAddr,
    tls: Option<TlsOptions>,
}

/// The result of draining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Requests that were not answered when the grace period ended. Their events may still be accepted; their callers do not know
    /// and will retry.
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

impl<H: Handler> HttpListener<H> {
    /// Reads the certificate, binds, and starts to accept. Until [`Self::set_routes`], every path is unknown.
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
        let routes = Arc::new(RouteTable::new());
        shared.tasks.spawn(accept_loop(socket, shared.clone(), routes.clone()));
        Ok(Self {
            shared,
            routes,
            local_addr,
            tls: options.tls,
        })
    }

    /// The bound address, with its real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Replaces all routes at once, for every request whose headers arrive from now on; requests in flight keep their handler.
    /// One that stays (the same `Arc`) keeps its rate limit's state. On an error nothing changes.
    pub fn set_routes(&self, handlers: impl IntoIterator<Item = Arc<H>>) -> Result<(), RouteError> {
        let routes = Routes::try_new(handlers, &self.shared.limits)?;
        self.routes.set(routes);
        Ok(())
    }

    /// Reads certificate and key again, for new connections. On an error the current ones stay in use. Does nothing without TLS.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        if let Some(options) = &self.tls {
            self.shared.set_tls(tls::acceptor(options)?);
        }
        Ok(())
    }

    /// Stops: accepts no more connections, finishes requests in flight, answers new ones 503, closes idle connections, and cuts
    /// the remaining ones after `grace`. Returns when no connection is left.
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

impl<H> Drop for HttpListener<H> {
    fn drop(&mut self) {
        self.shared.start_draining();
        self.shared.abort.cancel();
    }
}

/// Accepts until the listener drains; then also takes what the kernel has accepted already, so that those callers get an
/// answer.
async fn accept_loop<H: Handler>(socket: TcpListener, shared: Arc<Shared>, routes: Arc<RouteTable<H>>) {
    let slots = Arc::new(Semaphore::new(
        shared.limits.connections_max.min(Semaphore::MAX_PERMITS),
    ));
    let mut backoff = AcceptBackoff::default();
    let mut drain = pin!(shared.drain.cancelled());
    loop {
        let accept = async {
            let permit = slots.clone().acquire_owned().await;
            (permit, socket.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = &mut drain => break,
            next = accept => next,
        };
        match accepted {
            Ok((tcp, client)) => {
                backoff.reset();
                spawn(&shared, &routes, tcp, client, permit);
            }
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                let wait = backoff.next(&error);
                tokio::select! {
                    () = &mut drain => break,
                    () = sleep(wait) => {}
                }
            }
        }
    }
    while let Ok(permit) = slots.clone().try_acquire_owned()
        && let Some(Ok((tcp, client))) = ready_now(socket.accept()).await
    {
        spawn(&shared, &routes, tcp, client, permit);
    }
}

/// Serves a connection in a task, and drops `permit` when it ends.
fn spawn<H: Handler>(
    shared: &Arc<Shared>,
    routes: &Arc<RouteTable<H>>,
    tcp: TcpStream,
    client: SocketAddr,
    permit: impl Send + 'static,
) {
    let connection = connection::serve(shared.clone(), routes.clone(), tcp, client);
    shared.tasks.spawn(async move {
        connection.await;
        drop(permit);
    });
}

/// Returns the output of a future if it is ready.
async fn ready_now<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}

/// Whether an error concerns one connection, closed before it was accepted, and not the listener.
fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Backoff while nothing can be accepted, for lack of descriptors or memory. Logs the first error only.
#[derive(Default)]
struct AcceptBackoff {
    wait_ms: u64,
}

impl AcceptBackoff {
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

    fn reset(&mut self) {
        if self.wait_ms > 0 {
            tracing::info!("connections are accepted again");
            self.wait_ms = 0;
        }
    }
}
