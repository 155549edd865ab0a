//! What keeps a connection from being made or used, found out by hand: the transport's own errors say only that it
//! broke.

use std::{io, time::Duration};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{Address, Wire, connect::Stream, tls};

/// HTTP/2's opening: the preface and an empty SETTINGS frame.
const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
/// First byte of a TLS alert: what a TLS server answers to anything else.
const TLS_ALERT: u8 = 0x15;
/// Type of a SETTINGS frame, the fourth byte of what an HTTP/2 server says first.
const SETTINGS: u8 = 0x04;

impl Wire {
    /// Connects, and looks at what the other end speaks.
    pub(crate) async fn diagnose(&self, address: &Address, within: Duration) -> Result<()> {
        let mut stream = self.channels.connector(address).connect().await?;
        let mut head = [0_u8; 9];
        let answer = timeout(within, exchange(&mut stream, &mut head)).await;
        let why = match answer {
            Ok(Ok(())) if head[3] == SETTINGS => return Ok(()),
            Ok(Ok(())) if head[0] == TLS_ALERT && !address.tls => {
                format!("the broker at {address} speaks TLS on that port: write `https://`")
            }
            Ok(Ok(())) if head.starts_with(b"HTTP/1.") => format!(
                "a web server, not a Danube broker, listens at {address}: its port for clients is 6650 by default"
            ),
            Ok(Ok(())) => format!("what listens at {address} is no Danube broker: it does not speak HTTP/2"),
            Ok(Err(error)) => tls::explain(address, &error).unwrap_or_else(|| {
                let cure = match address.tls {
                    true => "it may want a client certificate",
                    false => "if that is a TLS port, write `https://`",
                };
                format!("what listens at {address} closed the connection ({error}): {cure}")
            }),
            Err(_) => format!(
                "what listens at {address} accepts connections and says nothing within {} ms: it hangs, or is no \
                 Danube broker",
                within.as_millis()
            ),
        };
        Err(BrokerError::new(ErrorKind::Unavailable, why))
    }
}

/// A TLS server that dislikes the client's certificate says so here, after its handshake.
async fn exchange(stream: &mut Stream, head: &mut [u8]) -> io::Result<()> {
    stream.write_all(OPENING).await?;
    stream.flush().await?;
    let read = stream.read(head).await?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // A TLS alert is 7 bytes and all there is.
    if head[0] != TLS_ALERT && read < head.len() {
        stream.read_exact(&mut head[read..]).await?;
    }
    Ok(())
}
