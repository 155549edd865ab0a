//! Vectors of texts, made by a service.

mod answer;
mod cache;
mod client;

use std::sync::Arc;

use danube_wasm_egress_dial::Dialer;

use crate::{config::Embedding, fault::Fault};
use cache::Cache;
use client::Client;

/// Makes vectors of texts.
pub(crate) struct Embedder {
    client: Client,
    cache: Cache,
    config: Arc<Embedding>,
}

/// A vector, or why the service makes none of a text.
pub(crate) type Made = Result<Vec<f32>, String>;

impl Embedder {
    /// # Errors
    ///
    /// The client cannot be set up: what to do.
    pub(crate) fn new(config: &Arc<Embedding>, dialer: &Dialer) -> Result<Self, String> {
        Ok(Self {
            client: Client::new(config.clone(), dialer)?,
            cache: Cache::new(config.cache_bytes),
            config: config.clone(),
        })
    }

    pub(crate) fn config(&self) -> &Arc<Embedding> {
        &self.config
    }

    /// A vector for each text, in their order. A text that is there twice is sent once.
    pub(crate) async fn embed(&self, texts: &[&str]) -> Result<Vec<Made>, Fault> {
        let mut unknown: Vec<&str> = Vec::new();
        for text in texts {
            if self.cache.get(&self.config, text).is_none() && !unknown.contains(text) {
                unknown.push(text);
            }
        }
        let mut made = std::collections::HashMap::new();
        for part in unknown.chunks(self.config.batch) {
            for (text, vector) in part.iter().zip(self.made(part).await?) {
                if let Ok(vector) = &vector {
                    self.cache.put(&self.config, text, vector);
                }
                made.insert(*text, vector);
            }
        }
        let vector = |text: &&str| match made.get(text) {
            Some(made) => made.clone(),
            None => self
                .cache
                .get(&self.config, text)
                .ok_or_else(|| "its vector is not there".to_owned()),
        };
        Ok(texts.iter().map(vector).collect())
    }

    /// Halves a request that is refused until the text is found that it is refused for.
    async fn made(&self, texts: &[&str]) -> Result<Vec<Made>, Fault> {
        let mut made: Vec<Made> = Vec::with_capacity(texts.len());
        let mut pending = vec![texts];
        let mut is_probed = false;
        while let Some(part) = pending.pop() {
            match self.client.request(part).await {
                Ok(vectors) => made.extend(vectors.into_iter().map(Ok)),
                Err(Fault::Refused(reason)) if part.len() == 1 => {
                    if !std::mem::replace(&mut is_probed, true) {
                        self.probe(&reason).await?;
                    }
                    made.push(Err(reason));
                }
                Err(Fault::Refused(_)) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    pending.extend([second, first]);
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(made)
    }

    /// Whether the service makes a vector of a text that nobody can refuse.
    pub(crate) async fn probe(&self, reason: &str) -> Result<usize, Fault> {
        match self.client.request(&["check"]).await {
            Ok(vectors) => Ok(vectors.first().map_or(0, Vec::len)),
            Err(Fault::Refused(_)) => Err(Fault::Unfit(format!(
                "{reason}. It refuses every text: check `model` and `dimensions`; the records wait"
            ))),
            Err(fault) => Err(fault),
        }
    }
}
