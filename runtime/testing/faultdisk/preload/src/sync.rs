//! Syncs, and who gets to know that one has failed.
//!
//! As in Linux: every open file hears of a failure once, at its next sync, and a file that is opened later does not hear of
//! it. `dup` makes another name of the same open file.

use std::collections::BTreeMap;

use danube_wasm_faultdisk::Change;
use libc::{c_int, c_long};

use crate::{
    kernel::{self, call},
    watch::{Fate, begin, pause_while_hanging, watched},
};

/// What a process knows of the syncs that failed.
#[derive(Default)]
pub(crate) struct Syncs {
    /// Open files by descriptor.
    open: BTreeMap<c_int, usize>,
    /// How many failures of its file each open file has heard of.
    heard: Vec<u64>,
    /// Failures of each file, and the last error.
    failures: BTreeMap<u64, (u64, c_int)>,
}

impl Syncs {
    pub(crate) fn opened(&mut self, fd: c_int, file: u64) {
        self.open.insert(fd, self.heard.len());
        self.heard.push(self.failures.get(&file).map_or(0, |(count, _)| *count));
    }

    fn same(&mut self, fd: c_int, other: c_int) {
        if let Some(open) = self.open.get(&fd).copied() {
            self.open.insert(other, open);
        }
    }

    fn failed(&mut self, file: u64, errno: c_int) {
        let failures = self.failures.entry(file).or_default();
        *failures = (failures.0 + 1, errno);
    }

    /// What this open file has not heard of yet.
    fn hear(&mut self, fd: c_int, file: u64) -> Option<c_int> {
        let (count, errno) = *self.failures.get(&file)?;
        let heard = self.heard.get_mut(*self.open.get(&fd)?)?;
        (std::mem::replace(heard, count) < count).then_some(errno)
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fsync)
}

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd, libc::SYS_fdatasync)
}

/// Not really done: what it would make durable is known from the journal.
fn sync(fd: c_int, number: c_long) -> c_int {
    let plain = || call(number, fd.into(), 0, 0, 0) as c_int;
    let Some(path) = watched(fd) else {
        return plain();
    };
    let Some(mut state) = begin() else {
        return plain();
    };
    if kernel::is_directory(fd) {
        return state.whole(|| Change::SyncDirectory { path }, || 0);
    }
    let file = kernel::inode(fd);
    let hung = state.hangs(file);
    if hung.is_some() {
        state = pause_while_hanging(state);
    }
    let fate = match hung {
        Some(Fate::Fails(errno)) => Fate::Fails(errno),
        _ => state.fate(),
    };
    if let Fate::Fails(errno) = fate {
        state.syncs.failed(file, errno);
        state.syncs.hear(fd, file);
        state.note(Change::Sync { file }, errno);
        return kernel::fail(errno);
    }
    state.note(Change::Sync { file }, 0);
    match state.syncs.hear(fd, file) {
        Some(errno) => kernel::fail(errno),
        None => 0,
    }
}

/// `fcntl` takes its argument as a variable one, which arrives where a third one would.
#[unsafe(no_mangle)]
pub extern "C" fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
    let returned = call(libc::SYS_fcntl, fd.into(), command.into(), argument, 0) as c_int;
    if matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) {
        return duplicated(fd, returned);
    }
    returned
}

#[unsafe(no_mangle)]
pub extern "C" fn fcntl64(fd: c_int, command: c_int, argument: c_long) -> c_int {
    fcntl(fd, command, argument)
}

#[unsafe(no_mangle)]
pub extern "C" fn dup(fd: c_int) -> c_int {
    duplicated(fd, call(libc::SYS_dup, fd.into(), 0, 0, 0) as c_int)
}

fn duplicated(fd: c_int, other: c_int) -> c_int {
    if other >= 0
        && watched(fd).is_some()
        && let Some(mut state) = begin()
    {
        state.syncs.same(fd, other);
    }
    other
}
