//! Connections by address, shared by everything that goes there.
//!
//! Calls and streams have connections of their own: a stream lasts for ever and servers take a limited number of them
//! on one connection, so that enough partitions would leave no room for a single acknowledgement.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use danube_wasm_broker::Result;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::{
    Address,
    channel::{Channel, Keepalive},
    connect::Connector,
};
use crate::{
    limits::STREAMS_PER_CONNECTION_MAX,
    options::{DanubeOptions, Tls},
};

/// A connection that is made at its first use and made anew whenever it is lost.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) channel: Channel,
    address: Address,
    number: u64,
    /// One for the pool, one for each user.
    users: Arc<()>,
}

#[derive(Debug, Default)]
struct Pool {
    calls: Option<Connection>,
    streams: Vec<Connection>,
}

#[derive(Debug)]
pub(super) struct Channels {
    options: Arc<DanubeOptions>,
    tls: Arc<Tls>,
    runtime: Handle,
    pools: Mutex<HashMap<Address, Pool>>,
    numbers: AtomicU64,
}

impl Channels {
    pub(super) fn new(options: Arc<DanubeOptions>, runtime: Handle) -> Self {
        Self {
            tls: Arc::new(options.tls.clone().unwrap_or_default()),
            options,
            runtime,
            pools: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// The connection for calls.
    pub(super) fn for_calls(&self, address: &Address) -> Result<Connection> {
        let mut pools = self.pools.lock();
        let pool = pools.entry(address.clone()).or_default();
        match &pool.calls {
            Some(connection) => Ok(connection.clone()),
            None => Ok(pool.calls.insert(self.open(address)?).clone()),
        }
    }

    /// A connection for one more stream. It counts as used until it is dropped.
    pub(super) fn for_stream(&self, address: &Address) -> Result<Connection> {
        let mut pools = self.pools.lock();
        let pool = pools.entry(address.clone()).or_default();
        let free = |connection: &&Connection| Arc::strong_count(&connection.users) <= STREAMS_PER_CONNECTION_MAX;
        if let Some(connection) = pool.streams.iter().find(free) {
            return Ok(connection.clone());
        }
        let connection = self.open(address)?;
        pool.streams.push(connection.clone());
        Ok(connection)
    }

    /// Uses this one no more: it swallowed a call. The next call gets a new one.
    pub(super) fn discard(&self, connection: &Connection) {
        if let Some(pool) = self.pools.lock().get_mut(&connection.address) {
            pool.calls.take_if(|held| held.number == connection.number);
            pool.streams.retain(|held| held.number != connection.number);
        }
    }

    /// What opens connections to an address.
    pub(super) fn connector(&self, address: &Address) -> Connector {
        Connector {
            address: address.clone(),
            tls: self.tls.clone(),
            within: self.options.connect_timeout,
        }
    }

    fn open(&self, address: &Address) -> Result<Connection> {
        let keepalive = Keepalive {
            interval: self.options.keepalive_interval,
            timeout: self.options.keepalive_timeout,
        };
        Ok(Connection {
            channel: Channel::new(self.connector(address), keepalive, self.runtime.clone())?,
            address: address.clone(),
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            users: Arc::new(()),
        })
    }
}
