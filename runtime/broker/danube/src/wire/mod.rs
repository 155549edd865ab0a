//! Calls to an address, with a deadline, a token and, behind a proxy, the name of the broker.
//!
//! The only metadata ever sent are `authorization`, from the operator's configuration, `x-danube-broker-url`, from a
//! broker's lookup, and the start of a new subscription: one of two words. No data of a record or its producer is sent
//! as metadata, because Danube's brokers trust some metadata.

mod address;
mod channel;
mod channels;
mod connect;
mod probe;
mod tls;
mod token;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use danube_wasm_proto::BROKER_URL_METADATA;
use tokio::runtime::Handle;
use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
};

pub(crate) use address::Address;
pub(crate) use channel::Channel;
pub(crate) use channels::Connection as InUse;
use channels::{Channels, Connection};
use token::Tokens;

use crate::{fault::Fault, options::DanubeOptions};

/// Where calls about a topic are sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BrokerEndpoint {
    /// Where to connect.
    pub(crate) address: Address,
    /// Behind a proxy: the name of the broker.
    pub(crate) broker: Option<MetadataValue<Ascii>>,
}

impl BrokerEndpoint {
    /// Directly to a broker.
    pub(crate) fn direct(address: Address) -> Self {
        Self { address, broker: None }
    }
}

/// Makes calls.
#[derive(Debug)]
pub(crate) struct Wire {
    channels: Channels,
    tokens: Tokens,
    numbers: AtomicU64,
}

impl Wire {
    pub(crate) fn new(options: Arc<DanubeOptions>, runtime: Handle) -> Self {
        Self {
            tokens: Tokens::new(options.token.clone()),
            channels: Channels::new(options, runtime),
            numbers: AtomicU64::new(1),
        }
    }

    /// A number for a request.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a call; and a second one if the token was replaced meanwhile. `action` describes it, for errors.
    pub(crate) async fn call<Q, A, F>(
        &self,
        endpoint: &BrokerEndpoint,
        within: Duration,
        action: &str,
        message: Q,
        call: impl Fn(Channel, Request<Q>) -> F,
    ) -> Result<A, Fault>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let connection = self.channels.for_calls(&endpoint.address).map_err(Fault::Refused)?;
        self.call_on(&connection, endpoint, within, action, message, call).await
    }

    /// Like [`Self::call`], for a call that returns a stream. The connection counts as used until the second part of
    /// the result is dropped.
    pub(crate) async fn stream<Q, A, F>(
        &self,
        endpoint: &BrokerEndpoint,
        within: Duration,
        action: &str,
        message: Q,
        call: impl Fn(Channel, Request<Q>) -> F,
    ) -> Result<(A, Connection), Fault>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let connection = self.channels.for_stream(&endpoint.address).map_err(Fault::Refused)?;
        let answer = self
            .call_on(&connection, endpoint, within, action, message, call)
            .await?;
        Ok((answer, connection))
    }

    async fn call_on<Q, A, F>(
        &self,
        connection: &Connection,
        endpoint: &BrokerEndpoint,
        within: Duration,
        action: &str,
        message: Q,
        call: impl Fn(Channel, Request<Q>) -> F,
    ) -> Result<A, Fault>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let bearer = self.tokens.bearer().await.map_err(Fault::Lost)?;
        let spare = self.tokens.may_change().then(|| message.clone());
        let first = self.request(endpoint, bearer.clone(), message);
        let mut status = match self.once(connection, within, call(connection.channel(), first)).await {
            Ok(answer) => return Ok(answer),
            Err(status) => status,
        };
        if status.code() == tonic::Code::Unauthenticated
            && let (Some(refused), Some(message)) = (bearer, spare)
            && self.tokens.renew(&refused).await
        {
            let bearer = self.tokens.bearer().await.map_err(Fault::Lost)?;
            let again = self.request(endpoint, bearer, message);
            match self.once(connection, within, call(connection.channel(), again)).await {
                Ok(answer) => return Ok(answer),
                Err(second) => status = second,
            }
        }
        let action = format!("{action} at {}", endpoint.address);
        Err(Fault::of(&status, &action, &self.tokens.origin()))
    }

    fn request<Q>(&self, endpoint: &BrokerEndpoint, bearer: Option<MetadataValue<Ascii>>, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        if let Some(bearer) = bearer {
            metadata.insert("authorization", bearer);
        }
        if let Some(broker) = &endpoint.broker {
            metadata.insert(BROKER_URL_METADATA, broker.clone());
        }
        request
    }

    async fn once<A>(
        &self,
        connection: &Connection,
        within: Duration,
        answer: impl Future<Output = Result<Response<A>, Status>>,
    ) -> Result<A, Status> {
        match tokio::time::timeout(within, answer).await {
            Ok(answer) => answer.map(Response::into_inner),
            Err(_) => {
                // It may be a black hole. Trying a new connection costs little if it is not.
                self.channels.discard(connection);
                let waited = within.as_millis();
                Err(Status::deadline_exceeded(format!("no answer within {waited} ms")))
            }
        }
    }
}

/// Metadata that names the broker behind a proxy.
pub(crate) fn broker_metadata(broker_url: &str) -> Result<MetadataValue<Ascii>> {
    broker_url.parse().map_err(|_| {
        BrokerError::new(
            ErrorKind::Incompatible,
            "a lookup's answer names its broker with characters that no URL has",
        )
    })
}
