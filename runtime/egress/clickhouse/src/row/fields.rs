//! Which field of a document fills which column.

use std::borrow::Cow;

use crate::{
    layout::{Field, Layout},
    types::Type,
    value::{Document, JsonKind, Misfit, Values, elements, members, pointer, put_length, put_null},
};

/// The fields of a document, by the columns that they fill.
pub(super) struct Fields<'d> {
    /// For each column.
    pub(super) slots: Vec<Option<Slot<'d>>>,
    /// Fields that fill none.
    pub(super) unknown: Vec<(Cow<'d, str>, &'d str)>,
    /// Fields with the name of a column that the write fills.
    own: Vec<(Cow<'d, str>, &'d str)>,
}

/// What fills a column.
pub(super) enum Slot<'d> {
    /// A value: the field of the column's name.
    Field(&'d str),
    /// A value, and the pointer to it.
    At(&'d str, String),
    /// The members of this name of the objects in an array, and the pointer to that.
    Members {
        array: &'d str,
        pointer: String,
        name: String,
    },
}

impl<'d> Fields<'d> {
    pub(super) fn sort(document: &Document<'d>, layout: &Layout) -> Result<Self, String> {
        let mut fields = Self {
            slots: layout.columns.iter().map(|_| None).collect(),
            unknown: Vec::new(),
            own: Vec::new(),
        };
        for (name, value) in &document.0.0 {
            match layout.fields.get(&**name) {
                Some(Field::Column(place)) => fields.slots[*place] = Some(Slot::Field(value)),
                Some(Field::Nested(group)) => fields.nested(name, value, group)?,
                Some(Field::Own) => fields.own.push((name.clone(), value)),
                Some(Field::Pointers) => {}
                None => fields.unknown.push((name.clone(), value)),
            }
        }
        Ok(fields)
    }

    /// The field with the name of a column that the write fills.
    pub(super) fn own(&self, column: &str) -> Option<&'d str> {
        self.own
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, value)| *value)
    }

    /// An object of arrays, or an array of objects, for the columns of a Nested.
    fn nested(&mut self, field: &str, value: &'d str, group: &[(String, usize)]) -> Result<(), String> {
        let at = pointer(field);
        let refused = |misfit: Misfit| misfit.in_column(&at, &format!("{field}.*"), "Nested");
        match JsonKind::of(value) {
            JsonKind::Object => {
                for (name, value) in members(value).map_err(refused)?.0 {
                    let place = group
                        .iter()
                        .find(|(member, _)| *member == name)
                        .map(|(_, place)| *place);
                    let no_column = || refused(Misfit::of(value, "it has no column").at(&*name));
                    self.slots[place.ok_or_else(no_column)?] = Some(Slot::At(value, format!("{at}{}", pointer(&name))));
                }
            }
            JsonKind::Array => {
                check_objects(value, group).map_err(refused)?;
                for (name, place) in group {
                    self.slots[*place] = Some(Slot::Members {
                        array: value,
                        pointer: at.clone(),
                        name: name.clone(),
                    });
                }
            }
            _ => {
                let why = "it is neither an object of arrays nor an array of objects";
                return Err(refused(Misfit::of(value, why)));
            }
        }
        Ok(())
    }

    /// That columns of one Nested are of one length. `starts` has the length of each at its beginning.
    pub(super) fn check_lengths(layout: &Layout, starts: &[(usize, Vec<u8>)]) -> Result<(), String> {
        let length = |bytes: &[u8]| clickhouse_types::read_leb128(&mut &*bytes).unwrap_or_default();
        let of_group = |(place, bytes): &(usize, Vec<u8>)| {
            let column = &layout.columns[*place];
            let (group, _) = column
                .name
                .split_once('.')
                .filter(|_| matches!(column.of, Type::Array(_)))?;
            Some((group, column, length(bytes)))
        };
        let lengths: Vec<_> = starts.iter().filter_map(of_group).collect();
        for (group, column, length) in &lengths {
            let other = lengths.iter().find(|(of, _, other)| of == group && other != length);
            if let Some((_, other, other_length)) = other {
                return Err(format!(
                    "`{}` has {length} values for column `{}` {} and {other_length} for `{}`: the columns of a Nested have equal \
                     lengths",
                    pointer(group),
                    column.name,
                    column.of_text,
                    other.name
                ));
            }
        }
        Ok(())
    }
}

/// That an array has objects, of members that have columns.
fn check_objects(array: &str, group: &[(String, usize)]) -> Result<(), Misfit> {
    let known = |name: &str| group.iter().any(|(member, _)| member == name);
    for (place, element) in elements(array)?.into_iter().enumerate() {
        let all = members(element).map_err(|misfit| misfit.at(place.to_string()))?.0;
        if let Some((name, value)) = all.into_iter().find(|(name, _)| !known(name)) {
            return Err(Misfit::of(value, "it has no column").at(&*name).at(place.to_string()));
        }
    }
    Ok(())
}

impl Slot<'_> {
    /// Where its value is, in a document in which `column` has its field.
    pub(super) fn pointer(&self, column: &str) -> String {
        match self {
            Self::Field(_) => pointer(column),
            Self::At(_, pointer) | Self::Members { pointer, .. } => pointer.clone(),
        }
    }

    /// Writes it.
    pub(super) fn put(
        &self,
        of: &Type,
        values: &Values<'_>,
        schema: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Misfit> {
        let (array, name) = match self {
            Self::Field(value) | Self::At(value, _) => return values.put(of, value, schema, out),
            Self::Members { array, name, .. } => (array, name),
        };
        let Type::Array(of) = of else {
            return Err(Misfit::of(array, "it is not a column of a Nested"));
        };
        let objects = elements(array)?;
        put_length(objects.len(), out);
        for (place, object) in objects.into_iter().enumerate() {
            let found = members(object)?.0.into_iter().find(|(member, _)| member == name);
            let put = match found {
                Some((_, value)) => values.put(of, value, None, out).map_err(|misfit| misfit.at(name)),
                None if of.takes_null() => {
                    put_null(of, out);
                    Ok(())
                }
                None => Err(Misfit::of(object, format!("its member `{name}` is missing"))),
            };
            put.map_err(|misfit| misfit.at(place.to_string()))?;
        }
        Ok(())
    }
}
