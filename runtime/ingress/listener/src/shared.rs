//! What all connections of a listener share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use parking_lot::RwLock;
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{client_ip::TrustedProxies, limits::HttpLimits, memory::MemoryBudget, observer::Observer};

pub(crate) struct Shared {
    pub(crate) limits: HttpLimits,
    pub(crate) proxies: TrustedProxies,
    pub(crate) observer: Arc<dyn Observer>,
    /// Memory of bodies.
    pub(crate) bodies: MemoryBudget,
    /// Requests in flight.
    pub(crate) in_flight: AtomicUsize,
    /// Cancelled when the listener stops accepting.
    pub(crate) drain: CancellationToken,
    /// Cancelled when the grace period ends.
    pub(crate) abort: CancellationToken,
    /// The accept loop and every connection.
    pub(crate) tasks: TaskTracker,
    /// Same as `drain`, for the hot path: reading a token takes a lock.
    draining: AtomicBool,
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
            bodies: MemoryBudget::new(limits.body_bytes_in_flight_max),
            limits,
            proxies,
            observer,
            in_flight: AtomicUsize::new(0),
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
            draining: AtomicBool::new(false),
            tls: RwLock::new(tls),
        }
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

    /// From now on every request is answered 503 and every connection closes.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.drain.cancel();
    }
}
