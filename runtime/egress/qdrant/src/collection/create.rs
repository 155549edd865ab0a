//! Makes a collection that is not there.

use std::collections::HashMap;

use qdrant_client::qdrant::{
    CreateCollection, MultiVectorComparator, MultiVectorConfig, SparseVectorConfig, SparseVectorParams, VectorParams,
    VectorParamsMap, VectorsConfig, vectors_config::Config,
};
use tonic::Code;

use super::Collection;
use crate::{
    config::{CollectionSpec, VectorForm},
    fault::Fault,
    link::Session,
};

/// Makes it. One that somebody else has made meanwhile is as good; it is compared in any case.
pub(super) async fn create(collection: &Collection, session: &Session) -> Result<(), Fault> {
    let request = session.request(CreateCollection {
        collection_name: collection.name.to_string(),
        vectors_config: dense(&collection.spec),
        sparse_vectors_config: sparse(&collection.spec),
        timeout: Some(session.server_timeout()),
        ..CreateCollection::default()
    });
    let what = format!("the creation of collection `{}`", collection.name);
    let mut client = session.collections();
    let created = async {
        match client.create(request).await {
            Err(status) if is_there(&status) => Ok(tonic::Response::new(Default::default())),
            answer => answer,
        }
    };
    match session.call(&what, created).await {
        Err(Fault::Refused(message)) => Err(Fault::Unfit(format!("{message}; its records wait"))),
        answer => answer.map(drop),
    }
}

/// Older servers call it an invalid argument.
fn is_there(status: &tonic::Status) -> bool {
    status.code() == Code::AlreadyExists || status.message().contains("already exists")
}

fn dense(spec: &CollectionSpec) -> Option<VectorsConfig> {
    let named = spec.vectors.iter().filter_map(|vector| match vector.form {
        VectorForm::Sparse => None,
        VectorForm::Dense {
            dimension,
            distance,
            is_multi,
        } => {
            let multi = MultiVectorConfig {
                comparator: MultiVectorComparator::MaxSim.into(),
            };
            let params = VectorParams {
                size: dimension,
                distance: distance.into(),
                multivector_config: is_multi.then_some(multi),
                ..VectorParams::default()
            };
            Some((vector.name.clone(), params))
        }
    });
    let mut map: HashMap<_, _> = named.collect();
    let config = match (map.len(), map.remove("")) {
        (1, Some(params)) => Config::Params(params),
        (_, unnamed) => {
            map.extend(unnamed.map(|params| (String::new(), params)));
            Config::ParamsMap(VectorParamsMap { map })
        }
    };
    Some(VectorsConfig { config: Some(config) })
}

fn sparse(spec: &CollectionSpec) -> Option<SparseVectorConfig> {
    let sparse = spec.vectors.iter().filter(|vector| vector.form == VectorForm::Sparse);
    let map: HashMap<_, _> = sparse
        .map(|vector| (vector.name.clone(), SparseVectorParams::default()))
        .collect();
    (!map.is_empty()).then_some(SparseVectorConfig { map })
}
