//! Rows, as documents and as the server reads them.

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Columns of the table, and their types.
const COLUMNS: [(&str, &str); 10] = [
    ("id", "String"),
    ("customer", "UInt32"),
    ("country", "LowCardinality(String)"),
    ("status", "Enum8('new' = 1, 'paid' = 2, 'sent' = 3)"),
    ("pieces", "UInt16"),
    ("total", "Decimal(12, 2)"),
    ("weight", "Float64"),
    ("gift", "Bool"),
    ("placed", "DateTime64(3, 'UTC')"),
    ("note", "Nullable(String)"),
];

const COUNTRIES: [&str; 4] = ["DE", "FR", "US", "JP"];
const STATUSES: [&str; 3] = ["new", "paid", "sent"];
const NOTE: &str = "leave it at the door";
/// 2026-01-01 in milliseconds since 1970; a row is a millisecond later than the one before it.
const PLACED_MS: u64 = 1_767_225_600_000;

/// Columns and their types, as in `CREATE TABLE`.
pub(crate) fn definition() -> String {
    COLUMNS.map(|(name, of)| format!("{name} {of}")).join(", ")
}

/// Names of the columns, as in `INSERT`.
pub(crate) fn names() -> String {
    COLUMNS.map(|(name, _)| name).join(", ")
}

/// Row `i` as a document.
pub(crate) fn document(i: u64) -> String {
    let at = |array: &'static [&str]| array[i as usize % array.len()];
    let note = match has_note(i) {
        true => format!("\"{NOTE}\""),
        false => "null".to_owned(),
    };
    format!(
        r#"{{"id":"ord_{i:010}","customer":{},"country":"{}","status":"{}","pieces":{},"total":"{}.{:02}","weight":{},"gift":{},"placed":"2026-01-01T{:02}:{:02}:{:02}.{:03}Z","note":{note}}}"#,
        customer(i),
        at(&COUNTRIES),
        at(&STATUSES),
        pieces(i),
        i / 100,
        i % 100,
        weight(i),
        is_gift(i),
        i / 3_600_000,
        i / 60_000 % 60,
        i / 1_000 % 60,
        i % 1_000,
    )
}

/// What is in front of rows in `RowBinaryWithNamesAndTypes`.
pub(crate) fn header(out: &mut Vec<u8>) {
    out.push(COLUMNS.len() as u8);
    COLUMNS.iter().for_each(|(name, _)| put_text(name, out));
    COLUMNS.iter().for_each(|(_, of)| put_text(of, out));
}

/// Row `i` as it stands behind that.
pub(crate) fn binary(i: u64, out: &mut Vec<u8>) {
    put_text(&format!("ord_{i:010}"), out);
    out.extend_from_slice(&customer(i).to_le_bytes());
    put_text(COUNTRIES[i as usize % COUNTRIES.len()], out);
    out.push(1 + (i as usize % STATUSES.len()) as u8);
    out.extend_from_slice(&pieces(i).to_le_bytes());
    out.extend_from_slice(&i.to_le_bytes());
    out.extend_from_slice(&weight(i).to_le_bytes());
    out.push(is_gift(i).into());
    out.extend_from_slice(&(PLACED_MS + i).to_le_bytes());
    out.push((!has_note(i)).into());
    if has_note(i) {
        put_text(NOTE, out);
    }
}

fn customer(i: u64) -> u32 {
    (i % 5_000) as u32
}

fn pieces(i: u64) -> u16 {
    (i % 300) as u16
}

/// In eighths, which a float holds.
fn weight(i: u64) -> f64 {
    (i % 1_000) as f64 / 8.0
}

fn is_gift(i: u64) -> bool {
    i.is_multiple_of(10)
}

fn has_note(i: u64) -> bool {
    i.is_multiple_of(3)
}

/// A document, as a program of one table reads it.
#[derive(Deserialize)]
struct Order<'a> {
    id: &'a str,
    customer: u32,
    country: &'a str,
    status: &'a str,
    pieces: u16,
    total: &'a str,
    weight: f64,
    gift: bool,
    placed: &'a str,
    note: Option<&'a str>,
}

/// A document's row, likewise: what comes in is trusted to be as [`document`] makes it.
pub(crate) fn binary_of(document: &str, out: &mut Vec<u8>) -> Result<()> {
    let order: Order<'_> = serde_json::from_str(document)?;
    put_text(order.id, out);
    out.extend_from_slice(&order.customer.to_le_bytes());
    put_text(order.country, out);
    let status = STATUSES.iter().position(|status| *status == order.status);
    out.push(1 + status.context("no such status")? as u8);
    out.extend_from_slice(&order.pieces.to_le_bytes());
    let (whole, cents) = order.total.split_once('.').context("no point")?;
    let total = whole.parse::<u64>()? * 100 + cents.parse::<u64>()?;
    out.extend_from_slice(&total.to_le_bytes());
    out.extend_from_slice(&order.weight.to_le_bytes());
    out.push(order.gift.into());
    out.extend_from_slice(&placed_ms(order.placed)?.to_le_bytes());
    out.push(order.note.is_none().into());
    if let Some(note) = order.note {
        put_text(note, out);
    }
    Ok(())
}

/// `2026-01-01T09:30:00.000Z` in milliseconds since 1970.
fn placed_ms(text: &str) -> Result<u64> {
    let number = |from: usize, to: usize| anyhow::Ok(text.get(from..to).context("too short")?.parse::<u64>()?);
    let minutes = number(11, 13)? * 60 + number(14, 16)?;
    Ok(PLACED_MS + (minutes * 60 + number(17, 19)?) * 1_000 + number(20, 23)?)
}

/// Shorter than 128 bytes, so that its length is one byte.
fn put_text(text: &str, out: &mut Vec<u8>) {
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}
