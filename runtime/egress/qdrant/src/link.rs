//! The server, and the connection to it.

mod connect;
mod session;
mod version;

use std::{sync::Arc, time::Duration};

use danube_wasm_egress_dial::Dialer;
use tokio::sync::Mutex;

use crate::{config::Qdrant, fault::Fault};
pub(crate) use connect::Ended;
pub(crate) use session::Session;
pub(crate) use version::Version;

/// The server, with one connection at a time. What a server is (its version, its collections) is looked at on each connection
/// anew: behind an address there may be another one tomorrow.
pub(crate) struct Link {
    config: Qdrant,
    dialer: Dialer,
    /// `None` where the connection is to be made.
    session: Mutex<Option<Arc<Session>>>,
}

impl Link {
    /// Connects at the first request.
    pub(crate) fn new(config: &Qdrant, dialer: Dialer) -> Self {
        Self {
            config: config.clone(),
            dialer,
            session: Mutex::new(None),
        }
    }

    /// The server's name in messages.
    pub(crate) fn who(&self) -> String {
        format!("Qdrant at {}", self.config.url)
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.config.request_timeout
    }

    /// The connection, made if there is none. Its server is of a version that is written to.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, Fault> {
        let mut kept = self.session.lock().await;
        if let Some(session) = kept.as_ref().filter(|session| !session.is_over()) {
            return Ok(session.clone());
        }
        let session = Arc::new(self.connect().await?);
        *kept = Some(session.clone());
        Ok(session)
    }

    /// The connection may be to blame for something: the next request makes another.
    pub(crate) async fn forget(&self, session: &Arc<Session>) {
        let mut kept = self.session.lock().await;
        kept.take_if(|kept| Arc::ptr_eq(kept, session));
    }

    pub(crate) async fn close(&self) {
        self.session.lock().await.take();
    }

    async fn connect(&self) -> Result<Session, Fault> {
        let channel = connect::connect(&self.config, &self.dialer, &self.who()).await?;
        let session = Session::open(channel, &self.config, self.who()).await?;
        session.version.check(self.config.server_min, &self.who())?;
        Ok(session)
    }
}
