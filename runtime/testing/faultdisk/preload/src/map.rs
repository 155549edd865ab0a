//! What cannot be recorded, and therefore ends the process: a test must not pass because something was not seen.

use libc::{c_int, c_long, c_void, off_t, size_t};

use crate::{
    kernel::{self, call},
    watch::watched,
};

/// Writing through a shared mapping is invisible.
#[unsafe(no_mangle)]
pub extern "C" fn mmap(
    address: *mut c_void,
    length: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    let writes = flags & libc::MAP_TYPE != libc::MAP_PRIVATE && protection & libc::PROT_WRITE != 0;
    if fd >= 0 && writes && watched(fd).is_some() {
        kernel::end("a file is mapped for writing");
    }
    // SAFETY: the caller's own arguments.
    unsafe { libc::syscall(libc::SYS_mmap, address, length, protection, flags, fd, offset) as *mut c_void }
}

#[unsafe(no_mangle)]
pub extern "C" fn mmap64(
    address: *mut c_void,
    length: size_t,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    mmap(address, length, protection, flags, fd, offset)
}

/// Would have to be recorded as a write of zeros or as nothing, depending on its mode.
#[unsafe(no_mangle)]
pub extern "C" fn fallocate(fd: c_int, mode: c_int, offset: off_t, length: off_t) -> c_int {
    if watched(fd).is_some() {
        kernel::end("fallocate is not modelled");
    }
    call(libc::SYS_fallocate, fd.into(), mode.into(), offset, length) as c_int
}

#[unsafe(no_mangle)]
pub extern "C" fn fallocate64(fd: c_int, mode: c_int, offset: off_t, length: off_t) -> c_int {
    fallocate(fd, mode, offset, length)
}

/// Copies without the bytes passing by.
#[unsafe(no_mangle)]
pub extern "C" fn copy_file_range(
    from: c_int,
    from_offset: *mut off_t,
    to: c_int,
    to_offset: *mut off_t,
    length: size_t,
    flags: libc::c_uint,
) -> isize {
    if watched(to).is_some() {
        kernel::end("copy_file_range is not modelled");
    }
    // SAFETY: the caller's own arguments.
    unsafe {
        libc::syscall(
            libc::SYS_copy_file_range,
            from,
            from_offset,
            to,
            to_offset,
            length,
            flags,
        ) as isize
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn sendfile(to: c_int, from: c_int, offset: *mut off_t, length: size_t) -> isize {
    if watched(to).is_some() {
        kernel::end("sendfile is not modelled");
    }
    call(
        libc::SYS_sendfile,
        to.into(),
        from.into(),
        offset as c_long,
        length as c_long,
    ) as isize
}

#[unsafe(no_mangle)]
pub extern "C" fn sendfile64(to: c_int, from: c_int, offset: *mut off_t, length: size_t) -> isize {
    sendfile(to, from, offset, length)
}
