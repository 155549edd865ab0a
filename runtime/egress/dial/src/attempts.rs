//! One connection out of several addresses.

use std::{net::SocketAddr, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;

use crate::{error::Attempt, limits::ATTEMPT_DELAY_MS};

/// Connects to the first address that accepts. Each next one is tried when one before has failed or has taken
/// [`ATTEMPT_DELAY_MS`], beside those still waiting, families in turn: so an address that swallows packets costs a
/// moment and not the whole deadline (RFC 8305).
pub(crate) async fn first_of(addresses: Vec<SocketAddr>) -> Result<TcpStream, Vec<Attempt>> {
    let mut waiting = families_in_turn(addresses).into_iter();
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
        // Small requests must not wait for the acknowledgement of those before.
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    connected.await.map_err(|error| Attempt { address, error })
}

/// IPv6 and IPv4 alternating, beginning with the resolver's first choice.
fn families_in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
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
        assert_eq!(families_in_turn(addresses.to_vec()), expected);
    }
}
