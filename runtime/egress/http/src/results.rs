//! Answers that say what became of each record of a request.

use http::StatusCode;
use serde_json::Value;

use crate::{answer::Answer, config::Endpoint, shown::Words, status::Meaning};

/// What an answer says of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordResult {
    pub(crate) meaning: Meaning,
    pub(crate) status: u16,
    /// In the receiver's words, with what comes before them; perhaps nothing.
    pub(crate) said: String,
}

/// What an answer that is a success says of each of `count` records; `None` if it says nothing of single ones.
///
/// # Errors
///
/// It ought to, and cannot be understood: what is wrong.
pub(crate) fn of(
    answer: &Answer,
    count: usize,
    endpoint: &Endpoint,
    words: &Words,
) -> Result<Option<Vec<RecordResult>>, String> {
    let is_multi = answer.status == StatusCode::MULTI_STATUS;
    if endpoint.results_pointer.is_none() && !is_multi || answer.status == StatusCode::NO_CONTENT {
        return Ok(None);
    }
    if !answer.is_whole {
        return Err("its body is too long or was cut off".to_owned());
    }
    let body: Value = serde_json::from_slice(&answer.body).map_err(|_| "its body is not JSON".to_owned())?;
    let found = match &endpoint.results_pointer {
        Some(pointer) => body.pointer(pointer.as_str()),
        None => Some(&body),
    };
    let Some(Value::Array(results)) = found else {
        return Err(match &endpoint.results_pointer {
            Some(pointer) => format!("there is no array at `{pointer}` in its body"),
            None => "its body is no array: name the place of one with `results_pointer`".to_owned(),
        });
    };
    if results.len() != count {
        return Err(format!("it has {} results for {count} records", results.len()));
    }
    let result = |result: &Value| of_record(result, endpoint, words);
    results.iter().map(result).collect::<Result<_, _>>().map(Some)
}

fn of_record(result: &Value, endpoint: &Endpoint, words: &Words) -> Result<RecordResult, String> {
    let status = result.get("status").unwrap_or(result);
    let number = status.as_u64().or_else(|| status.as_str()?.get(..3)?.parse().ok());
    let status = number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|status| (100..600).contains(status))
        .ok_or("one of its results has no `status`")?;
    let said = ["error", "message", "detail", "reason"]
        .iter()
        .find_map(|name| result.get(name));
    let said = said.map(|said| match said {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    });
    Ok(RecordResult {
        meaning: Meaning::of(status, &endpoint.statuses),
        status,
        said: words.quoted(said.unwrap_or_default().as_bytes(), None),
    })
}
