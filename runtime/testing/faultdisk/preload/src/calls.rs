//! libc's functions that change what is in files. Each is its plain system call, watched.

use danube_wasm_faultdisk::Change;
use libc::{c_char, c_int, c_long, c_void, iovec, mode_t, off_t, size_t, ssize_t};

use crate::{
    kernel::{self, call},
    watch::{Fate, State, begin, watched, watched_at},
};

const HERE: c_int = libc::AT_FDCWD;

/// `open` takes its mode as a variable argument, which arrives where a third one would.
#[unsafe(no_mangle)]
pub extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_at(HERE, path, flags, mode)
}

#[unsafe(no_mangle)]
pub extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_at(HERE, path, flags, mode)
}

#[unsafe(no_mangle)]
pub extern "C" fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_at(directory, path, flags, mode)
}

#[unsafe(no_mangle)]
pub extern "C" fn openat64(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_at(directory, path, flags, mode)
}

#[unsafe(no_mangle)]
pub extern "C" fn creat(path: *const c_char, mode: mode_t) -> c_int {
    open_at(HERE, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode)
}

/// Only an open that makes or empties a file is a change. Every one is a new hearer of what syncs of the file report.
fn open_at(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let plain = || {
        call(
            libc::SYS_openat,
            directory.into(),
            path as c_long,
            flags.into(),
            mode.into(),
        ) as c_int
    };
    let Some(name) = watched_at(directory, path) else {
        return plain();
    };
    let Some(mut state) = begin() else {
        return plain();
    };
    let fd = change_by_opening(&mut state, directory, path, flags, name, plain);
    if fd >= 0 {
        state.syncs.opened(fd, kernel::inode(fd));
    }
    fd
}

fn change_by_opening(
    state: &mut State,
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    name: String,
    plain: impl FnOnce() -> c_int,
) -> c_int {
    let opened = std::cell::Cell::new(0);
    let work = || {
        let fd = plain();
        opened.set(if fd < 0 { 0 } else { kernel::inode(fd) });
        fd
    };
    match kernel::lookup(directory, path) {
        None if flags & libc::O_CREAT == 0 => work(),
        None => state.whole(
            || Change::Create {
                path: name,
                file: opened.get(),
            },
            work,
        ),
        Some(_) if flags & libc::O_TRUNC == 0 || flags & libc::O_EXCL != 0 => work(),
        Some(file) => state.whole(|| Change::Length { file, length: 0 }, work),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn write(fd: c_int, bytes: *const c_void, length: size_t) -> ssize_t {
    write_at(fd, kernel::buffer(bytes, length), None)
}

#[unsafe(no_mangle)]
pub extern "C" fn pwrite(fd: c_int, bytes: *const c_void, length: size_t, offset: off_t) -> ssize_t {
    write_at(fd, kernel::buffer(bytes, length), Some(offset))
}

#[unsafe(no_mangle)]
pub extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, length: size_t, offset: off_t) -> ssize_t {
    write_at(fd, kernel::buffer(bytes, length), Some(offset))
}

fn plain_write(fd: c_int, bytes: &[u8], offset: Option<off_t>) -> ssize_t {
    let (start, length) = (bytes.as_ptr() as c_long, bytes.len() as c_long);
    kernel::size(match offset {
        None => call(libc::SYS_write, fd.into(), start, length, 0),
        Some(offset) => call(libc::SYS_pwrite64, fd.into(), start, length, offset),
    })
}

fn write_at(fd: c_int, bytes: &[u8], offset: Option<off_t>) -> ssize_t {
    if bytes.is_empty() || watched(fd).is_none() {
        return plain_write(fd, bytes, offset);
    }
    match begin() {
        Some(mut state) => watched_write(&mut state, fd, bytes, offset),
        None => plain_write(fd, bytes, offset),
    }
}

/// A write that fails has taken its first half: the call says so, and the next one gets the error.
fn watched_write(state: &mut State, fd: c_int, bytes: &[u8], offset: Option<off_t>) -> ssize_t {
    let file = kernel::inode(fd);
    if let Some(errno) = state.is_full(file) {
        return kernel::fail(errno) as ssize_t;
    }
    let place = offset.map_or_else(|| kernel::offset(fd), |offset| offset as u64);
    let change = |bytes: &[u8]| Change::Write {
        file,
        offset: place,
        bytes: bytes.to_vec(),
    };
    let taken = match state.fate() {
        Fate::Works => bytes,
        Fate::Fails(errno) if bytes.len() == 1 => {
            state.note(change(bytes), errno);
            return kernel::fail(errno) as ssize_t;
        }
        Fate::Fails(errno) => {
            state.now_full(file, errno);
            &bytes[..bytes.len() / 2]
        }
    };
    let written = plain_write(fd, taken, offset);
    let errno = if written < 0 { kernel::errno() } else { 0 };
    state.note(change(&taken[..usize::try_from(written).unwrap_or(0)]), errno);
    if written < 0 {
        kernel::fail(errno) as ssize_t
    } else {
        written
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if watched(fd).is_none() {
        return kernel::size(call(libc::SYS_writev, fd.into(), parts as c_long, count.into(), 0));
    }
    write_at(fd, &gathered(parts, count), None)
}

#[unsafe(no_mangle)]
pub extern "C" fn pwritev(fd: c_int, parts: *const iovec, count: c_int, offset: off_t) -> ssize_t {
    if watched(fd).is_none() {
        return kernel::size(call(
            libc::SYS_pwritev,
            fd.into(),
            parts as c_long,
            count.into(),
            offset,
        ));
    }
    write_at(fd, &gathered(parts, count), Some(offset))
}

#[unsafe(no_mangle)]
pub extern "C" fn pwritev64(fd: c_int, parts: *const iovec, count: c_int, offset: off_t) -> ssize_t {
    pwritev(fd, parts, count, offset)
}

fn gathered(parts: *const iovec, count: c_int) -> Vec<u8> {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: the caller says that so many are there, as it does to `writev`.
    let parts = unsafe { std::slice::from_raw_parts(parts, count) };
    parts
        .iter()
        .flat_map(|part| kernel::buffer(part.iov_base, part.iov_len))
        .copied()
        .collect()
}

#[unsafe(no_mangle)]
pub extern "C" fn ftruncate(fd: c_int, length: off_t) -> c_int {
    let plain = || call(libc::SYS_ftruncate, fd.into(), length, 0, 0) as c_int;
    match watched(fd).and_then(|_| begin()) {
        Some(mut state) => {
            let (file, length) = (kernel::inode(fd), length as u64);
            state.whole(|| Change::Length { file, length }, plain)
        }
        None => plain(),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn ftruncate64(fd: c_int, length: off_t) -> c_int {
    ftruncate(fd, length)
}
