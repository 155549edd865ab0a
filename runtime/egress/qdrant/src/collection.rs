//! Collections: what they are, whether they are what the file says, and how they are made.

mod compare;
mod create;
mod indexes;
mod model;
mod shape;

use std::{collections::BTreeMap, sync::Arc};

use qdrant_client::qdrant::{CollectionInfo, GetCollectionInfoRequest};

use crate::{
    config::{CollectionSpec, Embedding, Qdrant},
    fault::Fault,
    link::Session,
};
pub(crate) use indexes::wanted as wanted_indexes;
pub(crate) use shape::{DenseShape, Shape};

/// A collection that is written to.
pub(crate) struct Collection {
    pub(crate) name: Arc<str>,
    pub(crate) spec: CollectionSpec,
    pub(crate) embedding: Option<Arc<Embedding>>,
    /// Where deletes leave their orders.
    pub(crate) deletes: Option<Box<Collection>>,
}

impl Collection {
    /// What it is: looked at once on each connection, and made if it is not there. It is what the file says.
    pub(crate) async fn shape(&self, session: &Session) -> Result<Arc<Shape>, Fault> {
        if let Some(shape) = session.shape(&self.name) {
            return Ok(shape);
        }
        let info = match self.info(session).await {
            Err(Fault::NoCollection(_)) if self.spec.create => {
                create::create(self, session).await?;
                self.info(session).await?
            }
            Err(Fault::NoCollection(said)) => {
                return Err(Fault::Unfit(format!(
                    "{said}. Make the collection, or write `create = \"if-missing\"`; its records wait"
                )));
            }
            info => info?,
        };
        let shape = Shape::of(&info);
        compare::compare(self, &shape).map_err(|why| Fault::Unfit(format!("{why}; its records wait")))?;
        if self.spec.create {
            indexes::create(self, session, &info).await?;
        }
        model::check(self, session).await?;
        let shape = Arc::new(shape);
        session.keep_shape(&self.name, shape.clone());
        Ok(shape)
    }

    /// What is different from what the file says, without making anything. `Ok(None)` if it is not there.
    pub(crate) async fn look(&self, session: &Session) -> Result<Option<CollectionInfo>, Fault> {
        match self.info(session).await {
            Err(Fault::NoCollection(_)) => Ok(None),
            info => {
                let info = info?;
                compare::compare(self, &Shape::of(&info)).map_err(Fault::Unfit)?;
                model::check(self, session).await?;
                Ok(Some(info))
            }
        }
    }

    async fn info(&self, session: &Session) -> Result<CollectionInfo, Fault> {
        let request = session.request(GetCollectionInfoRequest {
            collection_name: self.name.to_string(),
        });
        let what = format!("what collection `{}` is", self.name);
        let answer = session.call(&what, session.collections().get(request)).await?;
        let empty = || Fault::transient(format!("{} says nothing of collection `{}`", session.who(), self.name));
        answer.result.ok_or_else(empty)
    }
}

/// Every collection that a mapping names.
pub(crate) fn of_config(config: &Qdrant) -> BTreeMap<Arc<str>, Collection> {
    let embedding = config.embedding.clone().map(Arc::new);
    let mut collections = BTreeMap::new();
    for mapping in &config.topic_mappings {
        for name in mapping.targets() {
            let collection = Collection {
                name: name.into(),
                spec: mapping.spec.clone(),
                embedding: embedding.clone(),
                deletes: mapping.spec.keep_deletes.as_deref().map(|deletes| {
                    Box::new(Collection {
                        name: deletes.into(),
                        spec: mapping.spec.of_deletes(),
                        embedding: None,
                        deletes: None,
                    })
                }),
            };
            collections.insert(Arc::from(name), collection);
        }
    }
    collections
}
