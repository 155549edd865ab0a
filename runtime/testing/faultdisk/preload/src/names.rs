//! libc's functions that change names. Each is its plain system call, watched.

use danube_wasm_faultdisk::Change;
use libc::{c_char, c_int, c_long, c_uint, mode_t};

use crate::{
    kernel::{self, call},
    watch::{begin, watched_at},
};

const HERE: c_int = libc::AT_FDCWD;

#[unsafe(no_mangle)]
pub extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    renameat2(HERE, from, HERE, to, 0)
}

#[unsafe(no_mangle)]
pub extern "C" fn renameat(old: c_int, from: *const c_char, new: c_int, to: *const c_char) -> c_int {
    renameat2(old, from, new, to, 0)
}

#[unsafe(no_mangle)]
pub extern "C" fn renameat2(old: c_int, from: *const c_char, new: c_int, to: *const c_char, flags: c_uint) -> c_int {
    // SAFETY: the caller's own arguments.
    let plain = || unsafe { libc::syscall(libc::SYS_renameat2, old, from, new, to, flags) as c_int };
    match (watched_at(old, from), watched_at(new, to)) {
        (None, None) => plain(),
        (Some(from), Some(to)) if flags & !libc::RENAME_NOREPLACE == 0 => match begin() {
            Some(mut state) => state.whole(|| Change::Rename { from, to }, plain),
            None => plain(),
        },
        _ => kernel::end("a file is moved into the directory, out of it, or exchanged"),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    linkat(HERE, from, HERE, to, 0)
}

#[unsafe(no_mangle)]
pub extern "C" fn linkat(old: c_int, from: *const c_char, new: c_int, to: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller's own arguments.
    let plain = || unsafe { libc::syscall(libc::SYS_linkat, old, from, new, to, flags) as c_int };
    match (watched_at(old, from), watched_at(new, to)) {
        (_, None) => plain(),
        (Some(from), Some(to)) => match begin() {
            Some(mut state) => state.whole(|| Change::Link { from, to }, plain),
            None => plain(),
        },
        (None, Some(_)) => kernel::end("a file outside gets a name in the directory"),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn unlink(path: *const c_char) -> c_int {
    unlinkat(HERE, path, 0)
}

#[unsafe(no_mangle)]
pub extern "C" fn rmdir(path: *const c_char) -> c_int {
    unlinkat(HERE, path, libc::AT_REMOVEDIR)
}

#[unsafe(no_mangle)]
pub extern "C" fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    let plain = || call(libc::SYS_unlinkat, directory.into(), path as c_long, flags.into(), 0) as c_int;
    change_name(directory, path, |path| Change::Remove { path }, plain)
}

#[unsafe(no_mangle)]
pub extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    mkdirat(HERE, path, mode)
}

#[unsafe(no_mangle)]
pub extern "C" fn mkdirat(directory: c_int, path: *const c_char, mode: mode_t) -> c_int {
    let plain = || call(libc::SYS_mkdirat, directory.into(), path as c_long, mode.into(), 0) as c_int;
    // Asking for one that is there is how some find out. It changes nothing.
    if kernel::lookup(directory, path).is_some() {
        return plain();
    }
    change_name(directory, path, |path| Change::MakeDirectory { path }, plain)
}

fn change_name(
    directory: c_int,
    path: *const c_char,
    change: impl FnOnce(String) -> Change,
    plain: impl FnOnce() -> c_int,
) -> c_int {
    let Some(name) = watched_at(directory, path) else {
        return plain();
    };
    match begin() {
        Some(mut state) => state.whole(|| change(name), plain),
        None => plain(),
    }
}
