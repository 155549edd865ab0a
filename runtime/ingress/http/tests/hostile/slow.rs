//! A thousand sockets that take their time, beside a client that does not.
//!
//! A third of them sends a header byte by byte, a third a body; the rest asks for a long answer and does not read it.
//! While all hang, the good client is answered; by and by the server lets every one of them go, and nobody else helps.

use std::{io::ErrorKind, time::Duration};

use bytes::Bytes;
use danube_wasm_ingress_http::ListenerOptions;
use danube_wasm_model::door::{Outcome, Reply};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::watch,
};

use crate::{
    class::{Class, Plan},
    dice::Dice,
    host::{Host, REST},
    support::DEADLINE,
};

const SOCKETS: usize = 1_000;
/// Of them, those that do not read. Few, because the kernel buffers an answer for each.
const DEAF: usize = 100;
/// Longer than any socket buffer.
const ANSWER_BYTES: usize = 16 << 20;
/// Good requests that are answered while all hang.
const GOOD: usize = 20;

pub(crate) async fn run(plan: Plan) -> Class {
    let mut class = Class::default();
    for seed in plan.seeds(plan.one_in(500)) {
        class.judge_seed(seed, attack(seed).await);
    }
    class
}

/// Long enough for all of them to hang at once.
fn limits(options: &mut ListenerOptions) {
    options.limits.header_read_ms_max = 3_000;
    options.limits.idle_ms_max = 3_000;
    options.limits.body_read_ms_max = 3_000;
}

/// One that sends a byte now and then, or never reads.
struct Socket {
    tcp: TcpStream,
    drips: bool,
}

async fn attack(seed: u64) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let host = Host::start(limits, |_| {}).await;
    let mut sockets = Vec::new();
    ask_for_long_answers(&host, &mut sockets).await?;
    while sockets.len() < SOCKETS {
        let begun: &[u8] = match dice.below(3) {
            0 => b"POST /hook HTTP/1.1\r\nhost: test\r\nx-drip: ",
            1 => b"POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\n",
            _ => b"PO",
        };
        let tcp = connect(&host).await?;
        say(&tcp, begun);
        sockets.push(Socket { tcp, drips: true });
    }
    let over = watch::Sender::new(false);
    let (reaped, answered) = tokio::join!(
        async {
            let reaped = until_reaped(&host, &sockets).await;
            over.send_replace(true);
            reaped
        },
        neighbour(&host, over.subscribe()),
    );
    let answered = answered?;
    reaped?;
    drop(sockets);
    if answered < GOOD {
        return Err(format!("{answered} good requests were answered meanwhile"));
    }
    host.good().await?;
    host.at_rest().await?;
    host.stop().await
}

async fn connect(host: &Host) -> Result<TcpStream, String> {
    let socket = TcpSocket::new_v4().map_err(|error| error.to_string())?;
    socket.set_recv_buffer_size(4_096).map_err(|error| error.to_string())?;
    let connected = socket.connect(host.server.listener.local_addr()).await;
    connected.map_err(|error| error.to_string())
}

/// Whether it can still be said.
fn say(tcp: &TcpStream, bytes: &[u8]) -> bool {
    match tcp.try_write(bytes) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

async fn ask_for_long_answers(host: &Host, sockets: &mut Vec<Socket>) -> Result<(), String> {
    let body = Bytes::from(vec![b'a'; ANSWER_BYTES]);
    for n in 1..=DEAF {
        let reply = Reply {
            status: 200,
            content_type: "text/plain".to_owned(),
            body: body.clone(),
        };
        host.server.inbox.then(Outcome::Accepted {
            id: "long".to_owned(),
            records: 0,
            durable: true,
            answer: Some(reply),
        });
        let tcp = connect(host).await?;
        say(
            &tcp,
            b"POST /hook HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n{}",
        );
        host.server.inbox.holds(n).await;
        sockets.push(Socket { tcp, drips: false });
    }
    Ok(())
}

/// Sends a byte on each again and again, until the server has let all of them go.
async fn until_reaped(host: &Host, sockets: &[Socket]) -> Result<(), String> {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    let mut open: Vec<&Socket> = sockets.iter().filter(|socket| socket.drips).collect();
    // The good client has one of its own now and then.
    while host.witness.held().0 > 1 || !open.is_empty() {
        open.retain(|socket| say(&socket.tcp, b"a"));
        if tokio::time::Instant::now() > deadline {
            return Err(format!("{:?} connections and requests are left", host.witness.held()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Sends good requests until told that it is over; how many.
async fn neighbour(host: &Host, over: watch::Receiver<bool>) -> Result<usize, String> {
    let mut answered = 0;
    while !*over.borrow() {
        host.good().await?;
        answered += 1;
        tokio::time::sleep(REST).await;
    }
    Ok(answered)
}
