//! Whether what was written with one text can be read with another: fields are told by number on the wire and by name in
//! JSON, so neither may change hands.
//!
//! * a field keeps its number and its name; one that is removed has its number `reserved`, so that nobody uses it again;
//! * its type stays, or grows in a way that the wire format cannot tell: `int32` to `int64`, `uint32` to `uint64`, `sint32`
//!   to `sint64`, `string` to `bytes`;
//! * single, repeated and map stay what they are, and a field stays in its `oneof`;
//! * nothing becomes `required` or is added as `required`;
//! * numbers and names of an enum stay; there may be more.

use prost_reflect::{Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::message_of;
use crate::evolution::{ComparedPairs, Incompatibility};

/// Whether what was written with `old` can be read with `new`.
pub(crate) fn compare(old: &str, new: &str) -> Result<(), Incompatibility> {
    let read = |text, which| {
        message_of(text).map_err(|error| Incompatibility::new("#", format!("the {which} version: {error}")))
    };
    let (old, new) = (read(old, "older")?, read(new, "new")?);
    if old.full_name() != new.full_name() {
        let what = format!("message `{}` became `{}`", old.full_name(), new.full_name());
        return Err(Incompatibility::new("#", what));
    }
    ComparedPairs::compare_all(|pairs| messages(pairs, &old, &new))
}

type Known = ComparedPairs<(String, String)>;

fn messages(pairs: &mut Known, old: &MessageDescriptor, new: &MessageDescriptor) -> Result<(), Incompatibility> {
    let pair = (old.full_name().to_owned(), new.full_name().to_owned());
    if let Some(known) = pairs.known_result(&pair) {
        return known;
    }
    let result = fields(pairs, old, new);
    pairs.record_result(pair, result)
}

fn fields(pairs: &mut Known, old: &MessageDescriptor, new: &MessageDescriptor) -> Result<(), Incompatibility> {
    for field in old.fields() {
        pairs.step()?;
        let place = format!("{}.{}", new.full_name(), field.name());
        let Some(now) = new.get_field(field.number()) else {
            if new.reserved_ranges().any(|range| range.contains(&field.number())) {
                continue;
            }
            let what = format!(
                "the field is gone: write `reserved {};`, so that nobody uses its number again",
                field.number()
            );
            return Err(Incompatibility::new(place, what));
        };
        same_field(pairs, &field, &now).map_err(|incompatibility| match incompatibility {
            Incompatibility { place: inner, what } if inner.is_empty() => Incompatibility::new(place, what),
            incompatibility => incompatibility,
        })?;
    }
    for field in new.fields() {
        pairs.step()?;
        if field.cardinality() == Cardinality::Required && old.get_field(field.number()).is_none() {
            return Err(Incompatibility::new(field.full_name(), "a `required` field was added"));
        }
        let renumbered = old
            .get_field_by_name(field.name())
            .filter(|old| old.number() != field.number());
        if let Some(old) = renumbered {
            let what = format!("the field's number was {}, and is {}", old.number(), field.number());
            return Err(Incompatibility::new(field.full_name(), what));
        }
    }
    Ok(())
}

/// Breaks of the field itself have no place yet.
fn same_field(pairs: &mut Known, old: &FieldDescriptor, new: &FieldDescriptor) -> Result<(), Incompatibility> {
    let incompatibility = |what: String| Err(Incompatibility::new("", what));
    if old.name() != new.name() || old.json_name() != new.json_name() {
        return incompatibility(format!(
            "field {} was `{}`, and is `{}`",
            old.number(),
            old.name(),
            new.name()
        ));
    }
    if (old.is_list(), old.is_map()) != (new.is_list(), new.is_map()) {
        return incompatibility("single, repeated and map do not turn into each other".to_owned());
    }
    if new.cardinality() == Cardinality::Required && old.cardinality() != Cardinality::Required {
        return incompatibility("the field became `required`".to_owned());
    }
    let oneof = |field: &FieldDescriptor| {
        let own = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        own.map(|oneof| oneof.name().to_owned())
    };
    if oneof(old) != oneof(new) {
        return incompatibility("the field moved into or out of a `oneof`".to_owned());
    }
    match (old.kind(), new.kind()) {
        (Kind::Message(old), Kind::Message(new)) => messages(pairs, &old, &new),
        (Kind::Enum(old), Kind::Enum(new)) => enums(&old, &new),
        (old, new) if is_wide_enough(&old, &new) => Ok(()),
        (old, new) => incompatibility(format!("`{}` became `{}`", name(&old), name(&new))),
    }
}

fn is_wide_enough(old: &Kind, new: &Kind) -> bool {
    let grown = matches!(
        (old, new),
        (Kind::Int32, Kind::Int64)
            | (Kind::Uint32, Kind::Uint64)
            | (Kind::Sint32, Kind::Sint64)
            | (Kind::String, Kind::Bytes)
    );
    grown || std::mem::discriminant(old) == std::mem::discriminant(new)
}

fn name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(words) => words.full_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

fn enums(old: &EnumDescriptor, new: &EnumDescriptor) -> Result<(), Incompatibility> {
    let gone = old.values().find(|value| {
        new.get_value_by_name(value.name())
            .is_none_or(|now| now.number() != value.number())
    });
    match gone {
        Some(gone) => Err(Incompatibility::new(
            new.full_name(),
            format!(
                "value `{}` is gone, or has another number than {}",
                gone.name(),
                gone.number()
            ),
        )),
        None => Ok(()),
    }
}
