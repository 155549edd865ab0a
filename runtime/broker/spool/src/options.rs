//! Options of a spool.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use danube_wasm_broker::embedded::{DiskFactory, FileDisk};
use danube_wasm_model::clock::OrderClock;

/// Options of a spool.
#[derive(Clone)]
pub struct SpoolOptions {
    /// The spool's directory, one for each connector.
    pub directory: PathBuf,
    /// Most bytes of records, with their keys and attributes. The file may be up to about twice as large. Default 1 GiB.
    pub bytes_max: u64,
    /// How long the broker may still lose a record after accepting it. Danube writes to its disk every 5 s; the default
    /// is 10 s, twice that.
    pub flush: Duration,
    /// How long a message may be unacknowledged before it is spilled. Default 15 s, half of Danube's ack timeout.
    pub hold_max: Duration,
    /// Largest record taken for publishing, in bytes, with its key and attributes. Danube's limit is 4 MiB for a whole
    /// request; the default is 64 KiB below that, and half of those are reserved for dead letters. A record that the
    /// broker refuses later has already been confirmed.
    pub record_bytes_max: usize,
    /// The clock that orders records where this process is their source: new orders are above those of all records in
    /// the spool.
    pub orders: Option<Arc<OrderClock>>,
    /// Opens the log's file; tests inject a failing disk here.
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
