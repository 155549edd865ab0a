//! How records become requests.

use danube_wasm_settings::{
    Table,
    kinds::{Integer, OneOfNames, Text},
};

use super::UrlTemplate;

/// How records become requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchForm {
    /// One request for each.
    Single,
    /// A JSON array of them.
    Array,
    /// One on each line.
    Ndjson,
    /// An object with an array of them in this field.
    Wrapped(String),
}

/// The keys `batch`, `wrap_field`, `request_records` and `request_bytes`.
pub(super) fn form(t: &mut Table<'_>) -> (BatchForm, usize, usize) {
    let form = t
        .field(
            "batch",
            OneOfNames(&[("single", &[]), ("array", &[]), ("ndjson", &[]), ("wrapped", &[])]),
            "How records become requests: `single` sends each by itself, `array` several as a JSON array, `ndjson` one on each \
             line, `wrapped` an array in a field of an object. Only with `single` has each record headers with its id.",
        )
        .or("single");
    let field = t
        .field("wrap_field", Text, "With `wrapped`, the field that has the array.")
        .or("records".to_owned());
    let records_max = t
        .field(
            "request_records",
            Integer(1..=10_000),
            "Most records of a request. With `single` there is one.",
        )
        .or(100);
    let bytes_max = t
        .field(
            "request_bytes",
            Integer(1 << 10..=64 << 20),
            "Most bytes of a request with several records. After a 413 the sink sends less by itself.",
        )
        .or(1 << 20);
    let form = match form {
        "array" => BatchForm::Array,
        "ndjson" => BatchForm::Ndjson,
        "wrapped" => BatchForm::Wrapped(field),
        _ => BatchForm::Single,
    };
    (form, records_max, bytes_max)
}

/// That what is given fits the form.
pub(super) fn check_form(t: &mut Table<'_>, form: &BatchForm, url: Option<&UrlTemplate>) {
    let is_single = *form == BatchForm::Single;
    if !is_single && url.is_some_and(UrlTemplate::has_id) {
        t.session().error(
            &t.span("url"),
            "`url` has an `{id}`, and a request with several records has several ids",
            "write `batch = \"single\"`, or a URL without `{id}`",
        );
    }
    let only_several: &[_] = &["id_field", "results_pointer", "request_records", "request_bytes"];
    for key in only_several.iter().filter(|key| is_single && t.given(key)) {
        t.session().error(
            &t.span(key),
            format!("`{key}` is for requests with several records, and `batch` is `\"single\"`"),
            format!("remove `{key}`, or write `batch = \"array\"`"),
        );
    }
    if t.given("wrap_field") && !matches!(form, BatchForm::Wrapped(_)) {
        t.session().error(
            &t.span("wrap_field"),
            "`wrap_field` is for `batch = \"wrapped\"`",
            "remove it, or write `batch = \"wrapped\"`",
        );
    }
}
