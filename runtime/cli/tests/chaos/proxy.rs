//! A TCP proxy in this process that does to connections what networks do: nothing, refusing, swallowing, delaying,
//! cutting (also within a message), losing answers.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::{Mutex, RwLock};

use crate::{
    oracle::{Id, ids_in},
    tap::Tapped,
};

/// What happens to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// New connections are closed at once, those that are there are cut.
    Refuse,
    /// Everything is taken and nothing goes on, in both directions; nothing is closed.
    Swallow,
    /// Every chunk waits, each way.
    Delay(Duration),
    /// What goes there arrives; what comes back is lost, and then the connection is cut.
    LoseAnswers,
    /// Of an event that goes there, and of what is as long as a statement, half arrives, and then the connection is cut.
    CutWithin,
}

pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    to: RwLock<SocketAddr>,
    weather: RwLock<Weather>,
    open: Mutex<Vec<TcpStream>>,
    /// Connections, and chunks of bytes, to which the weather did something since it changed.
    met: AtomicU64,
    /// Events that went there since answers are lost, or that did not arrive whole since connections are cut.
    published: Mutex<BTreeSet<Id>>,
    /// What went through each connection.
    tapped: Mutex<Vec<Arc<Mutex<Tapped>>>>,
    ended: AtomicBool,
}

const CHUNK: usize = 16 << 10;
/// Events are not seen in what goes to a database: statements are told by being at least this long. Other long chunks are
/// cut within, too.
const STATEMENT_BYTES_MIN: usize = 512;

impl Proxy {
    /// To nowhere yet.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            to: RwLock::new((Ipv4Addr::LOCALHOST, 0).into()),
            weather: RwLock::new(Weather::Fair),
            open: Mutex::new(Vec::new()),
            met: AtomicU64::new(0),
            published: Mutex::default(),
            tapped: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let accepting = state.clone();
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where new connections go: a server that came back elsewhere.
    pub fn point_to(&self, to: SocketAddr) {
        *self.state.to.write() = to;
    }

    pub fn set(&self, weather: Weather) {
        let before = std::mem::replace(&mut *self.state.weather.write(), weather);
        self.state.met.store(0, Ordering::Relaxed);
        self.state.published.lock().clear();
        // What was swallowed on a connection can't be made up for: it is cut when the weather clears.
        if weather == Weather::Refuse || before == Weather::Swallow || before == Weather::LoseAnswers {
            self.cut();
        }
    }

    /// Resets every connection.
    pub fn cut(&self) {
        for stream in self.state.open.lock().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Events whose calls were answered since the start.
    pub fn answered(&self) -> BTreeSet<Id> {
        let tapped = self.state.tapped.lock();
        tapped.iter().flat_map(|one| one.lock().answered()).collect()
    }

    /// Events that came back since the start.
    pub fn delivered(&self) -> BTreeSet<Id> {
        let tapped = self.state.tapped.lock();
        tapped.iter().flat_map(|one| one.lock().delivered()).collect()
    }

    /// Whether the weather did something to anybody since it changed.
    pub fn met_anybody(&self) -> bool {
        self.state.met.load(Ordering::Relaxed) > 0
    }

    /// How many events went there, in calls that can be read, since answers are lost; or did not arrive whole since
    /// connections are cut.
    pub fn published(&self) -> usize {
        self.state.published.lock().len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Release);
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for client in listener.incoming() {
        if state.ended.load(Ordering::Acquire) {
            return;
        }
        let Ok(client) = client else { continue };
        if *state.weather.read() == Weather::Refuse {
            state.met.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let to = *state.to.read();
        let Ok(server) = TcpStream::connect(to) else { continue };
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
            state.open.lock().extend(stream.try_clone());
        }
        let tapped = Arc::new(Mutex::new(Tapped::default()));
        state.tapped.lock().push(tapped.clone());
        let (back_from, back_to) = (server.try_clone(), client.try_clone());
        let (there, back) = (state.clone(), state.clone());
        let tapped_back = tapped.clone();
        thread::spawn(move || carry(client, server, &there, &tapped, Way::There));
        if let (Ok(from), Ok(to)) = (back_from, back_to) {
            thread::spawn(move || carry(from, to, &back, &tapped_back, Way::Back));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

fn carry(mut from: TcpStream, mut to: TcpStream, state: &State, tapped: &Mutex<Tapped>, way: Way) {
    let mut chunk = [0; CHUNK];
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        let weather = *state.weather.read();
        let fate = weather.fate(&chunk[..n], way);
        state.met.fetch_add(u64::from(fate.is_met), Ordering::Relaxed);
        state.published.lock().extend(fate.published);
        thread::park_timeout(fate.waits);
        let passes = &chunk[..fate.passes];
        match way {
            Way::There => tapped.lock().there.extend(passes),
            Way::Back => tapped.lock().back.extend(passes),
        }
        if to.write_all(passes).is_err() || fate.is_last {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// What becomes of a chunk of bytes.
#[derive(Default)]
struct Fate {
    /// The weather did something to it.
    is_met: bool,
    waits: Duration,
    /// So much of it goes on.
    passes: usize,
    /// Then the connection is cut.
    is_last: bool,
    /// What [`State::published`] is about.
    published: BTreeSet<Id>,
}

impl Weather {
    fn fate(self, chunk: &[u8], way: Way) -> Fate {
        let untouched = Fate {
            passes: chunk.len(),
            ..Fate::default()
        };
        let met = Fate {
            is_met: true,
            ..Fate::default()
        };
        match (self, way) {
            (Self::Fair, _) | (Self::CutWithin, Way::Back) => untouched,
            (Self::LoseAnswers, Way::There) => Fate {
                published: ids_in(chunk),
                ..untouched
            },
            (Self::LoseAnswers, Way::Back) => Fate { is_last: true, ..met },
            (Self::Swallow, _) => met,
            (Self::Delay(waits), _) => Fate {
                waits,
                passes: chunk.len(),
                ..met
            },
            // Whoever set it cuts the connection.
            (Self::Refuse, _) => Fate {
                passes: chunk.len(),
                ..met
            },
            (Self::CutWithin, Way::There) => {
                let (half, events) = (&chunk[..chunk.len() / 2], ids_in(chunk));
                if events.is_empty() && chunk.len() < STATEMENT_BYTES_MIN {
                    return untouched;
                }
                Fate {
                    passes: half.len(),
                    is_last: true,
                    // Those in the half have arrived: their answers are lost.
                    published: &events - &ids_in(half),
                    ..met
                }
            }
        }
    }
}
