//! Servers that are published to.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use danube_wasm_benches::{Child, child};

use crate::{echo, served};

pub(crate) const DANUBE_WASM: &str = "danube-wasm broker";
pub(crate) const DANUBE: &str = "Danube";
pub(crate) const ECHO: &str = "echo";

/// A server, and what it answered.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// One that is not ours has none.
    child: Option<Arc<Mutex<Option<Child>>>>,
    answered: Arc<AtomicU64>,
}

impl Site {
    pub(crate) fn danube_wasm() -> Result<Self> {
        Self::start(DANUBE_WASM, served::ROLE)
    }

    pub(crate) fn echo() -> Result<Self> {
        Self::start(ECHO, echo::ROLE)
    }

    /// One that runs, which is not ours to stop.
    pub(crate) async fn danube(url: &str) -> Result<Self> {
        let place = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        let mut found = tokio::net::lookup_host(place).await?;
        let address = found
            .next()
            .with_context(|| format!("DANUBE_URL={url} has no address"))?;
        Ok(Self {
            name: DANUBE,
            address,
            child: None,
            answered: Arc::default(),
        })
    }

    fn start(name: &'static str, role: &str) -> Result<Self> {
        let mut child = Child::start(role, &[])?;
        let address = child.line()?.parse().context("the server's address")?;
        Ok(Self {
            name,
            address,
            child: Some(Arc::new(Mutex::new(Some(child)))),
            answered: Arc::default(),
        })
    }

    /// That a client was answered so many messages.
    pub(crate) fn answered(&self, messages: u64) {
        self.answered.fetch_add(messages, Relaxed);
    }

    /// CPU time that it has used, if it is ours.
    pub(crate) fn cpu(&self) -> Result<Option<Duration>> {
        let Some(child) = &self.child else { return Ok(None) };
        let child = child.lock().unwrap_or_else(PoisonError::into_inner);
        child.as_ref().map(Child::cpu).transpose()
    }

    /// Ends it and looks at its account.
    pub(crate) fn finish(self) -> Result<()> {
        let child = self.child.as_ref();
        let child = child.and_then(|child| child.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(child) = child else { return Ok(()) };
        let account = child.finish()?;
        if self.name == ECHO {
            let (done, answered) = (child::field(&account, "done")? as u64, self.answered.load(Relaxed));
            ensure!(
                done == answered,
                "the echo counts {done} messages and clients {answered}"
            );
        } else {
            let left = child::field(&account, "left")?;
            ensure!(left == 0.0, "{} has {left} messages that nobody was told of", self.name);
        }
        Ok(())
    }
}
