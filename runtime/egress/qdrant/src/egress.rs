//! The collections of a server, as a target of writes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use danube_wasm_egress_common::{Chain, Claims, StatementLimits, bisect, cut};
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::{
    BatchWish, Targets,
    door::{Egress, EgressError, Write, WriteReport},
    message::Operation,
};
use futures_util::future::{join_all, try_join_all};

use crate::{
    BATCH_WISH,
    collection::{self, Collection, Shape},
    config::{Qdrant, ServerMin},
    embed::Embedder,
    fault::Fault,
    item::Item,
    limits::{REQUEST_BYTES_MAX, REQUEST_POINTS_MAX},
    link::{Link, Session},
    pace::Pace,
    parts::{self, Part},
    prepare::{self, Placed},
    update::Update,
};

/// The collections of a server.
pub struct QdrantEgress {
    link: Link,
    collections: BTreeMap<Arc<str>, Collection>,
    targets: Targets,
    embedder: Option<Embedder>,
    server_min: ServerMin,
    claims: Claims,
    pace: Pace,
    is_closed: AtomicBool,
}

impl QdrantEgress {
    /// Connects at the first write.
    ///
    /// # Errors
    ///
    /// The client of the embedding service cannot be set up: what to do.
    pub fn new(config: &Qdrant, dialer: &Dialer) -> Result<Self, String> {
        let collections = collection::of_config(config);
        let embedding = config.embedding.clone().map(Arc::new);
        let embedder = embedding
            .map(|embedding| Embedder::new(&embedding, dialer))
            .transpose()?;
        Ok(Self {
            link: Link::new(config, dialer.clone()),
            targets: collections.keys().cloned().collect(),
            collections,
            embedder,
            server_min: config.server_min,
            claims: Claims::default(),
            pace: Pace::new(config.in_flight_max),
            is_closed: AtomicBool::new(false),
        })
    }

    /// Writes to one collection. A connection that has ended is no reason to wait: writing again changes nothing.
    async fn write_to(&self, collection: &Collection, writes: &[Placed<'_>]) -> Result<WriteReport, Fault> {
        let mut is_second = false;
        loop {
            let mut read = prepare::read(writes, collection).await;
            if let Some(embedder) = &self.embedder {
                read.embed(embedder).await?;
            }
            let session = self.link.session().await?;
            let written = async {
                let shape = collection.shape(&session).await?;
                if let Some(deletes) = &collection.deletes {
                    deletes.shape(&session).await?;
                }
                let chains = read.chains(collection, &shape).await?;
                let refused = std::mem::take(&mut read.refused);
                self.write_points(collection, &session, &shape, chains, refused).await
            };
            match written.await {
                Err(fault) if fault.is_of_connection() => {
                    self.link.forget(&session).await;
                    if is_second || !fault.was_unsent() {
                        return Err(fault);
                    }
                    is_second = true;
                }
                done => return done,
            }
        }
    }

    async fn write_points(
        &self,
        collection: &Collection,
        session: &Arc<Session>,
        shape: &Arc<Shape>,
        mut chains: Vec<Chain<Item<'_>>>,
        refused: Vec<(usize, String)>,
    ) -> Result<WriteReport, Fault> {
        let documents = chains.iter_mut().filter_map(|chain| chain.head()).map(|mut head| {
            let key = head.needed().first().map(|item| item.key);
            (collection.name.clone(), key)
        });
        let documents: Vec<_> = documents.collect();
        let _claim = self.claims.claim(documents.into_iter()).await;
        let update = Update {
            link: &self.link,
            session,
            collection,
            shape,
            pace: &self.pace,
        };
        let limits = StatementLimits {
            writes_max: REQUEST_POINTS_MAX,
            bytes_max: REQUEST_BYTES_MAX,
        };
        let statements = cut(&mut chains, limits).into_iter();
        let written = try_join_all(statements.map(|statement| bisect::write(&update, statement))).await?;
        let mut report = WriteReport {
            refused,
            ..WriteReport::default()
        };
        for done in written {
            report.unchanged += done.unchanged;
            report.refused.extend(done.refused);
        }
        Ok(report)
    }
}

#[async_trait]
impl Egress for QdrantEgress {
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(EgressError::Transient {
                message: "the sink was closed".to_owned(),
                retry_after: None,
            });
        }
        let mut by_target: BTreeMap<&Arc<str>, Vec<Placed<'_>>> = BTreeMap::new();
        for placed in writes.iter().enumerate() {
            by_target.entry(&placed.1.target).or_default().push(placed);
        }
        let parts = by_target.into_iter().map(|(target, writes)| async move {
            let places: Vec<_> = writes.iter().map(|(place, _)| *place).collect();
            let result = match self.collections.get(target) {
                Some(collection) => self.write_to(collection, &writes).await,
                None => Ok(WriteReport {
                    refused: places
                        .iter()
                        .map(|place| (*place, format!("this sink has no collection {target:?}")))
                        .collect(),
                    ..WriteReport::default()
                }),
            };
            Part {
                target: target.clone(),
                places,
                result,
            }
        });
        parts::merge(join_all(parts).await)
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }

    /// A merge needs inserts that leave a point alone which is there.
    fn accepts(&self, _: &str, operation: Operation) -> bool {
        operation != Operation::Merge || self.server_min >= ServerMin::V1_17
    }

    fn batch_wish(&self) -> BatchWish {
        BATCH_WISH
    }

    async fn ready(&self) -> Result<(), EgressError> {
        let answer = async { self.link.session().await?.health().await };
        answer
            .await
            .map(drop)
            .map_err(|fault| match fault.into_egress_error(&Arc::from("")) {
                EgressError::Unfit { message, .. } => EgressError::Configuration { message },
                error => error,
            })
    }

    async fn close(&self) -> Result<(), EgressError> {
        self.is_closed.store(true, Ordering::Release);
        self.link.close().await;
        Ok(())
    }
}
