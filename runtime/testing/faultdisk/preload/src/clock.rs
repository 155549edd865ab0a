//! The wall clock, as a file that the test writes has it. Everything that measures time is left alone.

use std::{
    ffi::CString,
    os::unix::ffi::OsStringExt as _,
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    },
};

use danube_wasm_faultdisk::{Wall, variable};
use libc::{c_int, c_long, clockid_t, timespec};

use crate::kernel::{call, end};

static SHARED: OnceLock<Option<&'static AtomicI64>> = OnceLock::new();

const MS_PER_S: i64 = 1000;
const NS_PER_MS: c_long = 1_000_000;

/// Read once, when the library is loaded.
pub(crate) fn at_load() {
    let _ = SHARED.set(std::env::var_os(variable::CLOCK).map(|path| map(path.into_vec())));
}

fn map(path: Vec<u8>) -> &'static AtomicI64 {
    let Ok(path) = CString::new(path) else {
        end("the clock's name is none")
    };
    let fd = call(
        libc::SYS_openat,
        libc::AT_FDCWD.into(),
        path.as_ptr() as c_long,
        libc::O_RDONLY.into(),
        0,
    );
    // SAFETY: asks for a mapping of its own, where there is room.
    let page = unsafe { libc::syscall(libc::SYS_mmap, 0, 8, libc::PROT_READ, libc::MAP_SHARED, fd, 0) };
    if fd < 0 || page <= 0 {
        end("the clock cannot be read");
    }
    // SAFETY: eight bytes at the start of a page that stays mapped; whoever writes them writes all at once.
    unsafe { &*(page as *const AtomicI64) }
}

#[unsafe(no_mangle)]
pub extern "C" fn clock_gettime(clock: clockid_t, out: *mut timespec) -> c_int {
    let answer = call(libc::SYS_clock_gettime, clock.into(), out as c_long, 0, 0) as c_int;
    let shared = SHARED.get().copied().flatten();
    let Some(shared) = shared.filter(|_| answer == 0 && clock == libc::CLOCK_REALTIME) else {
        return answer;
    };
    // SAFETY: the kernel has just written there.
    let time = unsafe { &mut *out };
    match Wall::from_number(shared.load(Ordering::Relaxed)) {
        Wall::Right => {}
        Wall::Off(ms) => set(time, time.tv_sec * MS_PER_S + time.tv_nsec / NS_PER_MS + ms),
        Wall::Still(ms) => set(time, ms),
    }
    answer
}

fn set(time: &mut timespec, ms: i64) {
    time.tv_sec = ms.div_euclid(MS_PER_S);
    time.tv_nsec = ms.rem_euclid(MS_PER_S) * NS_PER_MS;
}
