//! System calls, and what `/proc` knows.

use libc::{c_char, c_int, c_long, size_t, ssize_t};

/// Longest path that is looked at, in bytes: PATH_MAX.
pub(crate) const PATH_BYTES_MAX: usize = 4096;

/// What a call returns to its caller: the value, or -1 and `errno`.
pub(crate) fn fail(errno: c_int) -> c_int {
    // SAFETY: the address is this thread's own.
    unsafe { *libc::__errno_location() = errno };
    -1
}

pub(crate) fn errno() -> c_int {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() }
}

/// One system call with up to four arguments.
pub(crate) fn call(number: c_long, a: c_long, b: c_long, c: c_long, d: c_long) -> c_long {
    // SAFETY: the arguments are those that the process gave to libc for the same call, or our own live buffers.
    unsafe { libc::syscall(number, a, b, c, d, 0, 0) }
}

/// Writes all of it, past everything; what cannot be written is not worth going on for.
pub(crate) fn write_all(fd: c_int, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let written = call(
            libc::SYS_write,
            fd.into(),
            bytes.as_ptr() as c_long,
            bytes.len() as c_long,
            0,
        );
        match usize::try_from(written) {
            Ok(written) => bytes = &bytes[written..],
            Err(_) => end("the journal cannot be written"),
        }
    }
}

/// Ends the process: what it does cannot be recorded, so the test must not go on.
pub(crate) fn end(why: &str) -> ! {
    for part in ["faultdisk: ", why, "\n"] {
        let _ = call(libc::SYS_write, 2, part.as_ptr() as c_long, part.len() as c_long, 0);
    }
    // SAFETY: does not return.
    unsafe { libc::abort() }
}

/// Dies like a process that is killed: nothing is flushed, nobody is told.
pub(crate) fn die() -> ! {
    let me = call(libc::SYS_getpid, 0, 0, 0, 0);
    call(libc::SYS_kill, me, libc::SIGKILL.into(), 0, 0);
    end("survived SIGKILL")
}

/// A few milliseconds.
pub(crate) fn pause() {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 5_000_000,
    };
    call(libc::SYS_nanosleep, &raw const time as c_long, 0, 0, 0);
}

/// The path that a descriptor is open at, in a buffer without allocation.
pub(crate) fn path_of(fd: c_int, buffer: &mut [u8; PATH_BYTES_MAX]) -> &[u8] {
    let mut link = [0; 32];
    let name = format_fd(fd, &mut link);
    let length = call(
        libc::SYS_readlinkat,
        libc::AT_FDCWD.into(),
        name as c_long,
        buffer.as_mut_ptr() as c_long,
        PATH_BYTES_MAX as c_long,
    );
    &buffer[..usize::try_from(length).unwrap_or(0)]
}

/// `/proc/self/fd/N`.
fn format_fd(fd: c_int, link: &mut [u8; 32]) -> *const c_char {
    const FOLDER: &[u8] = b"/proc/self/fd/";
    link[..FOLDER.len()].copy_from_slice(FOLDER);
    let (mut digits, mut rest) = (1, fd.max(0));
    while rest >= 10 {
        rest /= 10;
        digits += 1;
    }
    rest = fd.max(0);
    for place in (0..digits).rev() {
        link[FOLDER.len() + place] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    link.as_ptr().cast()
}

fn stat(fd: c_int) -> libc::stat {
    // SAFETY: all zeros is a value of this plain structure, and the kernel fills it in.
    unsafe {
        let mut stat = std::mem::zeroed();
        libc::syscall(libc::SYS_fstat, fd, &raw mut stat);
        stat
    }
}

pub(crate) fn inode(fd: c_int) -> u64 {
    stat(fd).st_ino
}

pub(crate) fn is_directory(fd: c_int) -> bool {
    stat(fd).st_mode & libc::S_IFMT == libc::S_IFDIR
}

/// Where the next `write` of this descriptor goes.
pub(crate) fn offset(fd: c_int) -> u64 {
    let flags = call(libc::SYS_fcntl, fd.into(), libc::F_GETFL.into(), 0, 0);
    if flags & c_long::from(libc::O_APPEND) != 0 {
        return stat(fd).st_size as u64;
    }
    call(libc::SYS_lseek, fd.into(), 0, libc::SEEK_CUR.into(), 0) as u64
}

/// The inode of what a path names, if it names something.
pub(crate) fn lookup(directory: c_int, path: *const c_char) -> Option<u64> {
    // SAFETY: as in `stat`; the path is the caller's, checked by the kernel.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        let found = libc::syscall(
            libc::SYS_newfstatat,
            directory,
            path,
            &raw mut stat,
            libc::AT_SYMLINK_NOFOLLOW,
        );
        (found == 0).then_some(stat.st_ino)
    }
}

/// The bytes of a caller's buffer.
pub(crate) fn buffer<'a>(bytes: *const libc::c_void, length: size_t) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller says that they are there, as it does to `write`.
    unsafe { std::slice::from_raw_parts(bytes.cast(), length) }
}

/// As `write` returns it.
pub(crate) fn size(returned: c_long) -> ssize_t {
    returned as ssize_t
}
