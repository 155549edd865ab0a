//! Names to addresses.

use std::{io, net::IpAddr};

use async_trait::async_trait;

/// Asks for the addresses of a name. A [`Dialer`](crate::Dialer) asks once for each dial and checks what it is given.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of `name`, the preferred first.
    ///
    /// # Errors
    ///
    /// The name is not known, or nobody could be asked.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver: its hosts file, its DNS servers, its search list.
///
/// A lookup whose caller went away still occupies a thread of tokio's blocking pool until the system gives up on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
