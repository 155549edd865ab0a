//! Opens the broker that a pipeline names.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use danube_wasm_broker::{
    Broker,
    embedded::{EmbeddedBroker, EmbeddedOptions, RetentionOptions},
};
use danube_wasm_config::{Pipeline, Retention, ServiceUrl};

use crate::exit::Failure;

/// The pipeline's broker. An embedded log is opened, and what is wrong with it is said; a Danube may come later.
pub(crate) async fn open(pipeline: &Pipeline) -> Result<Arc<dyn Broker>, Failure> {
    let ServiceUrl::Embedded { dir } = &pipeline.service_url else {
        return Err(Failure::configuration(
            "danube_service_url: only embedded:// is supported by this version",
        ));
    };
    Ok(open_log(dir, retention(&pipeline.retention)).await?)
}

/// An embedded log.
pub(crate) async fn open_log(dir: &Path, retention: RetentionOptions) -> Result<Arc<EmbeddedBroker>, Failure> {
    let options = EmbeddedOptions {
        retention,
        ..EmbeddedOptions::default()
    };
    let dir = dir.to_path_buf();
    tokio::task::spawn_blocking(move || EmbeddedBroker::open(&dir, options))
        .await
        .map_err(Failure::internal)?
        .map_err(Failure::configuration)
}

/// Where `danube-wasm broker` keeps its log.
pub(crate) fn log_in(data_dir: &Path) -> PathBuf {
    data_dir.join("log")
}

fn retention(retention: &Retention) -> RetentionOptions {
    RetentionOptions {
        age: retention.age,
        bytes: retention.bytes,
        ..RetentionOptions::default()
    }
}
