//! The load generator: as little HTTP/1.1 as will do, on one thread, so that what it takes from the servers is small and
//! the same for all. None of our crates.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{API_KEY, PATH, Workload};

/// What became of a round.
#[derive(Default)]
pub(crate) struct Load {
    /// Requests answered with 200. Any other answer fails the benchmark.
    pub(crate) answered: u64,
    pub(crate) elapsed: Duration,
    /// Of each, from sending to the last byte of its answer.
    pub(crate) latencies_us: Vec<u32>,
}

/// Longest head of an answer, in bytes.
const ANSWER_BYTES_MAX: usize = 4096;

/// Sends requests over the workload's connections, each after the answer to the one before it, until the time is over; then
/// waits for the answers that are due.
pub(crate) fn run(address: SocketAddr, length: Duration, workload: Workload) -> Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..workload.connections() {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for stream in streams {
            tasks.spawn(connection(stream, address, started + length, workload));
        }
        let mut load = Load::default();
        while let Some(latencies) = tasks.join_next().await {
            load.latencies_us.extend(latencies??);
        }
        load.elapsed = started.elapsed();
        load.answered = load.latencies_us.len() as u64;
        Ok(load)
    })
}

async fn connection(
    mut stream: TcpStream,
    address: SocketAddr,
    until: Instant,
    workload: Workload,
) -> Result<Vec<u32>> {
    let body = workload.body();
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nhost: {address}\r\ncontent-type: {}\r\nx-api-key: {API_KEY}\r\n\
         user-agent: bench\r\ncontent-length: {}\r\n\r\n{body}",
        workload.content_type(),
        body.len()
    );
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    let mut latencies = Vec::new();
    let mut now = Instant::now();
    while now < until {
        let sent = now;
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream, &mut answer).await?;
        now = Instant::now();
        latencies.push(u32::try_from((now - sent).as_micros()).unwrap_or(u32::MAX));
    }
    Ok(latencies)
}

/// Reads one answer, all of it, and checks that it is a 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut have = 0;
    loop {
        let bytes = stream.read(&mut buffer[have..]).await?;
        ensure!(
            bytes > 0,
            "the server hung up, or its answer is over {ANSWER_BYTES_MAX} bytes"
        );
        have += bytes;
        let Some(head) = find(&buffer[..have], b"\r\n\r\n") else {
            continue;
        };
        ensure!(
            buffer.starts_with(b"HTTP/1.1 200"),
            "not a 200: {}",
            String::from_utf8_lossy(&buffer[..have])
        );
        let end = head + 4 + content_length(&buffer[..head])?;
        if have >= end {
            ensure!(have == end, "more than one answer to one request");
            return Ok(());
        }
    }
}

fn content_length(head: &[u8]) -> Result<usize> {
    let text = std::str::from_utf8(head)?;
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = length.context("an answer without content-length")?;
    Ok(length.trim().parse()?)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
