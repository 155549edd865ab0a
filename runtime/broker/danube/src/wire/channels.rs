//! Connections by address, shared by all calls and streams to it.
//!
//! Calls and streams use separate connections: a stream lasts for ever and servers allow a limited number of them on
//! one connection, so that enough partitions would leave no room for a single acknowledgement.

use std::{collections::HashMap, sync::Arc};

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

/// A connection that is made at its first use and made anew whenever it is lost. One clone is the pool's, each of the
/// others a user's.
#[derive(Debug, Clone)]
pub(crate) struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    channel: Channel,
    address: Address,
}

impl Connection {
    pub(super) fn channel(&self) -> Channel {
        self.0.channel.clone()
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
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
}

impl Channels {
    pub(super) fn new(options: Arc<DanubeOptions>, runtime: Handle) -> Self {
        Self {
            tls: Arc::new(options.tls.clone().unwrap_or_default()),
            options,
            runtime,
            pools: Mutex::default(),
        }
    }

    /// The connection for calls.
    pub(super) fn for_calls(&self, address: &Address) -> Result<Connection> {
        let mut pools = self.pools.lock();
        if let Some(connection) = pools.get(address).and_then(|pool| pool.calls.as_ref()) {
            return Ok(connection.clone());
        }
        let connection = self.open(address)?;
        pools.entry(address.clone()).or_default().calls = Some(connection.clone());
        Ok(connection)
    }

    /// A connection for one more stream. It counts as used until it is dropped.
    pub(super) fn for_stream(&self, address: &Address) -> Result<Connection> {
        let mut pools = self.pools.lock();
        let pool = pools.entry(address.clone()).or_default();
        let free = |connection: &&Connection| Arc::strong_count(&connection.0) <= STREAMS_PER_CONNECTION_MAX;
        if let Some(connection) = pool.streams.iter().find(free) {
            return Ok(connection.clone());
        }
        let connection = self.open(address)?;
        pool.streams.push(connection.clone());
        Ok(connection)
    }

    /// Drops a connection that did not answer a call. The next call gets a new one.
    pub(super) fn discard(&self, connection: &Connection) {
        if let Some(pool) = self.pools.lock().get_mut(&connection.0.address) {
            pool.calls.take_if(|held| held.is(connection));
            pool.streams.retain(|held| !held.is(connection));
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
        Ok(Connection(Arc::new(Inner {
            channel: Channel::new(self.connector(address), keepalive, self.runtime.clone())?,
            address: address.clone(),
        })))
    }
}
