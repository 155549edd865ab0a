//! The table `answer`.

use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Text},
};
use http::{HeaderValue, StatusCode};

use crate::policy::FixedReply;

static STATUSES: &[(&str, StatusCode)] = &[
    ("200", StatusCode::OK),
    ("202", StatusCode::ACCEPTED),
    ("204", StatusCode::NO_CONTENT),
];

impl Section for FixedReply {
    const ABOUT: &'static str = "The answer to events that were taken, for senders that read it. Without it, 200 and JSON with the event's \
        id. Refusals, and answers of the component itself, are not changed.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let status = t
            .field("status", Choice::of(STATUSES), "The status, as a string.")
            .or(StatusCode::OK);
        let body = t
            .field("body", Text, "The body. Not with 204.")
            .example("\"<Response/>\"")
            .defaults_to("nothing");
        let content_type = t
            .field("content_type", Text, "The media type of `body`.")
            .example("\"text/xml\"")
            .defaults_to("`\"text/plain; charset=utf-8\"`");
        if status == StatusCode::NO_CONTENT && body.is_some() {
            let help = "remove `body`, or write `status = \"200\"`";
            t.session()
                .error(&t.span("body"), "an answer with status 204 has no body", help);
        }
        let kind = content_type.as_deref().unwrap_or("text/plain; charset=utf-8");
        let kind = HeaderValue::try_from(kind).ok();
        if kind.is_none() {
            let help = "write it as in `\"text/xml\"`";
            t.session()
                .error(&t.span("content_type"), "it is not a media type", help);
        }
        Some(Self {
            status,
            body: body.unwrap_or_default().into(),
            content_type: kind,
        })
    }
}
