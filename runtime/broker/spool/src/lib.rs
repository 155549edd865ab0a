//! Messages kept on this disk while the broker or the target is away.
