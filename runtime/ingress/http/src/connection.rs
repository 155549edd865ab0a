//! One connection: TLS, then HTTP/1.1 or HTTP/2 by its first bytes, until either side is done.
//!
//! # Time
//!
//! A connection is idle, in the middle of a request's headers, or busy. [`Activity`] knows which, and since when; one
//! coarse timer looks at it, so that a request costs no timer of its own. Idle ones are closed after a long while,
//! half-sent headers are answered 408 after a short one. Busy ones have the deadlines of their requests.
//!
//! # Ending
//!
//! When the listener drains, busy connections finish what they have and say that they will close; the others get a
//! moment for a request that is on its way, which is answered 503. When its grace is over, they are cut.
//!
//! An answer that came before the end of its request is followed by a short reading-on, because closing a socket that has
//! unread bytes resets it, and the reset can destroy the answer on its way.

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
    answer::HEADERS_TOO_SLOW,
    limits::{
        CONNECTION_WINDOW_BYTES, ERROR_RESET_STREAMS_MAX, GO_AWAY_MS_MAX, HttpLimits, LAST_REQUEST_MS_MAX,
        LINGER_BYTES_MAX, LINGER_MS_MAX, PING_ANSWER_MS_MAX, PING_EVERY_MS, READ_BUFFER_BYTES_MAX, RESET_STREAMS_MAX,
        STREAM_WINDOW_BYTES,
    },
    service::{self, Caller},
    shared::Shared,
    transport::{Transport, Watched},
};

/// What the client sends first if it speaks HTTP/2 (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves one connection to its end.
pub(crate) async fn serve(shared: Arc<Shared>, tcp: TcpStream, socket: SocketAddr) {
    shared.observer.connection_opened();
    // An answer is one small write: waiting to fill a packet only delays it.
    let _ = tcp.set_nodelay(true);
    let result = match shared.tls() {
        None => converse(&shared, Transport::Plain(tcp), socket).await,
        Some(acceptor) => {
            let patience = Duration::from_millis(shared.limits.tls_handshake_ms_max);
            match timeout(patience, acceptor.accept(tcp)).await {
                Ok(Ok(tls)) => converse(&shared, Transport::Tls(Box::new(tls)), socket).await,
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

async fn converse(shared: &Arc<Shared>, mut transport: Transport, socket: SocketAddr) -> io::Result<()> {
    let activity = Arc::new(Activity::new());
    let Some((version, prefix)) = first_bytes(shared, &mut transport).await? else {
        return Ok(());
    };
    let caller = Arc::new(Caller {
        shared: shared.clone(),
        socket: socket.ip(),
        activity: activity.clone(),
    });
    let service = service_fn(move |request| {
        let caller = caller.clone();
        async move { Ok::<_, Infallible>(service::respond(caller, request).await) }
    });
    let io = TokioIo::new(Watched {
        transport,
        prefix,
        activity: (version == Protocol::Http1).then(|| activity.clone()),
        reworded: None,
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
                    let patience = Duration::from_millis(LINGER_MS_MAX);
                    let _ = timeout(patience, transport.write_all(HEADERS_TOO_SLOW)).await;
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

/// Reads until it is clear what the client speaks. `None` if it never said anything.
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
        // Counted by `Activity` instead, which can tell a slow request from an idle connection.
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
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(ERROR_RESET_STREAMS_MAX)
        .keep_alive_interval(Duration::from_millis(PING_EVERY_MS))
        .keep_alive_timeout(Duration::from_millis(PING_ANSWER_MS_MAX));
    builder
}

/// How serving ended.
enum End {
    Done(hyper::Result<()>),
    HeadersTooSlow,
    Cut,
}

/// A protocol's connection that can be asked to end.
trait Serving: Future<Output = hyper::Result<()>> + Unpin {
    fn wind_up(&mut self);
}

/// Serves, and ends what takes too long or is no longer wanted. `lame_duck` gives a connection without a request a
/// moment when the listener drains: HTTP/2 needs none, its GOAWAY says which requests were not taken.
async fn drive(connection: &mut impl Serving, shared: &Shared, activity: &Activity, lame_duck: bool) -> End {
    let mut draining = false;
    let mut ending = false;
    let mut drain = pin!(shared.drain.cancelled());
    let mut abort = pin!(shared.abort.cancelled());
    let mut timer = pin!(sleep_until(activity.next_look(&shared.limits)));
    loop {
        tokio::select! {
            biased;
            result = &mut *connection => return End::Done(result),
            () = &mut abort => return End::Cut,
            () = &mut drain, if !draining => {
                draining = true;
                if activity.is_busy() || !lame_duck {
                    ending = true;
                    connection.wind_up();
                }
                let patience = if ending { GO_AWAY_MS_MAX } else { LAST_REQUEST_MS_MAX };
                reset(timer.as_mut(), patience);
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
                    None if !draining => timer.as_mut().reset(activity.next_look(&shared.limits)),
                    None | Some(Overdue::Request) => {
                        ending = true;
                        connection.wind_up();
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

/// Says that nothing more will be written, and reads on until the peer says so too.
async fn linger(shared: &Shared, transport: &mut Transport) {
    let read_on = async {
        transport.shutdown().await?;
        let mut waste = vec![0; 16 << 10];
        let mut read = 0;
        while read < LINGER_BYTES_MAX {
            match transport.read(&mut waste).await? {
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

impl<I, S, B> Serving for http1::Connection<I, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn wind_up(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

impl<I, S, B, E> Serving for http2::Connection<I, S, E>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: Http2ServerConnExec<S::Future, B>,
{
    fn wind_up(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}
