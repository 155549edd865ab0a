//! A path with a round trip: what is written on one end is read on the other half a round trip later, at any rate.
//!
//! Threads, not tasks: a timer of tokio's is a millisecond late, which is the whole round trip that is wanted. Chunks
//! that are on their way wait in memory, which the two ends bound by what they leave unanswered.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

/// Read from a socket at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// A socket of loopback that forwards to another, late. It lasts as long as the process.
#[derive(Debug, Clone, Copy)]
pub struct DelayLine {
    address: SocketAddr,
}

impl DelayLine {
    /// Listens, and connects to `target` for each connection.
    pub fn start(target: SocketAddr, round_trip: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // Whoever connected sees its connection closed, and says so.
                if let Ok(far) = TcpStream::connect(target) {
                    let _ = join(&near, &far, round_trip / 2);
                }
            }
        });
        Ok(Self { address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn join(near: &TcpStream, far: &TcpStream, delay: Duration) -> std::io::Result<()> {
    for (from, to) in [(near, far), (far, near)] {
        to.set_nodelay(true)?;
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let (under_way, arriving) = channel();
        thread::spawn(move || read(from, &under_way, delay));
        thread::spawn(move || write(to, &arriving));
    }
    Ok(())
}

/// Bytes, and when they are due.
type Chunk = (Instant, Vec<u8>);

fn read(mut from: TcpStream, under_way: &Sender<Chunk>, delay: Duration) {
    let mut buffer = vec![0; CHUNK_BYTES];
    // Ends with the connection, whichever way that ends.
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        let chunk = (Instant::now() + delay, buffer[..bytes].to_vec());
        if under_way.send(chunk).is_err() {
            return;
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "what this thread is for is to be late, and by how much is known"
)]
fn write(mut to: TcpStream, arriving: &Receiver<Chunk>) {
    for (due, bytes) in arriving {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    // Fails only if the connection is gone already.
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_arrives_in_order_and_not_before_its_time() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let round_trip = Duration::from_millis(10);
        let line = DelayLine::start(listener.local_addr().expect("bound"), round_trip).expect("starts");
        let echo = thread::spawn(move || {
            let (mut near, _) = listener.accept().expect("a connection");
            let mut heard = Vec::new();
            near.read_to_end(&mut heard).expect("reads");
            heard
        });
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut stream = TcpStream::connect(line.address()).expect("connects");
        let begun = Instant::now();
        stream.write_all(&sent).expect("writes");
        stream.shutdown(Shutdown::Write).expect("was open");
        assert_eq!(echo.join().expect("reads all"), sent);
        assert!(begun.elapsed() >= round_trip / 2);
    }
}
