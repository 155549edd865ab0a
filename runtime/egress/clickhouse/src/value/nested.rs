//! Values that contain others.

use danube_wasm_model::FieldNode;

use super::{JsonKind, Misfit, Values, elements, members, put_length, put_null};
use crate::types::{Member, Type};

impl Values<'_> {
    pub(super) fn put_array(
        &self,
        of: &Type,
        value: &str,
        schema: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Misfit> {
        let elements = elements(value)?;
        let schema = self.child(schema, |node| match node {
            FieldNode::Array(of) => Some(*of),
            _ => None,
        });
        put_length(elements.len(), out);
        for (place, element) in elements.into_iter().enumerate() {
            self.put(of, element, schema, out)
                .map_err(|misfit| misfit.at(place.to_string()))?;
        }
        Ok(())
    }

    /// A tuple is an array of as many values, or, if its members have names, an object of those.
    pub(super) fn put_tuple(
        &self,
        of: &[Member],
        value: &str,
        schema: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Misfit> {
        let has_names = of.iter().all(|member| member.name.is_some());
        if JsonKind::of(value) == JsonKind::Object && has_names {
            return self.put_named(of, value, schema, out);
        }
        let elements = elements(value).map_err(|misfit| match has_names {
            true => Misfit::of(value, "it is neither an array nor an object"),
            false => misfit,
        })?;
        if elements.len() != of.len() {
            return Err(Misfit::of(
                value,
                format!("it has {} values, not {}", elements.len(), of.len()),
            ));
        }
        for (place, (member, element)) in of.iter().zip(elements).enumerate() {
            self.put(&member.of, element, None, out)
                .map_err(|misfit| misfit.at(place.to_string()))?;
        }
        Ok(())
    }

    fn put_named(&self, of: &[Member], value: &str, schema: Option<usize>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let given = members(value)?.0;
        let name = |member: &Member| member.name.clone().unwrap_or_default();
        let known = |given: &str| of.iter().any(|member| member.name.as_deref() == Some(given));
        if let Some((unknown, value)) = given.iter().find(|(name, _)| !known(name)) {
            return Err(Misfit::of(value, "the tuple has no such member").at(unknown.to_string()));
        }
        for member in of {
            let name = name(member);
            let schema = self.child(schema, |node| match node {
                FieldNode::Object(members) => members.get(&name).copied(),
                FieldNode::Map(of) => Some(*of),
                _ => None,
            });
            match given.iter().find(|(given, _)| *given == name) {
                Some((_, value)) => self
                    .put(&member.of, value, schema, out)
                    .map_err(|misfit| misfit.at(name))?,
                None if member.of.takes_null() => put_null(&member.of, out),
                None => return Err(Misfit::of(value, format!("its member `{name}` is missing"))),
            }
        }
        Ok(())
    }

    pub(super) fn put_map(
        &self,
        (key, of): (&Type, &Type),
        value: &str,
        schema: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Misfit> {
        let members = members(value)?.0;
        put_length(members.len(), out);
        for (name, value) in members {
            let schema = self.child(schema, |node| match node {
                FieldNode::Map(of) => Some(*of),
                FieldNode::Object(members) => members.get(&*name).copied(),
                _ => None,
            });
            let quoted = serde_json::Value::from(&*name).to_string();
            self.put(key, &quoted, None, out)
                .and_then(|()| self.put(of, value, schema, out))
                .map_err(|misfit| misfit.at(&*name))?;
        }
        Ok(())
    }

    fn child(&self, schema: Option<usize>, of: impl Fn(&FieldNode) -> Option<usize>) -> Option<usize> {
        let types = self.types?;
        of(types.node(schema?))
    }
}
