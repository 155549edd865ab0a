//! What can be done to an HTTP/2 connection with frames, each as what is sent first and what is sent then, again and
//! again.

use crate::{
    dice::Dice,
    frames::{
        CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
        indexed_literal, literal, post, preface, request,
    },
};

/// A flood.
pub(crate) struct Flood {
    pub(crate) name: &'static str,
    /// Nothing that is answered is read.
    pub(crate) deaf: bool,
    /// Sent once.
    pub(crate) first: Vec<u8>,
    /// Sent so often, or until the server takes no more.
    pub(crate) times: u32,
    /// What is sent the n-th time, on a stream of its own if it needs one.
    pub(crate) then: Box<dyn Fn(u32, u32) -> Vec<u8> + Send + Sync>,
    /// After each of them the server gets a moment to take it in.
    pub(crate) paced: bool,
    pub(crate) events: Events,
}

/// Whether what is sent again and again is a valid request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Events {
    None,
    /// One each time, but it is taken back or too much.
    AtMostOneEach,
    /// One each time, until the server has had enough.
    OneEach,
}

fn flood(name: &'static str, times: u32, then: impl Fn(u32, u32) -> Vec<u8> + Send + Sync + 'static) -> Flood {
    Flood {
        name,
        deaf: false,
        first: preface(&[]),
        times,
        then: Box::new(then),
        paced: false,
        events: Events::None,
    }
}

/// Each with all that varies drawn from `dice`.
pub(crate) fn floods(dice: &mut Dice) -> Vec<Flood> {
    let mut all = streams();
    all.extend(headers());
    all.extend(controls(dice));
    all.extend(bodies(dice));
    all.push(noise(dice));
    all
}

fn open(stream: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, &post())
}

fn streams() -> Vec<Flood> {
    let reset = |stream| frame(RST_STREAM, 0, stream, &CANCEL);
    let reset_at_once = move |_, stream| [open(stream, 0), reset(stream)].concat();
    let taken_back = move |_, stream| [request(stream, b"{}"), reset(stream)].concat();
    let whole = |_, stream| request(stream, b"{}");
    let may_be_taken = |flood| Flood {
        events: Events::AtMostOneEach,
        ..flood
    };
    vec![
        flood("rapid reset", 5_000, reset_at_once),
        paced(flood("reset, not so rapid", 300, reset_at_once)),
        may_be_taken(flood("rapid reset of whole requests", 5_000, taken_back)),
        may_be_taken(paced(flood("reset of whole requests, not so rapid", 300, taken_back))),
        // The server is made to reset them itself.
        flood("made to reset", 5_000, |_, stream| {
            [open(stream, 0), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()
        }),
        flood("streams and no end", 5_000, |_, stream| open(stream, 0)),
        paced(flood("streams and no end, one by one", 500, |_, stream| {
            open(stream, 0)
        })),
        flood("the same stream again", 2_000, |_, _| open(1, END_STREAM)),
        flood("streams of the server", 2_000, |_, stream| open(stream + 1, END_STREAM)),
        may_be_taken(flood("more requests than streams", 2_000, whole)),
        // No answer may be sent; all of them wait.
        Flood {
            first: preface(&[(4, 0)]),
            events: Events::OneEach,
            ..paced(flood("a window of nothing", 200, whole))
        },
        Flood {
            deaf: true,
            events: Events::OneEach,
            ..paced(flood("answers that nobody reads", 300, whole))
        },
    ]
}

fn paced(flood: Flood) -> Flood {
    Flood { paced: true, ..flood }
}

fn headers() -> Vec<Flood> {
    let begun = || [preface(&[]), frame(HEADERS, END_STREAM, 1, &post())].concat();
    let some = literal("x-long", &"a".repeat(8_000));
    // But for its headers, each is a valid request.
    let body = |stream| frame(DATA, END_STREAM, stream, b"{}");
    let table = indexed_literal("x-bomb", &"a".repeat(3_900));
    let bomb = [post(), table, vec![0xbe; 12_000]].concat();
    let long = literal("x-long", &"a".repeat(16_000));
    vec![
        Flood {
            first: begun(),
            ..flood("continuations of nothing", 50_000, |_, _| {
                frame(CONTINUATION, 0, 1, &[])
            })
        },
        Flood {
            first: begun(),
            ..flood("continuations without end", 5_000, move |_, _| {
                frame(CONTINUATION, 0, 1, &some)
            })
        },
        flood("headers that unpack to 46 MB", 50, move |_, stream| {
            [frame(HEADERS, END_HEADERS, stream, &bomb), body(stream)].concat()
        }),
        flood("headers of 64 KB", 200, move |_, stream| {
            let more = frame(CONTINUATION, 0, stream, &long);
            let last = frame(CONTINUATION, END_HEADERS, stream, &long);
            [frame(HEADERS, 0, stream, &post()), more.repeat(3), last, body(stream)].concat()
        }),
        flood("headers that are no HPACK", 100, |_, stream| {
            frame(HEADERS, END_STREAM | END_HEADERS, stream, &[0xff; 64])
        }),
        flood("a table that changes its size", 2_000, |n, stream| {
            let sizes = [[0x20], [0x3f]][n as usize % 2].repeat(100);
            frame(HEADERS, END_STREAM | END_HEADERS, stream, &[sizes, post()].concat())
        }),
    ]
}

fn controls(dice: &mut Dice) -> Vec<Flood> {
    let deaf = |mut flood: Flood| {
        flood.deaf = true;
        flood
    };
    let pings = |name| flood(name, 50_000, |n, _| frame(PING, 0, 0, &u64::from(n).to_be_bytes()));
    let settings = |name| {
        flood(name, 50_000, |n, _| {
            let size = (1_000 + n % 100).to_be_bytes();
            frame(SETTINGS, 0, 0, &[&[0, 1][..], &size].concat())
        })
    };
    let window = u32::try_from(dice.below(1 << 30)).expect("below 2^30");
    vec![
        pings("pings"),
        deaf(pings("pings that are answered to nobody")),
        settings("settings"),
        deaf(settings("settings that are acknowledged to nobody")),
        flood("windows", 20_000, move |_, _| {
            frame(WINDOW_UPDATE, 0, 0, &window.to_be_bytes())
        }),
        flood("priorities", 50_000, |_, stream| frame(2, 0, stream, &[0, 0, 0, 0, 1])),
        flood("frames of no known kind", 20_000, |n, _| {
            frame(0xb0 | (n % 16) as u8, 0xff, 0, &[0; 64])
        }),
        flood("resets of what never was", 100, |_, stream| {
            frame(RST_STREAM, 0, stream, &CANCEL)
        }),
    ]
}

fn bodies(dice: &mut Dice) -> Vec<Flood> {
    let begun = || [preface(&[]), open(1, 0)].concat();
    let said = literal("content-length", "5");
    let lie = move |stream| {
        let head = frame(HEADERS, END_HEADERS, stream, &[post(), said.clone()].concat());
        [head, frame(DATA, END_STREAM, stream, b"{}")].concat()
    };
    let piece = vec![b' '; 1 + dice.below(16_000)];
    vec![
        Flood {
            first: begun(),
            ..flood("data of nothing", 50_000, |_, _| frame(DATA, 0, 1, &[]))
        },
        Flood {
            first: begun(),
            ..flood("data of one byte", 50_000, |_, _| frame(DATA, 0, 1, b" "))
        },
        Flood {
            first: begun(),
            ..flood("padding", 20_000, |_, _| frame(DATA, 0x8, 1, &[255; 256]))
        },
        Flood {
            first: begun(),
            ..flood("data without end, past every window", 2_000, move |_, _| {
                frame(DATA, 0, 1, &piece)
            })
        },
        flood("data on no stream", 100, |_, stream| frame(DATA, 0, stream, b"{}")),
        flood("a length that is not true", 1_000, move |_, stream| lie(stream)),
    ]
}

/// Frames of any kind, flags, stream and payload.
fn noise(dice: &mut Dice) -> Flood {
    let seed = dice.next();
    flood("frames at random", 200, move |n, _| {
        let mut dice = Dice::new(seed.wrapping_add(u64::from(n)));
        let kind = dice.below(12) as u8;
        let stream = dice.below(8) as u32;
        let length = dice.below(200);
        frame(kind, dice.byte(), stream, &dice.bytes(length))
    })
}
