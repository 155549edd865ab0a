//! What an operator or a test can choose.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use danube_wasm_broker::embedded::{DiskFactory, FileDisk};
use danube_wasm_model::clock::OrderClock;

/// How a spool is kept.
#[derive(Clone)]
pub struct SpoolOptions {
    /// Where: a directory of its own for each connector.
    pub directory: PathBuf,
    /// Most bytes of records, with their keys and attributes. The file may be up to about twice as large. Default 1 GiB.
    pub bytes_max: u64,
    /// How long after the broker accepted a record it may still lose it. Danube writes to its disk every 5 s; the
    /// default, 10 s, leaves it as long again.
    pub flush: Duration,
    /// How long a message may be unacknowledged before it is held here. Default 15 s, half of Danube's ack timeout.
    pub hold_max: Duration,
    /// Largest record taken for publishing, in bytes, with its key and attributes. Danube takes 4 MiB with everything
    /// around it; the default is 64 KiB below that, and dead letters have half of those. What the broker refuses later has
    /// already been confirmed.
    pub record_bytes_max: usize,
    /// What gives records their order where this process is their source: orders go on above all that waits here.
    pub orders: Option<Arc<OrderClock>>,
    /// Where the log's file is opened; a test puts a failing disk here.
    pub disk: Arc<dyn DiskFactory>,
}

impl SpoolOptions {
    /// The defaults, in a directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            bytes_max: 1 << 30,
            flush: Duration::from_secs(10),
            hold_max: Duration::from_secs(15),
            record_bytes_max: (4 << 20) - (64 << 10),
            orders: None,
            disk: Arc::new(FileDisk),
        }
    }
}

impl fmt::Debug for SpoolOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolOptions")
            .field("directory", &self.directory)
            .field("bytes_max", &self.bytes_max)
            .field("flush", &self.flush)
            .field("hold_max", &self.hold_max)
            .field("record_bytes_max", &self.record_bytes_max)
            .finish_non_exhaustive()
    }
}
