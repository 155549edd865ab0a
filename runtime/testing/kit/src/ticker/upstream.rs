//! What it reads from.

use std::sync::{Arc, atomic::Ordering};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_model::{
    event::Event,
    upstream::{Confirmer, Connect, Delivery, Notebook, Position, Room, StreamId, Upstream, UpstreamError},
};

use super::{Confirmed, config::ENDPOINT};

/// Key of the note of what is confirmed.
const CONFIRMED: &str = "confirmed";

/// Counts behind what is confirmed.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) count: u64,
    pub(super) confirmed: Arc<Confirmed>,
    pub(super) next: u64,
    pub(super) notebook: Arc<dyn Notebook>,
}

#[async_trait]
impl Connect for Session {
    async fn connect(&self) -> Result<Box<dyn Upstream>, UpstreamError> {
        let note = self.notebook.get(CONFIRMED).await?;
        let noted = note.and_then(|note| Some(u64::from_le_bytes(note.as_ref().try_into().ok()?)));
        let next = noted.unwrap_or_default() + 1;
        Ok(Box::new(Self { next, ..self.clone() }))
    }
}

#[async_trait]
impl Upstream for Session {
    async fn receive(&mut self, room: Room) -> Result<Delivery, UpstreamError> {
        if room.events == 0 || self.next > self.count {
            std::future::pending::<()>().await;
        }
        let number = self.next;
        self.next += 1;
        let event = Event::json(ENDPOINT, format!("tick-{number}"), format!("{{\"number\":{number}}}"));
        Ok(Delivery::Events {
            stream: StreamId::new(ENDPOINT),
            epoch: 1,
            events: vec![(event, Position::from(number))],
        })
    }

    fn confirmer(&self) -> Arc<dyn Confirmer> {
        Arc::new(self.clone())
    }

    async fn close(self: Box<Self>, _: Instant) {}
}

#[async_trait]
impl Confirmer for Session {
    async fn confirm(&self, _: &StreamId, _: u64, upto: Position) -> Result<(), UpstreamError> {
        let number = u64::try_from(upto.get()).unwrap_or(u64::MAX);
        let note = Bytes::copy_from_slice(&number.to_le_bytes());
        self.notebook.put(vec![(CONFIRMED.to_owned(), Some(note))]).await?;
        self.confirmed.0.fetch_max(number, Ordering::AcqRel);
        Ok(())
    }
}
