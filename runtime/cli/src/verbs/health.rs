//! `danube-wasm health`: asks the admin port of a running pipeline whether all of it works. An image without a shell has
//! nothing else to ask with.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use crate::{args, exit::Failure};

/// Longest wait for any part of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer that is read, in bytes: one line for each part of a pipeline.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Fails if the pipeline is not ready, with what it says of its parts.
pub(crate) fn health(args: &args::Health) -> Result<(), Failure> {
    let place = &args.admin;
    let answer = ask(place).map_err(|e| {
        Failure::not_ready(format!(
            "nothing answers at {place}: {e}. Name the host and port of the pipeline's `[admin]`"
        ))
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some("503") => Err(Failure::not_ready(format!("not ready: {}", body.trim()))),
        _ => Err(Failure::not_ready(format!(
            "what answers at {place} is not the admin port of a pipeline: name that of its `[admin]`"
        ))),
    }
}

fn ask(place: &str) -> io::Result<String> {
    let mut last = io::Error::other("the name has no address");
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return converse(stream, place),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn converse(mut stream: TcpStream, place: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /health/ready HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}
