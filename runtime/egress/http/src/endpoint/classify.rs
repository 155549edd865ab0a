//! What an endpoint's answers mean, and what to do about them.

use std::time::SystemTime;

use http::{HeaderMap, Method, header::LOCATION};

use super::{Endpoint, Outgoing};
use crate::{
    answer::Answer,
    page::is_about_tls,
    retry_after,
    status::Meaning,
    verdict::{Failure, FailureKind, Fault},
};

impl Endpoint {
    /// What an answer means for the whole request.
    pub(crate) fn classify(&self, answer: &Answer, outgoing: &Outgoing) -> Result<(), Fault> {
        let status = answer.status.as_u16();
        let meaning = match Meaning::of(status, &self.config.statuses) {
            Meaning::Refused if status == 400 && is_about_tls(&answer.body) => Meaning::Unfit,
            meaning => meaning,
        };
        if outgoing.method == Method::DELETE && matches!(status, 404 | 410) && meaning == Meaning::Unfit {
            // It is gone already, as it was to be.
            return Ok(());
        }
        let said = self.words.quoted(&answer.body, None);
        let what = format!("{} answers {}{said}", self.who, answer.status);
        let failed = |kind| {
            Err(Fault::Failed(Failure {
                retry_after: retry_after::of(&answer.headers, SystemTime::now()),
                ..Failure::new(kind, what.clone())
            }))
        };
        match meaning {
            Meaning::Taken => Ok(()),
            Meaning::Refused => Err(Fault::Refused(what)),
            Meaning::TooLarge => Err(Fault::TooLarge(what, outgoing.body.len())),
            Meaning::Passes => failed(FailureKind::Passes),
            Meaning::Overloaded => failed(FailureKind::Overloaded),
            Meaning::Unfit => {
                let message = format!("{what}; {}", self.cure(status, &answer.headers));
                Err(Failure::new(FailureKind::Unfit, message).into())
            }
        }
    }

    /// What to do about a status that is about the endpoint.
    pub(crate) fn cure(&self, status: u16, headers: &HeaderMap) -> String {
        match status {
            300..=399 => {
                // Of where it leads, only what is no secret.
                let to = headers.get(LOCATION).and_then(|to| self.config.url.url().join(to.to_str().ok()?).ok());
                let to = to.map(|to| format!(" (to {})", to.origin().ascii_serialization())).unwrap_or_default();
                format!("redirects{to} are not followed: write in `url` where it leads to. Its records wait")
            }
            400 => "a web server in front of it wants another connection: write `https://` in `url`, and the client certificate \
                    that it asks for in `tls`. Its records wait"
                .to_owned(),
            401 | 403 if self.config.auth.is_none() => "it asks for credentials: add `auth`. Its records wait".to_owned(),
            401 | 403 => "check its `auth`. Its records wait".to_owned(),
            404 => "check the path of its `url`. Its records wait".to_owned(),
            407 => "a proxy is in between, and none is supported. Its records wait".to_owned(),
            410 => "it is gone for good: remove the endpoint, or write its new `url`. Its records wait".to_owned(),
            _ => "its records wait until it answers otherwise, or the status is in `retry_statuses`, `refuse_statuses` or \
                  `accept_statuses`"
                .to_owned(),
        }
    }
}
