//! One side of a copy: where it is, and what is kept beside it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use danube_wasm_broker::{
    Broker, BrokerError,
    copying::{CopySource, CopyTarget},
    embedded::{EmbeddedBroker, EmbeddedOptions, RetentionOptions},
};
use danube_wasm_config::{Pipeline, ServiceUrl};

use super::failed;
use crate::{
    Failure, assemble, brokers,
    control::{self, Request},
    nats,
    operations::Operation,
};

/// A place that can be copied from and to.
pub(crate) struct Copyable {
    /// For people.
    pub(crate) place: String,
    pub(crate) source: Arc<dyn CopySource>,
    pub(crate) target: Arc<dyn CopyTarget>,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) notes: Notes,
    /// Where buffers of the pipeline are, if there are any.
    pub(crate) spools: Option<PathBuf>,
}

/// Where connectors' notes are. Without a client of NATS, in logs alone.
#[cfg_attr(
    not(feature = "nats"),
    expect(dead_code, reason = "what is beside a log is made for NATS")
)]
pub(crate) enum Notes {
    /// In the log itself.
    InLog(Arc<EmbeddedBroker>),
    /// In a log of their own.
    Beside(PathBuf),
    /// Nobody has said.
    Unknown,
}

impl Copyable {
    pub(super) async fn close(&self) -> Result<(), Failure> {
        self.broker.close().await.map_err(failed)
    }
}

/// Opens a side. One that is read must be there.
pub(super) async fn open(place: &str, is_source: bool) -> Result<Copyable, Failure> {
    match place.split_once("://") {
        Some(("embedded", dir)) => log(Path::new(dir), is_source).await,
        Some(("nats" | "tls", _)) => nats::copy_of_url(place),
        Some(_) => Err(over_the_wire(place)),
        None if Path::new(place).is_dir() => {
            is_stopped(Path::new(place)).await?;
            log(&brokers::log_in(Path::new(place)), is_source).await
        }
        None => of_file(Path::new(place), is_source).await,
    }
}

async fn of_file(file: &Path, is_source: bool) -> Result<Copyable, Failure> {
    let loaded = assemble::read_lazily(file)?;
    let pipeline = &loaded.pipeline;
    is_stopped(&pipeline.data_dir).await?;
    let mut side = match &pipeline.service_url {
        ServiceUrl::Embedded { dir } => log(dir, is_source).await?,
        ServiceUrl::Nats { .. } => {
            assemble::require_broker(&loaded)?;
            nats::copy_of(pipeline)?
        }
        other => return Err(over_the_wire(&other.to_string())),
    };
    side.spools = spools(pipeline);
    Ok(side)
}

fn spools(pipeline: &Pipeline) -> Option<PathBuf> {
    let dir = pipeline.spools_dir();
    let some = std::fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some());
    some.then_some(dir)
}

async fn is_stopped(data_dir: &Path) -> Result<(), Failure> {
    match control::ask(data_dir, &Request::Operate(Operation::Topics)).await {
        Ok(Some(_)) => Err(Failure::usage(format!(
            "a pipeline or broker runs on {}: stop it, because nothing may run while a log is copied",
            data_dir.display()
        ))),
        _ => Ok(()),
    }
}

async fn log(dir: &Path, is_source: bool) -> Result<Copyable, Failure> {
    if is_source && !dir.exists() {
        return Err(Failure::usage(format!(
            "{} is not there: name the directory of the log that a pipeline has written, or its file",
            dir.display()
        )));
    }
    let dir = if dir.exists() {
        std::fs::canonicalize(dir).unwrap_or_else(|_| dir.into())
    } else {
        dir.into()
    };
    let log = open_log(&dir, !is_source).await?;
    Ok(Copyable {
        place: CopySource::place(&*log),
        source: log.clone(),
        target: log.clone(),
        broker: log.clone(),
        notes: Notes::InLog(log),
        spools: None,
    })
}

async fn open_log(dir: &Path, unfinished_copies: bool) -> Result<Arc<EmbeddedBroker>, Failure> {
    let dir = dir.to_path_buf();
    let options = EmbeddedOptions {
        retention: RetentionOptions::unlimited(),
        unfinished_copies,
        ..EmbeddedOptions::default()
    };
    let opened = tokio::task::spawn_blocking(move || EmbeddedBroker::open(&dir, options)).await;
    let opened = opened.map_err(Failure::internal)?;
    opened.map_err(Failure::configuration)
}

fn over_the_wire(place: &str) -> Failure {
    Failure::usage(format!(
        "{place} cannot be copied from or to: over Danube's API a broker tells neither the positions of subscriptions nor what was \
         acknowledged, and takes neither. Of `danube-wasm broker`, stop it and name its data directory; of a Danube cluster, let \
         its sinks read everything, then start with an empty log"
    ))
}

impl Notes {
    /// The log that has them, if there is one.
    pub(super) async fn open(&self) -> Result<Option<Arc<EmbeddedBroker>>, Failure> {
        match self {
            Self::InLog(log) => Ok(Some(log.clone())),
            Self::Beside(dir) if dir.exists() => Ok(Some(open_log(dir, false).await?)),
            Self::Beside(_) | Self::Unknown => Ok(None),
        }
    }

    /// The log that is to have them.
    pub(super) async fn make(&self) -> Result<Arc<EmbeddedBroker>, Failure> {
        match self {
            Self::InLog(log) => Ok(log.clone()),
            Self::Beside(dir) => open_log(dir, false).await,
            Self::Unknown => Err(Failure::internal("there is no place for what connectors have noted")),
        }
    }

    /// Lets go of one that is beside the broker.
    pub(super) async fn close(&self, log: &Arc<EmbeddedBroker>) -> Result<(), Failure> {
        match self {
            Self::Beside(_) => log.close().await.map_err(failed),
            Self::InLog(_) | Self::Unknown => Ok(()),
        }
    }

    /// Whether notes can be brought here.
    pub(super) async fn admit(&self, resume: bool, place: &str) -> Result<(), Failure> {
        if let Self::Unknown = self {
            return Err(Failure::usage(format!(
                "sources have noted their places beside their messages, and beside {place} these are in the data directory of a \
                 pipeline: name its file as TO instead of the URL"
            )));
        }
        let (Some(log), false) = (self.open().await?, resume) else {
            return Ok(());
        };
        let number = log.all_notebooks().await;
        self.close(&log).await?;
        match number.map_err(failed)?.len() {
            0 => Ok(()),
            number => Err(failed(BrokerError::new(
                danube_wasm_broker::ErrorKind::Conflict,
                format!(
                    "sources have noted {number} things beside {place} already: go on with a copy that was interrupted with \
                     `--resume`, or start with another `data_dir`"
                ),
            ))),
        }
    }
}
