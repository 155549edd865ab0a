//! The embedded log's file, damaged: it is refused, or what is read from it was published, where it says so.
//!
//! An input says which log of `logs/` is damaged, and how. Bytes are damaged as a disk does it ([`damage`]): then every
//! message that comes out must have gone in. Rows are damaged as another program would ([`rows`]), with checksums that
//! are right, so that what reads them sees it: then anything may come out, but nothing may panic or wait for ever.

mod damage;
mod disk;
mod examine;
mod generator;
mod rows;
mod seeds;
mod stock;

use danube_wasm_broker::Message;

use crate::{panics, pieces::Pieces};

pub use generator::generate;
pub(crate) use seeds::seeds;

/// Which log, and what happens to it.
pub fn log(data: &[u8]) {
    let mut pieces = Pieces::new(data);
    let stock = stock::all();
    let base = &stock[pieces.below(stock.len())];
    let by_rows = pieces.flag();
    let published = stock::published();
    // The engine panics at pages that make no sense, and the log catches that.
    panics::are_caught();
    let image = match by_rows {
        true => rows::edit(base.image.clone(), &mut pieces),
        false => damage::edit(base.image.clone(), &mut pieces),
    };
    let read = examine::examine(image).unwrap_or_default();
    panics::of_the_writer_are_the_engines();
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

/// What is in a log of `logs/`, by its name.
pub fn pristine(name: &str) -> Vec<Message> {
    let base = stock::all().iter().find(|base| base.name == name);
    base.unwrap_or_else(|| panic!("no log is named {name}"))
        .messages
        .clone()
}
