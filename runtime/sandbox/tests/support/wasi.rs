//! As much of WASI 0.2 as hand-written components import.

pub const IO: &str = "package wasi:io@0.2.6;
    interface error { resource error; }
    interface poll { resource pollable { block: func(); } poll: func(in: list<borrow<pollable>>) -> list<u32>; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream {
            write: func(contents: list<u8>) -> result<_, stream-error>;
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }";
pub const CLOCKS: &str = "package wasi:clocks@0.2.6;
    interface monotonic-clock {
        use wasi:io/poll@0.2.6.{pollable};
        now: func() -> u64;
        subscribe-duration: func(when: u64) -> pollable;
    }
    interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }";
pub const CLI: &str = "package wasi:cli@0.2.6;
    interface exit { exit: func(status: result); }
    interface environment { get-environment: func() -> list<tuple<string, string>>; get-arguments: func() -> list<string>; }
    interface stdout { use wasi:io/streams@0.2.6.{output-stream}; get-stdout: func() -> output-stream; }
    interface stderr { use wasi:io/streams@0.2.6.{output-stream}; get-stderr: func() -> output-stream; }";
pub const RANDOM: &str = "package wasi:random@0.2.6;
    interface random { get-random-bytes: func(len: u64) -> list<u8>; get-random-u64: func() -> u64; }";
pub const FILESYSTEM: &str = "package wasi:filesystem@0.2.6;
    interface types { resource descriptor; }
    interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; }";
