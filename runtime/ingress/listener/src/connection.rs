//! One connection: TLS, then HTTP/1.1 or HTTP/2 by its first bytes, until either side closes it.
//!
//! # Time
//!
//! A connection is idle, reading a request's headers, or busy. [`Activity`] tracks which, and since when; one coarse timer
//! checks it, so that a request needs no timer of its own. Idle connections are closed after a long timeout, incomplete
//! headers are answered 408 after a short one. ActiveRequest connections have the deadlines of their requests.
//!
//! # Ending
//!
//! When the listener drains, busy connections finish their requests and announce that they close; the others get a
//! moment for a request in transit, which is answered 503. At the end of the grace period all are cut.
//!
//! After an answer that precedes the end of its request, the connection lingers: it reads on for a moment, because closing a
//! socket with unread bytes resets it, and the reset can overtake the answer.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
};

use bytes::Bytes;
use hyper::{
    body::Incoming,
    rt::bounds::Http2ServerConnExec,
    server::conn::{http1, http2},
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, Instant, Sleep, sleep, sleep_until, timeout},
};

use crate::{
    activity::{Activity, Overdue},
    handler::Handler,
    limits::{
        CONNECTION_WINDOW_BYTES, ERROR_RESET_STREAMS_MAX, GO_AWAY_MS_MAX, HttpLimits, LAST_REQUEST_MS_MAX,
        LINGER_BYTES_MAX, LINGER_MS_MAX, PING_ANSWER_MS_MAX, PING_EVERY_MS, READ_BUFFER_BYTES_MAX, RESET_STREAMS_MAX,
    },
    refusal::HEADERS_TOO_SLOW,
    routes::RouteTable,
    service::{self, Caller},
    shared::Shared,
    transport::{TrackedTransport, Transport},
};

/// The first bytes of an HTTP/2 client (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves one connection to its end.
pub(crate) async fn serve<H: Handler>(
    shared: Arc<Shared>,
    routes: Arc<RouteTable<H>>,
    tcp: TcpStream,
    socket: SocketAddr,
) {
    shared.observer.connection_opened();
    // An answer is one small write: Nagle's algorithm only delays it.
    let _ = tcp.set_nodelay(true);
    let result = match shared.tls() {
        None => serve_http(&shared, routes, Transport::Plain(tcp), socket).await,
        Some(acceptor) => {
            let handshake_max = Duration::from_millis(shared.limits.tls_handshake_ms_max);
            match timeout(handshake_max, acceptor.accept(tcp)).await {
                Ok(Ok(tls)) => serve_http(&shared, routes, Transport::Tls(Box::new(tls)), socket).await,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(client = %socket, %error, "connection ended");
    }
    shared.observer.connection_closed();
}

async fn serve_http<H: Handler>(
    shared: &Arc<Shared>,
    routes: Arc<RouteTable<H>>,
    mut transport: Transport,
    socket: SocketAddr,
) -> io::Result<()> {
    let activity = Arc::new(Activity::new());
    let Some((version, prefix)) = first_bytes(shared, &mut transport).await? else {
        return Ok(());
    };
    let caller = Arc::new(Caller {
        shared: shared.clone(),
        routes,
        socket: socket.ip(),
        certificate: transport.client_certificate(),
        activity: activity.clone(),
    });
    let service = service_fn(move |request| {
        let caller = caller.clone();
        async move { Ok::<_, Infallible>(service::respond(caller, request).await) }
    });
    let io = TokioIo::new(TrackedTransport {
        transport,
        prefix,
        activity: (version == Protocol::Http1).then(|| activity.clone()),
        replacement: None,
    });
    match version {
        Protocol::Http2 => {
            let mut connection = http2_builder(&shared.limits).serve_connection(io, service);
            match drive(&mut connection, shared, &activity, false).await {
                End::Done(result) => result.map_err(io::Error::other),
                End::HeadersTooSlow | End::Cut => Ok(()),
            }
        }
        Protocol::Http1 => {
            let mut connection = http1_builder(&shared.limits).serve_connection(io, service);
            let end = drive(&mut connection, shared, &activity, true).await;
            let mut transport = connection.into_parts().io.into_inner().transport;
            match end {
                End::Cut => return Ok(()),
                End::HeadersTooSlow => {
                    let write_max = Duration::from_millis(LINGER_MS_MAX);
                    let _ = timeout(write_max, transport.write_all(HEADERS_TOO_SLOW)).await;
                    linger(shared, &mut transport).await;
                }
                End::Done(_) if activity.is_body_unread() => linger(shared, &mut transport).await,
                End::Done(Err(error)) if error.is_parse() => linger(shared, &mut transport).await,
                End::Done(result) => return result.map_err(io::Error::other),
            }
            Ok(())
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// Reads until the client's protocol is known. Returns `None` if it sent nothing.
async fn first_bytes(shared: &Shared, transport: &mut Transport) -> io::Result<Option<(Protocol, Bytes)>> {
    let read = async {
        let mut bytes = [0; HTTP2_PREFACE.len()];
        let mut filled = 0;
        while filled < bytes.len() && HTTP2_PREFACE.starts_with(&bytes[..filled]) {
            match transport.read(&mut bytes[filled..]).await? {
                0 if filled == 0 => return Ok(None),
                0 => break,
                n => filled += n,
            }
        }
        let version = if bytes[..filled] == *HTTP2_PREFACE {
            Protocol::Http2
        } else {
            Protocol::Http1
        };
        Ok(Some((version, Bytes::copy_from_slice(&bytes[..filled]))))
    };
    let last_chance = async {
        shared.drain.cancelled().await;
        sleep(Duration::from_millis(LAST_REQUEST_MS_MAX)).await;
    };
    tokio::select! {
        biased;
        first = read => first,
        () = sleep(Duration::from_millis(shared.limits.header_read_ms_max)) => Ok(None),
        () = last_chance => Ok(None),
        () = shared.abort.cancelled() => Ok(None),
    }
}

fn http1_builder(limits: &HttpLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // `Activity` measures it instead, because it can tell a slow request from an idle connection.
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes_max)
        .max_buf_size(READ_BUFFER_BYTES_MAX.max(limits.header_bytes_max));
    builder
}

fn http2_builder(limits: &HttpLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(ERROR_RESET_STREAMS_MAX)
        .keep_alive_interval(Duration::from_millis(PING_EVERY_MS))
        .keep_alive_timeout(Duration::from_millis(PING_ANSWER_MS_MAX));
    builder
}

/// How serving a connection ended.
enum End {
    Done(hyper::Result<()>),
    HeadersTooSlow,
    Cut,
}

/// A connection of either protocol that can be shut down gracefully.
trait GracefulConnection: Future<Output = hyper::Result<()>> + Unpin {
    fn begin_shutdown(&mut self);
}

/// Serves a connection, and ends it when it takes too long or the listener drains. With `lame_duck` a connection without a
/// request stays open for a moment when the listener drains: HTTP/2 does not need it, its GOAWAY says which requests were not
/// accepted.
async fn drive(connection: &mut impl GracefulConnection, shared: &Shared, activity: &Activity, lame_duck: bool) -> End {
    let mut draining = false;
    let mut ending = false;
    let mut drain = pin!(shared.drain.cancelled());
    let mut abort = pin!(shared.abort.cancelled());
    let mut timer = pin!(sleep_until(activity.next_check(&shared.limits)));
    loop {
        tokio::select! {
            biased;
            result = &mut *connection => return End::Done(result),
            () = &mut abort => return End::Cut,
            () = &mut drain, if !draining => {
                draining = true;
                if activity.is_busy() || !lame_duck {
                    ending = true;
                    connection.begin_shutdown();
                }
                let wait_ms = if ending { GO_AWAY_MS_MAX } else { LAST_REQUEST_MS_MAX };
                reset(timer.as_mut(), wait_ms);
            }
            () = timer.as_mut() => {
                if ending {
                    if !activity.is_busy() {
                        return End::Cut;
                    }
                    reset(timer.as_mut(), GO_AWAY_MS_MAX);
                    continue;
                }
                match activity.overdue(&shared.limits) {
                    Some(Overdue::Headers) => return End::HeadersTooSlow,
                    None if !draining => timer.as_mut().reset(activity.next_check(&shared.limits)),
                    None | Some(Overdue::Request) => {
                        ending = true;
                        connection.begin_shutdown();
                        reset(timer.as_mut(), GO_AWAY_MS_MAX);
                    }
                }
            }
        }
    }
}

fn reset(timer: Pin<&mut Sleep>, ms: u64) {
    timer.reset(Instant::now() + Duration::from_millis(ms));
}

/// Closes the writing side, and discards what arrives until the peer closes its side.
async fn linger(shared: &Shared, transport: &mut Transport) {
    let read_on = async {
        transport.shutdown().await?;
        let mut discarded = vec![0; 16 << 10];
        let mut read = 0;
        while read < LINGER_BYTES_MAX {
            match transport.read(&mut discarded).await? {
                0 => break,
                n => read += n,
            }
        }
        io::Result::Ok(())
    };
    tokio::select! {
        _ = read_on => {}
        () = sleep(Duration::from_millis(LINGER_MS_MAX)) => {}
        () = shared.abort.cancelled() => {}
    }
}

impl<I, S, B> GracefulConnection for http1::Connection<I, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn begin_shutdown(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

impl<I, S, B, E> GracefulConnection for http2::Connection<I, S, E>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: Http2ServerConnExec<S::Future, B>,
{
    fn begin_shutdown(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}
