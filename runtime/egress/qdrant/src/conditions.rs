//! Conditions of filters.

use qdrant_client::qdrant::{
    Condition, FieldCondition, Filter, HasIdCondition, Match, PointId, Range, condition::ConditionOneOf,
    r#match::MatchValue,
};

pub(crate) fn wrap(one_of: ConditionOneOf) -> Condition {
    Condition {
        condition_one_of: Some(one_of),
    }
}

/// The field is this text.
pub(crate) fn is_keyword(field: &str, text: &str) -> Condition {
    wrap(ConditionOneOf::Field(FieldCondition {
        key: field.to_owned(),
        r#match: Some(Match {
            match_value: Some(MatchValue::Keyword(text.to_owned())),
        }),
        ..FieldCondition::default()
    }))
}

/// The field is a number in this range.
pub(crate) fn in_range(field: &str, range: Range) -> Condition {
    wrap(ConditionOneOf::Field(FieldCondition {
        key: field.to_owned(),
        range: Some(range),
        ..FieldCondition::default()
    }))
}

/// The point is one of these.
pub(crate) fn has_id(ids: Vec<PointId>) -> Condition {
    wrap(ConditionOneOf::HasId(HasIdCondition { has_id: ids }))
}

/// All of these.
pub(crate) fn all(must: Vec<Condition>) -> Condition {
    wrap(ConditionOneOf::Filter(Filter {
        must,
        ..Filter::default()
    }))
}

/// One of these.
pub(crate) fn any(should: Vec<Condition>) -> Condition {
    wrap(ConditionOneOf::Filter(Filter {
        should,
        ..Filter::default()
    }))
}
