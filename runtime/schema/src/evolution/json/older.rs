//! The older side of a comparison: schemas that all apply to a value.

use std::{collections::HashSet, fmt};

use serde_json::{Value, json};

use super::Document;

/// Schemas that all apply.
#[derive(Clone)]
pub(super) struct OlderSchemas<'a> {
    pub(super) all: Vec<&'a Value>,
    /// Addresses of the alternatives that were split already.
    split: Vec<usize>,
}

/// Types of JSON values; a number is whole or it is not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

const NAMES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
const INTEGER: u8 = 1 << 2;
const NUMBER: u8 = INTEGER | 1 << 3;

/// `{"type": …}` for each type.
pub(super) fn type_schemas() -> Vec<Value> {
    NAMES.iter().map(|name| json!({"type": name})).collect()
}

impl<'a> OlderSchemas<'a> {
    pub(super) fn of(schemas: &[&'a Value]) -> Self {
        Self {
            all: schemas.to_vec(),
            split: Vec::new(),
        }
    }

    /// Adds the schemas that `$ref` and `allOf` lead to. A reference that cannot be followed adds nothing.
    pub(super) fn flatten(&self, side: &'a Document) -> Self {
        let (mut all, mut unread, mut read) = (Vec::new(), self.all.clone(), HashSet::new());
        unread.reverse();
        while let Some(schema) = unread.pop() {
            if !read.insert(address(schema)) {
                continue;
            }
            let target = schema
                .get("$ref")
                .and_then(Value::as_str)
                .map(|text| side.resolve(text));
            if let Some(target) = target {
                unread.extend(target.map(|(target, _)| target));
                if side.is_draft_7() {
                    // Keywords beside the reference are ignored.
                    continue;
                }
            }
            all.push(schema);
            unread.extend(schema.get("allOf").and_then(Value::as_array).into_iter().flatten());
        }
        Self {
            all,
            split: self.split.clone(),
        }
    }

    /// A key of this and a new schema, to recognise a pair that was met before.
    pub(super) fn with(&self, new: &Value) -> (Vec<usize>, Vec<usize>, usize) {
        let mut all: Vec<usize> = self.all.iter().map(|schema| address(schema)).collect();
        all.sort_unstable();
        let mut split = self.split.clone();
        split.sort_unstable();
        (all, split, address(new))
    }

    /// One case for each branch of the first `anyOf` or `oneOf` that is not split yet.
    pub(super) fn alternatives(&self) -> Option<Vec<Self>> {
        let lists = self
            .all
            .iter()
            .flat_map(|schema| [schema.get("anyOf"), schema.get("oneOf")]);
        let list = lists
            .flatten()
            .find(|list| list.is_array() && !self.split.contains(&address(list)))?;
        Some(self.cases(address(list), list.as_array()?))
    }

    /// A case for each type, if there are several.
    pub(super) fn by_type(&self, type_schemas: &'a [Value]) -> Option<Vec<Self>> {
        let mark = type_schemas.as_ptr() as usize;
        let several = self.types().0.count_ones() > 1 && !self.split.contains(&mark);
        several.then(|| self.cases(mark, type_schemas))
    }

    fn cases(&self, mark: usize, branches: &'a [Value]) -> Vec<Self> {
        let case = |branch| {
            let mut case = self.clone();
            case.all.push(branch);
            case.split.push(mark);
            case
        };
        branches.iter().map(case).collect()
    }

    /// The types that a value can be of.
    pub(super) fn types(&self) -> Types {
        let mut types = Types::ALL;
        for schema in &self.all {
            if let Some(named) = schema.get("type") {
                types.0 &= Types::named(named).0;
            }
            if let Some(values) = listed(schema) {
                types.0 &= values.iter().fold(0, |types, value| types | Types::of(value).0);
            }
            if matches!(schema, Value::Bool(false)) {
                types = Types::NONE;
            }
        }
        types
    }

    /// The possible values, if they are few.
    pub(super) fn values(&self) -> Option<Vec<Value>> {
        if let Some(values) = self.all.iter().find_map(|schema| listed(schema)) {
            return Some(values.to_vec());
        }
        let types = self.types().0;
        let of_type = |bit: u8, values: &[Value]| if types & bit == 0 { Vec::new() } else { values.to_vec() };
        let few = [of_type(1, &[Value::Null]), of_type(2, &[true.into(), false.into()])].concat();
        (types & !3 == 0).then_some(few)
    }
}

/// The values of `enum` or `const`.
fn listed(schema: &Value) -> Option<&[Value]> {
    let listed = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice);
    listed.or_else(|| schema.get("const").map(std::slice::from_ref))
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

impl Types {
    pub(super) const NONE: Self = Self(0);
    const ALL: Self = Self(0x7f);

    /// The types that `type` names.
    pub(super) fn named(value: &Value) -> Self {
        let listed = std::slice::from_ref(value);
        let names = value
            .as_array()
            .map_or(listed, Vec::as_slice)
            .iter()
            .filter_map(Value::as_str);
        Self(names.fold(0, |types, name| {
            types
                | match name {
                    "number" => NUMBER,
                    name => NAMES
                        .iter()
                        .position(|known| *known == name)
                        .map_or(0, |place| 1 << place),
                }
        }))
    }

    fn of(value: &Value) -> Self {
        Self(match value {
            Value::Null => 1,
            Value::Bool(_) => 1 << 1,
            Value::Number(number) => match number.as_f64() {
                Some(float) if float.fract() == 0.0 => INTEGER,
                _ => NUMBER,
            },
            Value::String(_) => 1 << 4,
            Value::Array(_) => 1 << 5,
            Value::Object(_) => 1 << 6,
        })
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn has_numbers(self) -> bool {
        self.0 & NUMBER != 0
    }

    /// Whether every number is whole.
    pub(super) fn is_whole(self) -> bool {
        self.0 & NUMBER & !INTEGER == 0
    }

    pub(super) fn has_strings(self) -> bool {
        self.0 & 1 << 4 != 0
    }

    pub(super) fn has_arrays(self) -> bool {
        self.0 & 1 << 5 != 0
    }

    pub(super) fn has_objects(self) -> bool {
        self.0 & 1 << 6 != 0
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = NAMES.iter().enumerate().filter(|(place, _)| self.0 & 1 << place != 0);
        let names: Vec<_> = named.map(|(_, name)| format!("`{name}`")).collect();
        f.write_str(&names.join(", "))
    }
}
