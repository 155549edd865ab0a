//! Bodies that are too long, that do not end, and that are longer than they look.

use std::{io::Write, sync::LazyLock, time::Duration};

use danube_wasm_ingress_http::{ContentKind, ListenerOptions};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};

use crate::{
    class::{Class, Plan, expect},
    dice::Dice,
    host::{Host, brisk},
    process::resident_mib,
    wire::Wire,
};

/// The limit of the endpoint, in bytes. Three such bodies fit into the listener at once.
const BODY_BYTES_MAX: usize = 64 << 10;
/// What resident memory may grow by while bodies are sent, in MiB.
const GROWTH_MIB_MAX: u64 = 64;
/// Bombs at once.
const BOMBS: usize = 50;
/// What an endless sender sends at most, in bytes: long before, it must have been answered.
const ENDLESS_BYTES_MAX: usize = 64 << 20;

pub(crate) async fn run(plan: Plan) -> Class {
    let mut class = Class::default();
    let memory = resident_mib();
    let host = Host::start(limits, |endpoint| {
        endpoint.body_bytes_max = BODY_BYTES_MAX;
        endpoint.content = ContentKind::Any.into();
    })
    .await;
    let tests = plan.one_in(100);
    for seed in plan.seeds(tests) {
        let mut dice = Dice::new(seed);
        class.judge_seed(seed, declared(&host, &mut dice).await);
        class.judge_seed(seed, endless(&host, &mut dice).await);
        class.judge_seed(seed, around_the_limit(&host, &mut dice).await);
        class.judge_seed(seed, compressed(&host, &mut dice).await);
        class.judge_seed(seed, all_at_once(&host).await);
        class.judge_seed(seed, nothing_is_kept(&host).await);
    }
    class.record("a body that drips", drip(&host).await);
    let grown = resident_mib().saturating_sub(memory);
    class.check(
        "memory",
        match grown > GROWTH_MIB_MAX {
            true => Err(format!("{grown} MiB more are resident")),
            false => Ok(()),
        },
    );
    class.check("it stops", host.stop().await);
    class
}

fn limits(options: &mut ListenerOptions) {
    brisk(options);
    options.limits.body_bytes_in_flight_max = 3 * BODY_BYTES_MAX;
}

fn head(lines: &str) -> Vec<u8> {
    format!("POST /hook HTTP/1.1\r\nhost: test\r\n{lines}\r\n").into()
}

fn with_length(lines: &str, body: &[u8]) -> Vec<u8> {
    [&head(&format!("{lines}content-length: {}\r\n", body.len())), body].concat()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The status that `bytes` are answered with, and whether that made an event.
async fn ask(host: &Host, bytes: &[u8]) -> Result<(u16, bool), String> {
    let before = host.server.inbox.count();
    let mut wire = host.connect().await;
    wire.send(bytes).await;
    let answer = wire.answer(false).await?.ok_or("no answer")?;
    Ok((answer.status, host.server.inbox.count() > before))
}

/// More than is allowed, by its own word: refused though nothing of it was sent.
async fn declared(host: &Host, dice: &mut Dice) -> Result<(), String> {
    let sizes = [
        BODY_BYTES_MAX + 1,
        BODY_BYTES_MAX + 1 + dice.below(1 << 40),
        usize::MAX >> 1,
    ];
    for size in sizes {
        for lines in ["", "expect: 100-continue\r\n"] {
            let bytes = head(&format!("{lines}content-length: {size}\r\n"));
            expect(&format!("{size} bytes"), ask(host, &bytes).await?, (413, false))?;
        }
    }
    Ok(())
}

/// Chunks, and never the last; and what else need not end.
async fn endless(host: &Host, dice: &mut Dice) -> Result<(), String> {
    let piece = vec![b'a'; 1 + dice.below(20_000)];
    let endless: [(&str, Vec<u8>, Vec<u8>, u16); 5] = [
        ("chunks", Vec::new(), chunk(&piece), 413),
        ("chunks of one byte", Vec::new(), chunk(b"a").repeat(1_000), 413),
        ("a chunk", b"ffffffffffff\r\n".to_vec(), piece.clone(), 413),
        ("an extension", b"1;".to_vec(), piece.clone(), 400),
        ("trailers", b"0\r\n".to_vec(), b"x: y\r\n".repeat(100), 400),
    ];
    for (name, first, then, status) in endless {
        let mut wire = host.connect().await;
        wire.send(&head("transfer-encoding: chunked\r\n")).await;
        wire.send(&first).await;
        let heard = until_refused(&mut wire, &then, status).await;
        heard.map_err(|why| format!("{name} without end: {why}"))?;
    }
    Ok(())
}

/// Sends until it is answered.
async fn until_refused(wire: &mut Wire, piece: &[u8], status: u16) -> Result<(), String> {
    let mut sent = 0;
    let mut open = true;
    while sent < ENDLESS_BYTES_MAX && open && !wire.is_answered() {
        open = wire.send(piece).await;
        sent += piece.len();
        tokio::task::yield_now().await;
    }
    match wire.answer(false).await? {
        Some(answer) => expect("status", answer.status, status)?,
        // It went on sending for too long after the answer, which the reset has destroyed.
        None if !open => {}
        None => return Err(format!("closed without a word after {sent} bytes")),
    }
    match sent < ENDLESS_BYTES_MAX {
        true => Ok(()),
        false => Err(format!("{sent} bytes were taken")),
    }
}

/// In chunks of any size, around the limit.
async fn around_the_limit(host: &Host, dice: &mut Dice) -> Result<(), String> {
    for size in [
        BODY_BYTES_MAX,
        BODY_BYTES_MAX + 1,
        BODY_BYTES_MAX - 50 + dice.below(100),
    ] {
        let mut bytes = head("transfer-encoding: chunked\r\n");
        let body = dice.bytes(size);
        let mut rest = &body[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(1 + dice.below(rest.len().min(9_000)));
            bytes.extend_from_slice(&chunk(piece));
            rest = after;
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        let before = host.server.inbox.count();
        let wanted = if size > BODY_BYTES_MAX {
            (413, false)
        } else {
            (200, true)
        };
        expect(&format!("{size} bytes"), ask(host, &bytes).await?, wanted)?;
        if wanted.1
            && host
                .server
                .inbox
                .since(before)
                .iter()
                .all(|event| event.payload != body)
        {
            return Err(format!("another body of {size} bytes arrived"));
        }
    }
    Ok(())
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Zeros: about a thousand of them for each byte sent.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| gzip(&vec![0; 20 << 20]));

/// The same in zlib's format, which HTTP calls deflate.
static DEFLATE_BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 20 << 20]).unwrap();
    encoder.finish().unwrap()
});

static ZSTD_BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| zstd::encode_all(&vec![0; 20 << 20][..], 19).unwrap());

static BROTLI_BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut sent = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut sent, 4096, 9, 22);
    encoder.write_all(&vec![0; 20 << 20]).unwrap();
    drop(encoder);
    sent
});

async fn compressed(host: &Host, dice: &mut Dice) -> Result<(), String> {
    let bomb: &[u8] = &BOMB;
    let cut = bomb[..1 + dice.below(bomb.len() - 1)].to_vec();
    let mut bent = gzip(&dice.bytes(1_000));
    let at = dice.below(bent.len() - 20) + 12;
    bent[at] ^= 0xff;
    let members = gzip(&[0; 1_000]).repeat(500);
    let cases: [(&str, &str, &[u8], u16); 15] = [
        ("a bomb", "gzip", bomb, 413),
        ("a bomb by another name", "X-GZip", bomb, 413),
        ("a bomb in a bomb", "gzip, gzip", &gzip(bomb), 415),
        (
            "a bomb in a bomb in two lines",
            "gzip\r\ncontent-encoding: gzip",
            &gzip(bomb),
            415,
        ),
        ("a bomb of another kind", "deflate", &DEFLATE_BOMB, 413),
        ("a bomb of a third kind", "zstd", &ZSTD_BOMB, 413),
        ("a bomb of a fourth kind", "br", &BROTLI_BOMB, 413),
        ("a bomb of brotli in gzip", "br, gzip", &gzip(&BROTLI_BOMB), 415),
        ("what is not the coding that it says", "br", bomb, 400),
        ("a coding nobody knows", "compress", bomb, 415),
        ("many small members", "gzip", &members, 413),
        ("what is not compressed", "gzip", b"{}", 400),
        ("nothing", "gzip", b"", 400),
        (
            "garbage behind it",
            "gzip",
            &[gzip(b"{}"), b"garbage".to_vec()].concat(),
            400,
        ),
        ("a bent one", "gzip", &bent, 400),
    ];
    for (name, coding, body, status) in cases {
        let bytes = with_length(&format!("content-encoding: {coding}\r\n"), body);
        expect(name, ask(host, &bytes).await?, (status, false))?;
    }
    // Cut off, it is either already too much or not gzip.
    let bytes = with_length("content-encoding: gzip\r\n", &cut);
    match ask(host, &bytes).await? {
        (400 | 413, false) => Ok(()),
        other => Err(format!("a bomb cut off: {other:?}")),
    }
}

/// Many bombs together: some find no room, none explodes.
async fn all_at_once(host: &Host) -> Result<(), String> {
    let bytes = with_length("content-encoding: gzip\r\n", &BOMB);
    let asked = futures_util::future::join_all((0..BOMBS).map(|_| ask(host, &bytes))).await;
    for answer in asked {
        match answer? {
            (413 | 503, false) => {}
            other => return Err(format!("a bomb among others: {other:?}")),
        }
    }
    Ok(())
}

/// Whatever was refused, its bytes are not counted any more: as much fits in as ever.
async fn nothing_is_kept(host: &Host) -> Result<(), String> {
    host.at_rest().await?;
    let inbox = &host.server.inbox;
    inbox.shut();
    let before = inbox.count();
    let full = with_length("", &vec![b'a'; BODY_BYTES_MAX]);
    let three = futures_util::future::join_all((0..3).map(|_| async {
        let mut wire = host.connect().await;
        wire.send(&full).await;
        Ok::<_, String>(wire.answer(false).await?.map(|answer| answer.status))
    }));
    let (statuses, ()) = tokio::join!(three, async {
        inbox.holds(before + 3).await;
        inbox.open();
    });
    for status in statuses {
        expect("one of three bodies that fit together", status?, Some(200))?;
    }
    Ok(())
}

/// A byte now and then: each alone comes in time, all of them do not.
async fn drip(host: &Host) -> Result<(), String> {
    let before = host.server.inbox.count();
    let mut wire = host.connect().await;
    wire.send(&head("transfer-encoding: chunked\r\n")).await;
    while !wire.is_answered() && wire.send(&chunk(b"a")).await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let status = wire.answer(false).await?.map(|answer| answer.status);
    expect("status", status, Some(408))?;
    expect("events", host.server.inbox.count(), before)
}
