//! What a sink component sees of messages, and the writes it asks for.

use crate::columns::{Attributes, Blobs, ColumnError, Labels, Origins, Payloads, Rejection};

/// n messages as columns, as `wit/sink.wit` defines them. Columns that the component did not ask for are empty.
#[derive(Debug, Clone, Default)]
pub struct MessageBatch {
    /// Topic of each, without its partition.
    pub topics: Labels,
    /// Payload of each.
    pub payloads: Blobs,
    /// Record id of each, or empty.
    pub ids: Blobs,
    /// Key of each, or empty.
    pub keys: Blobs,
    /// Publish time of each, in milliseconds since 1970-01-01 UTC, or empty.
    pub publish_times_ms: Vec<u64>,
    /// Producer of each, or empty.
    pub producers: Labels,
    /// `subject@version` of each, or empty.
    pub schemas: Labels,
    /// Attributes of each, or empty.
    pub attributes: Attributes,
    /// Order of each, or empty. Crosses the sandbox as the extra column [`MessageBatch::ORDERS`] or
    /// [`MessageBatch::ORDER_BYTES`].
    pub orders: Vec<u64>,
}

impl MessageBatch {
    /// Name of the extra column of orders.
    pub const ORDERS: &str = "orders";
    /// Name of the extra column of orders as bytes.
    pub const ORDER_BYTES: &str = "order-bytes";

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.payloads.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// n writes as a sink component returned them. Trusted only after [`WriteBatch::check`].
#[derive(Debug, Clone, Default)]
pub struct WriteBatch {
    /// Target of each: a table, a collection, a path.
    pub targets: Labels,
    /// Document of each.
    pub payloads: Payloads,
    /// Messages of each.
    pub origins: Origins,
    /// Id of each, or empty.
    pub ids: Blobs,
    /// Operation code of each, or empty.
    pub operations: Vec<u8>,
    /// Order of each, or empty.
    pub orders: Vec<u64>,
    /// Refused messages.
    pub rejected: Vec<Rejection>,
}

impl WriteBatch {
    /// Longest document id, in bytes.
    pub const ID_BYTES_MAX: usize = 512;

    /// Number of writes.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every rule of `wit/sink.wit` that the types do not carry, for an answer to `inputs` messages. After `Ok`,
    /// every accessor of every column is in range.
    pub fn check(&self, inputs: usize) -> Result<(), ColumnError> {
        self.targets.check("targets")?;
        let n = self.targets.len();
        self.payloads.check("payloads", n, inputs)?;
        self.origins.check("origins", n, inputs)?;
        self.ids.check_optional_text("ids", n, Self::ID_BYTES_MAX)?;
        for (column, len) in [("operations", self.operations.len()), ("orders", self.orders.len())] {
            if len != 0 && len != n {
                return Err(ColumnError::new(column, format!("{len} values for {n} outputs")));
            }
        }
        Rejection::check_all(&self.rejected, inputs)
    }
}

/// What a write does to the document with its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Operation {
    /// Insert unless one is there.
    #[default]
    Insert,
    /// Replace or create.
    Upsert,
    /// Set the given fields, or create.
    Merge,
    /// Remove.
    Delete,
}

impl Operation {
    /// From the number that crossed the sandbox; `None` for one that this host does not know.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Insert),
            1 => Some(Self::Upsert),
            2 => Some(Self::Merge),
            3 => Some(Self::Delete),
            _ => None,
        }
    }

    /// The number that crosses the sandbox.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Its name, as in `wit/sink.wit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Upsert => "upsert",
            Self::Merge => "merge",
            Self::Delete => "delete",
        }
    }
}
