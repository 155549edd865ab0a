//! Resolution of names.

use std::{io, net::IpAddr};

use async_trait::async_trait;

/// Resolves names. A [`Dialer`](crate::Dialer) resolves once for each dial and checks the result.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// Returns all addresses of `name`, the preferred ones first.
    ///
    /// # Errors
    ///
    /// The name is unknown, or DNS is unavailable.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver: its hosts file, its DNS servers, its search list.
///
/// A lookup whose caller is gone still occupies a thread of tokio's blocking pool until the system's timeout.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
