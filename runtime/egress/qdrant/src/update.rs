//! Updates of a collection: requests, and what their answers say.

use std::sync::Arc;

use danube_wasm_egress_common::{Chain, Rounds, bisect::Attempt, rounds};
use qdrant_client::qdrant::{
    PointStruct, PointsIdsList, PointsSelector, PointsUpdateOperation, UpdateBatchPoints, UpdateMode, UpdateStatus,
    WriteOrdering, WriteOrderingType,
    points_selector::PointsSelectorOneOf,
    points_update_operation::{DeletePoints, Operation, PointStructList},
};
use tokio::time::Instant;

use crate::{
    collection::{Collection, Shape},
    conditions::in_range,
    config::Ordering,
    deletes::Deletes,
    fault::{Fault, Why},
    fields::{ORDER_HI, ORDER_LO, RECORD},
    item::Item,
    link::{Link, Session},
    operations,
    pace::Pace,
    point_id::PointKey,
};

/// Updates of a collection over one connection, which has this shape there.
pub(crate) struct Update<'e> {
    pub(crate) link: &'e Link,
    pub(crate) session: &'e Arc<Session>,
    pub(crate) collection: &'e Collection,
    pub(crate) shape: &'e Arc<Shape>,
    pub(crate) pace: &'e Pace,
}

impl<'w> Attempt<Item<'w>> for Update<'_> {
    type Fault = Fault;

    async fn attempt(&self, chains: &mut [Chain<Item<'w>>]) -> Result<usize, Fault> {
        let Rounds { rounds, superseded } = rounds(chains);
        for round in rounds {
            let operations = operations::of_round(&round, self.session.version);
            let ordering = match self.collection.spec.ordering {
                Ordering::Auto => operations::ordering(&round),
                Ordering::Always(ordering) => ordering,
            };
            let deletes = Deletes::of(self, &round);
            drop(round);
            if let Some(deletes) = &deletes {
                deletes.remember().await?;
            }
            self.send(operations, ordering).await?;
            if let Some(deletes) = &deletes {
                deletes.check().await?;
            }
        }
        Ok(superseded)
    }

    /// An update of a point that is not there: it is checked like any other, and does nothing.
    async fn probe(&self) -> Result<(), Fault> {
        let id = PointKey::of("a point of nobody's", crate::config::IdForm::Uuid).into();
        let operation = match self.session.version.inserts_only() {
            true => Operation::Upsert(PointStructList {
                points: vec![PointStruct {
                    id: Some(id),
                    vectors: Some(crate::vectors::none()),
                    ..PointStruct::default()
                }],
                update_filter: Some(qdrant_client::qdrant::Filter {
                    must: vec![
                        in_range(ORDER_HI, Default::default()),
                        in_range(ORDER_LO, Default::default()),
                        crate::conditions::is_keyword(RECORD, ""),
                    ],
                    ..Default::default()
                }),
                update_mode: Some(UpdateMode::UpdateOnly.into()),
                ..PointStructList::default()
            }),
            false => Operation::DeletePoints(DeletePoints {
                points: Some(PointsSelector {
                    points_selector_one_of: Some(PointsSelectorOneOf::Points(PointsIdsList { ids: vec![id] })),
                }),
                ..DeletePoints::default()
            }),
        };
        let operation = PointsUpdateOperation {
            operation: Some(operation),
        };
        self.send(vec![operation], WriteOrderingType::Weak).await
    }
}

impl Update<'_> {
    /// One request. It is done when the server has applied all of it.
    pub(crate) async fn send(
        &self,
        operations: Vec<PointsUpdateOperation>,
        ordering: WriteOrderingType,
    ) -> Result<(), Fault> {
        self.send_to(&self.collection.name, operations, ordering).await
    }

    /// The same, to this collection.
    pub(crate) async fn send_to(
        &self,
        collection: &str,
        operations: Vec<PointsUpdateOperation>,
        ordering: WriteOrderingType,
    ) -> Result<(), Fault> {
        let count = operations.len();
        let request = self.session.request(UpdateBatchPoints {
            collection_name: collection.to_owned(),
            // Without it, a wrong vector is acknowledged and dropped.
            wait: Some(true),
            operations,
            ordering: Some(WriteOrdering {
                r#type: ordering.into(),
            }),
            timeout: Some(self.session.server_timeout()),
        });
        let what = format!("an update of collection `{collection}`");
        let permit = self.pace.enter().await;
        let begun = Instant::now();
        let answer = self
            .session
            .call(&what, self.session.points().update_batch(request))
            .await;
        let done = answer.and_then(|answer| {
            let statuses: Vec<_> = answer.result.iter().map(|result| result.status()).collect();
            self.check(&what, count, &statuses)
        });
        match &done {
            Err(Fault::Transient { why: Why::Overload, .. }) => permit.overloaded(),
            _ if begun.elapsed() > self.link.request_timeout() / 2 => permit.overloaded(),
            Ok(()) => permit.succeeded(),
            Err(_) => {}
        }
        match done {
            Err(fault) if *collection == *self.collection.name => Err(self.learn(fault).await),
            Err(fault) => {
                self.session.forget_shape(collection);
                Err(fault)
            }
            done => done,
        }
    }

    /// Only what is completed is done: a server also answers that it has only taken something, or has stopped waiting for it.
    fn check(&self, what: &str, count: usize, statuses: &[UpdateStatus]) -> Result<(), Fault> {
        let who = self.session.who();
        if statuses.len() != count {
            let message = format!(
                "{who} answers {what} of {count} operations with {} results",
                statuses.len()
            );
            return Err(Fault::transient(message));
        }
        let Some(open) = statuses.iter().find(|status| **status != UpdateStatus::Completed) else {
            return Ok(());
        };
        let message = format!(
            "{who} has not completed {what} ({}): it is sent again",
            open.as_str_name()
        );
        Err(Fault::overload(message, None))
    }

    /// What a fault says of the collection, which may be another one by now.
    async fn learn(&self, fault: Fault) -> Fault {
        match fault {
            Fault::NoCollection(message) => {
                self.session.forget_shape(&self.collection.name);
                Fault::transient(format!("{message}. It is looked for again"))
            }
            Fault::Refused(message) => {
                self.session.forget_shape(&self.collection.name);
                match self.collection.shape(self.session).await {
                    Ok(shape) if shape == *self.shape => Fault::Refused(message),
                    Ok(_) => Fault::transient(format!("{message}. The collection has changed meanwhile")),
                    Err(fault) => fault,
                }
            }
            fault => fault,
        }
    }
}
