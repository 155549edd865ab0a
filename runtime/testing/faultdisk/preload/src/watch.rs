//! Which changes are watched, their number, what happens to them, and the journal.

use std::{
    ffi::{CStr, CString},
    os::unix::ffi::OsStrExt as _,
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use danube_wasm_faultdisk::{Change, Fault, Record, variable};
use libc::{c_char, c_int};

use crate::{
    kernel::{self, PATH_BYTES_MAX},
    sync::Syncs,
};

/// What the environment asks for, read once when the library is loaded.
struct Watch {
    /// Ends with a slash.
    directory: Vec<u8>,
    release: CString,
    state: Mutex<State>,
}

/// One change at a time.
pub(crate) struct State {
    journal: c_int,
    fault: Option<Fault>,
    /// Changes so far.
    number: u64,
    /// The file that just took half of a write: it takes no more.
    full: Option<(u64, c_int)>,
    pub(crate) syncs: Syncs,
    /// The file whose syncs get no answer.
    hanging: Option<u64>,
}

static WATCH: OnceLock<Option<Watch>> = OnceLock::new();

#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    crate::clock::at_load();
    let watch = from_environment();
    // What a watched process starts is not watched: its changes would be numbered on their own.
    if watch.is_some() {
        // SAFETY: no other thread runs while libraries are loaded.
        unsafe { libc::unsetenv(c"LD_PRELOAD".as_ptr()) };
    }
    let _ = WATCH.set(watch);
}

#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = at_end;

/// A change that another thread has under way is written down before the process is gone, and none begins after it.
extern "C" fn at_end() {
    std::mem::forget(begin());
}

fn from_environment() -> Option<Watch> {
    let mut directory = std::env::var_os(variable::DIRECTORY)?.as_bytes().to_vec();
    directory.push(b'/');
    let journal = std::env::var_os(variable::JOURNAL)?;
    let release = CString::new(Fault::released_by(Path::new(&journal)).as_os_str().as_bytes()).ok()?;
    let journal = CString::new(journal.as_bytes()).ok()?;
    let fault = match std::env::var(variable::FAULT) {
        Ok(text) => Some(Fault::parse(&text).unwrap_or_else(|| kernel::end("the fault is no fault"))),
        Err(_) => None,
    };
    let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_CLOEXEC;
    let journal = kernel::call(
        libc::SYS_openat,
        libc::AT_FDCWD.into(),
        journal.as_ptr() as libc::c_long,
        flags.into(),
        0o600,
    );
    let journal = c_int::try_from(journal).ok().filter(|fd| *fd >= 0);
    let state = State {
        journal: journal.unwrap_or_else(|| kernel::end("the journal cannot be opened")),
        fault,
        number: 0,
        full: None,
        syncs: Syncs::default(),
        hanging: None,
    };
    Some(Watch {
        directory,
        release,
        state: Mutex::new(state),
    })
}

/// Begins a change; nothing else changes until this is dropped.
pub(crate) fn begin() -> Option<MutexGuard<'static, State>> {
    let watch = WATCH.get()?.as_ref()?;
    Some(watch.state.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Waits until syncs are to be answered again. Others change the disk meanwhile.
pub(crate) fn pause_while_hanging(state: MutexGuard<'static, State>) -> MutexGuard<'static, State> {
    drop(state);
    let Some(Some(watch)) = WATCH.get() else {
        kernel::end("not watched");
    };
    while kernel::lookup(libc::AT_FDCWD, watch.release.as_ptr()).is_none() {
        kernel::pause();
    }
    begin().unwrap_or_else(|| kernel::end("not watched"))
}

/// The name below the directory of what a descriptor is open at.
pub(crate) fn watched(fd: c_int) -> Option<String> {
    let watch = WATCH.get()?.as_ref()?;
    let mut buffer = [0; PATH_BYTES_MAX];
    below(watch, kernel::path_of(fd, &mut buffer))
}

/// The name below the directory of a path, relative to another.
pub(crate) fn watched_at(directory: c_int, path: *const c_char) -> Option<String> {
    let watch = WATCH.get()?.as_ref()?;
    // SAFETY: the caller says that it is a path, as it does to `open`.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    if path.starts_with(b"/") {
        return below(watch, path);
    }
    let mut buffer = [0; PATH_BYTES_MAX];
    let base = if directory == libc::AT_FDCWD {
        std::env::current_dir().ok()?.into_os_string().as_bytes().to_vec()
    } else {
        kernel::path_of(directory, &mut buffer).to_vec()
    };
    below(watch, &[&base, b"/".as_slice(), path].concat())
}

fn below(watch: &Watch, path: &[u8]) -> Option<String> {
    let root = &watch.directory[..watch.directory.len() - 1];
    if path == root {
        return Some(String::new());
    }
    let name = path.strip_prefix(watch.directory.as_slice())?;
    let name = String::from_utf8_lossy(name.strip_suffix(b"/").unwrap_or(name)).into_owned();
    if name.split('/').any(|part| matches!(part, "." | ".." | "")) {
        kernel::end("a path has parts that are not names");
    }
    Some(name)
}

/// How a change ends.
pub(crate) enum Fate {
    Works,
    Fails(c_int),
}

impl State {
    /// Numbers the next change and says what becomes of it.
    pub(crate) fn fate(&mut self) -> Fate {
        let number = self.number;
        self.number += 1;
        match self.fault {
            Some(Fault::Fail { first, count, errno }) if number >= first && number - first < count => {
                Fate::Fails(errno)
            }
            _ => Fate::Works,
        }
    }

    /// Whether a write to this file comes after one that it took only half of.
    pub(crate) fn is_full(&mut self, file: u64) -> Option<c_int> {
        self.full
            .take()
            .filter(|(full, _)| *full == file)
            .map(|(_, errno)| errno)
    }

    pub(crate) fn now_full(&mut self, file: u64, errno: c_int) {
        self.full = Some((file, errno));
    }

    /// Writes down what became of it. The last one of a process that is to die never returns.
    pub(crate) fn note(&mut self, change: Change, errno: c_int) {
        kernel::write_all(self.journal, &Record { change, errno, end: 0 }.encode());
        if let Some(Fault::Die { last }) = self.fault
            && self.number > last
        {
            kernel::die();
        }
    }

    /// Does a change that either happens as a whole or does not, with `work`, which returns -1 when the kernel refuses it.
    pub(crate) fn whole(&mut self, change: impl FnOnce() -> Change, work: impl FnOnce() -> c_int) -> c_int {
        if let Fate::Fails(errno) = self.fate() {
            self.note(change(), errno);
            return kernel::fail(errno);
        }
        self.answered(change, work())
    }

    /// Whether a sync of this file gets no answer, and what becomes of it afterwards: the first fails.
    pub(crate) fn hangs(&mut self, file: u64) -> Option<Fate> {
        match self.fault {
            Some(Fault::Hang { from, errno }) if self.number >= from && self.hanging.is_none() => {
                self.hanging = Some(file);
                self.number += 1;
                Some(Fate::Fails(errno))
            }
            _ => (self.hanging == Some(file)).then_some(Fate::Works),
        }
    }

    fn answered(&mut self, change: impl FnOnce() -> Change, returned: c_int) -> c_int {
        let errno = if returned < 0 { kernel::errno() } else { 0 };
        self.note(change(), errno);
        if returned < 0 { kernel::fail(errno) } else { returned }
    }
}
