//! Avro's schema resolution: whether what was written with one schema can be read with another.
//!
//! Beyond the specification, what bytes stand for (`logicalType`) may not change: a date that becomes a plain number is
//! read without an error, and wrongly. Types are compared by name without namespace, as the specification has it, and
//! references are followed to what they refer to.

use super::{
    parse,
    schema::{Enum, Field, Id, Kind, Name, Record, Schema, short},
};
use crate::evolution::{ComparedPairs, Incompatibility};

/// Whether what was written with `old` can be read with `new`.
pub(crate) fn compare(old: &str, new: &str) -> Result<(), Incompatibility> {
    let parse = |text, which| {
        parse::parse(text).map_err(|error| Incompatibility::new("#", format!("the {which} version: {error}")))
    };
    let (writer, reader) = (parse(old, "older")?, parse(new, "new")?);
    ComparedPairs::compare_all(|pairs| {
        Comparison {
            writer: &writer,
            reader: &reader,
            pairs,
            place: "#".to_owned(),
        }
        .pair(0, 0)
    })
}

struct Comparison<'a> {
    writer: &'a Schema,
    reader: &'a Schema,
    pairs: &'a mut ComparedPairs<(Id, Id)>,
    /// Fields and the like from the root to here.
    place: String,
}

impl Comparison<'_> {
    fn pair(&mut self, writer: Id, reader: Id) -> Result<(), Incompatibility> {
        self.pairs.step()?;
        if let Some(known) = self.pairs.known_result(&(writer, reader)) {
            return known;
        }
        let result = self.kinds(writer, reader);
        self.pairs.record_result((writer, reader), result)
    }

    fn kinds(&mut self, writer: Id, reader: Id) -> Result<(), Incompatibility> {
        let (old, new) = (self.writer.node(writer), self.reader.node(reader));
        if let Kind::Union(branches) = &old.kind {
            for branch in branches {
                self.pair(*branch, reader)?;
            }
            return Ok(());
        }
        if let Kind::Union(branches) = &new.kind {
            for branch in branches {
                if self.pair(writer, *branch).is_ok() {
                    return Ok(());
                }
            }
            let what = format!("the union no longer has a type that takes `{}`", old.kind.name());
            return self.incompatibility(what);
        }
        if old.logical != new.logical {
            return self.incompatibility("`logicalType`, `precision` or `scale` changed");
        }
        match (&old.kind, &new.kind) {
            (Kind::Int, Kind::Long | Kind::Float | Kind::Double)
            | (Kind::Long, Kind::Float | Kind::Double)
            | (Kind::Float, Kind::Double)
            | (Kind::String, Kind::Bytes)
            | (Kind::Bytes, Kind::String) => Ok(()),
            (Kind::Array(old), Kind::Array(new)) => self.within("items", |this| this.pair(*old, *new)),
            (Kind::Map(old), Kind::Map(new)) => self.within("values", |this| this.pair(*old, *new)),
            (Kind::Fixed(old), Kind::Fixed(new)) if old.bytes == new.bytes => self.names(&old.name, &new.name),
            (Kind::Enum(old), Kind::Enum(new)) => self.enums(old, new),
            (Kind::Record(old), Kind::Record(new)) => self.records(old, new),
            (old, new)
                if std::mem::discriminant(old) == std::mem::discriminant(new) && !matches!(old, Kind::Fixed(_)) =>
            {
                Ok(())
            }
            (old, new) => self.incompatibility(format!("`{}` became `{}`", old.name(), new.name())),
        }
    }

    fn enums(&self, old: &Enum, new: &Enum) -> Result<(), Incompatibility> {
        self.names(&old.name, &new.name)?;
        let gone = old.symbols.iter().find(|symbol| !new.numbers.contains_key(*symbol));
        match gone {
            Some(gone) if new.default.is_none() => {
                self.incompatibility(format!("symbol `{gone}` is gone, and there is no `default`"))
            }
            _ => Ok(()),
        }
    }

    fn records(&mut self, old: &Record, new: &Record) -> Result<(), Incompatibility> {
        self.names(&old.name, &new.name)?;
        for field in &new.fields {
            let known = std::iter::once(&field.name)
                .chain(&field.aliases)
                .find_map(|name| old.numbers.get(name));
            match known {
                Some(number) => {
                    let written: &Field = &old.fields[*number];
                    self.within(&field.name, |this| this.pair(written.node, field.node))?;
                }
                None if field.default.is_some() => {}
                None => {
                    return self.within(&field.name, |this| {
                        this.incompatibility("a field without `default` was added")
                    });
                }
            }
        }
        Ok(())
    }

    fn names(&self, old: &Name, new: &Name) -> Result<(), Incompatibility> {
        let is_alias = || new.aliases.iter().any(|alias| short(alias) == old.short());
        if old.short() == new.short() || is_alias() {
            return Ok(());
        }
        self.incompatibility(format!(
            "`{}` became `{}`, which does not have it in its `aliases`",
            old.full, new.full
        ))
    }

    fn within<T>(&mut self, step: &str, f: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.place.len();
        self.place.push('/');
        self.place.push_str(step);
        let result = f(self);
        self.place.truncate(length);
        result
    }

    fn incompatibility(&self, what: impl Into<String>) -> Result<(), Incompatibility> {
        Err(Incompatibility::new(self.place.clone(), what))
    }
}
