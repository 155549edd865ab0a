//! The embedded log's file, damaged: opening it fails, or every message that is read from it was published with that
//! id.
//!
//! An input selects a log of `logs/` and the damage. Bytes are damaged as a disk does it ([`damage`]): then every
//! message that comes out must have been published. Rows are damaged as another program would ([`rows`]), with correct
//! checksums, so that the code that reads them is reached: then anything may come out, but nothing may panic or wait
//! for ever.

mod base_logs;
mod damage;
mod disk;
mod examine;
mod generator;
mod rows;
mod seeds;

use danube_wasm_broker::Message;

use crate::{panics, pieces::Pieces};

pub use generator::generate;
pub(crate) use seeds::seeds;

/// Selects a log, damages it and examines it.
pub fn log(data: &[u8]) {
    let mut pieces = Pieces::new(data);
    let bases = base_logs::all();
    let base = &bases[pieces.below(bases.len())];
    let by_rows = pieces.flag();
    let published = base_logs::published();
    // The engine panics at damaged pages, and the log catches that.
    panics::expect_caught_panics();
    let image = match by_rows {
        true => rows::edit(base.image.clone(), &mut pieces),
        false => damage::edit(base.image.clone(), &mut pieces),
    };
    let read = examine::examine(image).unwrap_or_default();
    panics::assert_no_own_panic_in_writer();
    if !by_rows {
        read.iter().for_each(|message| was_published(message, published));
    }
}

fn was_published(message: &Message, published: &[Message]) {
    let place = published
        .iter()
        .find(|known| known.topic == message.topic && known.message_id == message.message_id);
    assert_eq!(Some(message), place, "this was not published there");
}

/// The messages of a log of `logs/`, by its name.
pub fn undamaged_messages(name: &str) -> Vec<Message> {
    let base = base_logs::all().iter().find(|base| base.name == name);
    base.unwrap_or_else(|| panic!("no log is named {name}"))
        .messages
        .clone()
}
