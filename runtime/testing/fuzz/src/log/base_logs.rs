//! The logs of `logs/` and their messages.

use std::{fs, io::Read, path::Path, sync::OnceLock};

use danube_wasm_broker::Message;
use flate2::read::GzDecoder;

use super::{
    examine::examine,
    generator::{NAMES, PUBLISHED},
};

/// An undamaged log.
pub(super) struct BaseLog {
    pub(super) name: &'static str,
    pub(super) image: Vec<u8>,
    pub(super) messages: Vec<Message>,
}

/// All of them.
pub(super) fn all() -> &'static [BaseLog] {
    static BASES: OnceLock<Vec<BaseLog>> = OnceLock::new();
    BASES.get_or_init(|| NAMES.map(read).into())
}

/// All messages that were ever published to any of them.
pub(super) fn published() -> &'static [Message] {
    let full = all().iter().find(|base| base.name == PUBLISHED);
    full.map_or(&[], |base| &base.messages)
}

fn read(name: &'static str) -> BaseLog {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("logs/{name}.redb.gz"));
    let packed = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut image = Vec::new();
    GzDecoder::new(packed.as_slice())
        .read_to_end(&mut image)
        .expect("a packed log");
    let messages = examine(image.clone()).expect("a log as it was written opens");
    BaseLog { name, image, messages }
}
