//! What all connections of a listener share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use parking_lot::RwLock;
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    body::Budget, client_ip::TrustedProxies, endpoint::Endpoint, limits::HttpLimits, observer::Observer, routes::Routes,
};

pub(crate) struct Shared {
    pub(crate) limits: HttpLimits,
    pub(crate) proxies: TrustedProxies,
    pub(crate) observer: Arc<dyn Observer>,
    /// Bodies in memory.
    pub(crate) bodies: Budget,
    /// Requests under way.
    pub(crate) in_flight: AtomicUsize,
    /// Cancelled when the listener stops accepting.
    pub(crate) drain: CancellationToken,
    /// Cancelled when its grace is over.
    pub(crate) abort: CancellationToken,
    /// The accept loop and every connection.
    pub(crate) tasks: TaskTracker,
    /// As `drain`, for the hot path: asking a token takes a lock.
    draining: AtomicBool,
    routes: RwLock<Routes>,
    tls: RwLock<Option<TlsAcceptor>>,
}

impl Shared {
    pub(crate) fn new(
        limits: HttpLimits,
        proxies: TrustedProxies,
        observer: Arc<dyn Observer>,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        Self {
            bodies: Budget::new(limits.body_bytes_in_flight_max),
            limits,
            proxies,
            observer,
            in_flight: AtomicUsize::new(0),
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
            draining: AtomicBool::new(false),
            routes: RwLock::default(),
            tls: RwLock::new(tls),
        }
    }

    /// Where a path leads at this moment. A request holds its endpoint, so an endpoint that was replaced goes when its
    /// last request does.
    pub(crate) fn endpoint(&self, path: &str) -> Option<Arc<Endpoint>> {
        self.routes.read().find(path)
    }

    pub(crate) fn set_routes(&self, routes: Routes) {
        let before = std::mem::replace(&mut *self.routes.write(), routes);
        // Its endpoints may own a lot: let them go without the lock.
        drop(before);
    }

    pub(crate) fn tls(&self) -> Option<TlsAcceptor> {
        self.tls.read().clone()
    }

    pub(crate) fn set_tls(&self, acceptor: TlsAcceptor) {
        *self.tls.write() = Some(acceptor);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From now on every request is answered 503 and no connection is kept.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.drain.cancel();
    }
}
