//! Rows that this version would not write, in an intact database. The tables have the names of format 1, repeated here
//! on purpose.

use redb::{Builder, Database, Key, ReadableDatabase, TableDefinition, Value};

use super::disk::MemoryDisk;
use crate::pieces::Pieces;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const TOPICS: TableDefinition<'_, &str, (u32, u64)> = TableDefinition::new("topics");
const HEADS: TableDefinition<'_, u64, (u64, u64, u64, u64)> = TableDefinition::new("heads");
const MESSAGES: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("messages");
const SUBSCRIPTIONS: TableDefinition<'_, (&str, &str), (u64, u8)> = TableDefinition::new("subscriptions");
const CURSORS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("cursors");
const SUBJECTS: TableDefinition<'_, &str, (u64, u32)> = TableDefinition::new("subjects");
const SCHEMAS: TableDefinition<'_, (u64, u32), (&str, &str, &str)> = TableDefinition::new("schemas");
const PENDING_DELETES: TableDefinition<'_, u64, ()> = TableDefinition::new("doomed");

const EDITS_MAX: usize = 16;

type Edited<T = ()> = Result<T, redb::Error>;

/// The log with the rows that the input says.
pub(super) fn edit(image: Vec<u8>, pieces: &mut Pieces<'_>) -> Vec<u8> {
    let disk = MemoryDisk::holding(image);
    change(&disk, pieces).expect("a log as it was written takes rows");
    disk.image()
}

fn change(disk: &MemoryDisk, pieces: &mut Pieces<'_>) -> Edited {
    let database = Builder::new().create_with_backend(disk.clone())?;
    for _ in 0..EDITS_MAX {
        if pieces.is_empty() {
            break;
        }
        one(&database, pieces)?;
    }
    database.close()?;
    Ok(())
}

fn one(database: &Database, pieces: &mut Pieces<'_>) -> Edited {
    let names = ["format", "next-partition", "next-subscription", "next-subject"];
    let topics = ["/fuzz/plain", "/fuzz/parts", "/fuzz/gone", "/fuzz/more", "no topic"];
    let topic = |pieces: &mut Pieces<'_>| topics[pieces.below(topics.len())];
    match pieces.byte() % 9 {
        0 => put(database, META, names[pieces.below(names.len())], pieces.long()),
        1 => put(database, TOPICS, topic(pieces), (pieces.number(), pieces.long())),
        2 => {
            let head = (pieces.long(), pieces.long(), pieces.long(), pieces.long());
            put(database, HEADS, pieces.long(), head)
        }
        3 => {
            let place = (pieces.long(), pieces.long());
            let row = altered(stored(database, MESSAGES, place)?, pieces);
            put(database, MESSAGES, place, row.as_slice())
        }
        4 => {
            let name = if pieces.flag() { "worker" } else { "other" };
            put(
                database,
                SUBSCRIPTIONS,
                (topic(pieces), name),
                (pieces.long(), pieces.byte()),
            )
        }
        5 => {
            let place = (pieces.long(), pieces.number());
            let row = altered(stored(database, CURSORS, place)?, pieces);
            put(database, CURSORS, place, row.as_slice())
        }
        6 => put(database, SUBJECTS, "subject", (pieces.long(), pieces.number())),
        7 => {
            let row = (pieces.text(), pieces.text());
            put(
                database,
                SCHEMAS,
                (pieces.long(), pieces.number()),
                ("subject", row.0.as_str(), row.1.as_str()),
            )
        }
        _ => put(database, PENDING_DELETES, pieces.long(), ()),
    }
}

fn put<'k, 'v, K: Key, V: Value>(
    database: &Database,
    table: TableDefinition<'_, K, V>,
    key: K::SelfType<'k>,
    value: V::SelfType<'v>,
) -> Edited {
    let transaction = database.begin_write()?;
    transaction.open_table(table)?.insert(key, value)?;
    transaction.commit()?;
    Ok(())
}

fn stored<'k, K: Key>(
    database: &Database,
    table: TableDefinition<'_, K, &'static [u8]>,
    key: K::SelfType<'k>,
) -> Edited<Vec<u8>> {
    match database.begin_read()?.open_table(table) {
        Ok(table) => Ok(table.get(key)?.map_or_else(Vec::new, |row| row.value().to_vec())),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Cut, overwritten from some place on, or other bytes altogether.
fn altered(mut row: Vec<u8>, pieces: &mut Pieces<'_>) -> Vec<u8> {
    match pieces.byte() % 3 {
        0 => row.truncate(pieces.below(row.len())),
        1 => {
            let at = pieces.below(row.len());
            row.truncate(at);
            row.extend_from_slice(pieces.bytes());
        }
        _ => row = pieces.bytes().to_vec(),
    }
    row
}
