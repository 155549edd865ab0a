//! Connects to one of several addresses.

use std::{net::SocketAddr, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;

use crate::{error::Attempt, limits::ATTEMPT_DELAY_MS};

/// Connects to the first address that accepts. The next address is tried when an earlier one has failed or has taken
/// [`ATTEMPT_DELAY_MS`], in parallel to those still pending, families alternating (RFC 8305): so an address that drops
/// packets does not use up the whole deadline.
pub(crate) async fn connect_first(addresses: Vec<SocketAddr>) -> Result<TcpStream, Vec<Attempt>> {
    let mut waiting = alternate_families(addresses).into_iter();
    let mut running: FuturesUnordered<_> = waiting.by_ref().take(1).map(attempt).collect();
    let mut failed = Vec::new();
    while !running.is_empty() {
        let next = tokio::select! {
            Some(outcome) = running.next() => match outcome {
                Ok(stream) => return Ok(stream),
                Err(attempt) => {
                    failed.push(attempt);
                    waiting.next()
                }
            },
            () = tokio::time::sleep(Duration::from_millis(ATTEMPT_DELAY_MS)), if waiting.len() > 0 => waiting.next(),
        };
        running.extend(next.map(attempt));
    }
    Err(failed)
}

async fn attempt(address: SocketAddr) -> Result<TcpStream, Attempt> {
    let connected = async {
        let stream = TcpStream::connect(address).await?;
        // Small requests must not wait for acknowledgements of earlier ones.
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    connected.await.map_err(|error| Attempt { address, error })
}

/// Alternates between IPv6 and IPv4, beginning with the family of the first address.
fn alternate_families(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let six_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|one| one.is_ipv6() == six_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::new();
    while first.len() + second.len() > 0 {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate_and_keep_their_order() {
        let addresses = ["[::2]:1", "[::3]:1", "[::4]:1", "10.0.0.1:1", "10.0.0.2:1"].map(|text| text.parse().unwrap());
        let expected = ["[::2]:1", "10.0.0.1:1", "[::3]:1", "10.0.0.2:1", "[::4]:1"].map(|text| text.parse().unwrap());
        assert_eq!(alternate_families(addresses.to_vec()), expected);
    }
}
