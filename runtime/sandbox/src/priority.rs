//! What the records that are being moved have before other work, where there is not enough of the processors.

/// How far a thread stands back behind those that move records.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Priority {
    /// It does not.
    Records,
    /// They get more than twice as much. Whoever holds a thread for long has its turn as often as others, but is not
    /// waited for by them.
    Apart,
    /// They get ten times as much: loading can wait.
    Loading,
}

impl Priority {
    /// Of the calling thread, from now on; it cannot be raised again. If the system does not allow it, the thread is in
    /// their way a little.
    pub(crate) fn set(self) {
        let niceness = match self {
            Self::Records => return,
            Self::Apart => 4,
            Self::Loading => 10,
        };
        let _ = rustix::process::setpriority_process(None, niceness);
    }
}
