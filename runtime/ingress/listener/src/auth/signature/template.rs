//! What a sender signs: fixed text with places for what a request has.

use std::{fmt, str::FromStr};

/// A template such as `v0:{timestamp}:{body}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// This text.
    Text(String),
    /// The time of the signature, as it was sent.
    Timestamp,
    /// The id of the message, as it was sent.
    Id,
    /// The method of the request.
    Method,
    /// The URL of the endpoint as the sender knows it, with the query of the request.
    Url,
    /// The body, as it was sent.
    Body,
    /// The fields of a form, sorted by name, each name followed by its value.
    SortedForm,
}

/// The places of a template, by name.
const PLACES: [(&str, Part); 6] = [
    ("{timestamp}", Part::Timestamp),
    ("{id}", Part::Id),
    ("{method}", Part::Method),
    ("{url}", Part::Url),
    ("{body}", Part::Body),
    ("{sorted_form}", Part::SortedForm),
];

/// Why a template is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Something in braces is no place.
    #[error(
        "what is signed has the places `{{timestamp}}`, `{{id}}`, `{{method}}`, `{{url}}`, `{{body}}` and `{{sorted_form}}`, and no others"
    )]
    Place,
    /// Anybody could change the body.
    #[error(
        "what is signed must have the body once, as `{{body}}` or `{{sorted_form}}`: anybody could change it otherwise"
    )]
    Body,
}

impl Template {
    /// Its parts in their order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether it has this part.
    pub fn has(&self, part: &Part) -> bool {
        self.0.contains(part)
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            let place = PLACES.iter().find(|(name, _)| from.starts_with(name));
            let (name, part) = place.ok_or(TemplateError::Place)?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(part.clone());
            rest = &from[name.len()..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let bodies = parts
            .iter()
            .filter(|part| matches!(part, Part::Body | Part::SortedForm));
        match bodies.count() {
            1 => Ok(Self(parts)),
            _ => Err(TemplateError::Body),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match (part, PLACES.iter().find(|(_, place)| place == part)) {
                (Part::Text(text), _) => f.write_str(text)?,
                (_, Some((name, _))) => f.write_str(name)?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_shown_as_it_was_written() {
        for text in [
            "{body}",
            "v0:{timestamp}:{body}",
            "{method}{url}{body}{timestamp}",
            "{url}{sorted_form}",
        ] {
            assert_eq!(text.parse::<Template>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn the_body_is_signed_once_and_places_have_names() {
        for text in ["", "{timestamp}", "{body}{body}", "{body}{sorted_form}"] {
            assert_eq!(text.parse::<Template>(), Err(TemplateError::Body), "{text}");
        }
        for text in ["{Body}", "{body", "{}{body}", "{header}.{body}"] {
            assert_eq!(text.parse::<Template>(), Err(TemplateError::Place), "{text}");
        }
    }
}
