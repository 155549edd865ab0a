//! The bytes that a sender signed.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use http::{header::CONTENT_TYPE, request::Parts};
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use super::{Claim, Part, PublicUrl, Scheme, deny, form};
use crate::{auth::Denied, limits::SIGNED_FORM_FIELDS_MAX};

/// What a request says was signed.
pub(super) struct Message<'a> {
    pub(super) scheme: &'a Scheme,
    pub(super) public_url: Option<&'a PublicUrl>,
    pub(super) claim: &'a Claim,
    pub(super) head: &'a Parts,
    pub(super) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Its parts, the body not copied.
    pub(super) fn parts(&self) -> Result<Vec<Cow<'a, [u8]>>, Denied> {
        self.scheme.signed.parts().iter().map(|part| self.part(part)).collect()
    }

    fn part(&self, part: &'a Part) -> Result<Cow<'a, [u8]>, Denied> {
        Ok(match part {
            Part::Text(text) => text.as_bytes().into(),
            Part::Timestamp => self.claim.timestamp.as_bytes().into(),
            Part::Id => (&*self.claim.id).into(),
            Part::Method => self.head.method.as_str().as_bytes().into(),
            Part::Body => self.body.into(),
            Part::Url => self.url()?.into_bytes().into(),
            Part::SortedForm => self.sorted_form()?.into(),
        })
    }

    fn url(&self) -> Result<String, Denied> {
        let url = self.public_url.map(|url| url.of(&self.head.uri, self.scheme.url));
        url.ok_or_else(|| deny("the sender signs a URL, and this endpoint was not told its own".to_owned()))
    }

    /// The fields of the body, if it is a form. Of another body the sender signs the digest, in the query.
    fn sorted_form(&self) -> Result<Vec<u8>, Denied> {
        if let Some((parameter, digest)) = self.signed_digest() {
            let found = hex::encode(self.body_digest());
            return match found.as_bytes().ct_eq(digest.to_ascii_lowercase().as_bytes()).into() {
                true if self.is_form() => self.fields(),
                true => Ok(Vec::new()),
                false => Err(deny(format!(
                    "parameter {parameter} of the query is not the SHA-256 of the body"
                ))),
            };
        }
        match self.body.is_empty() {
            true => Ok(Vec::new()),
            false if self.is_form() => self.fields(),
            false => Err(deny(
                "the sender signs the fields of a form: send `content-type: application/x-www-form-urlencoded`"
                    .to_owned(),
            )),
        }
    }

    fn fields(&self) -> Result<Vec<u8>, Denied> {
        form::sorted(self.body).ok_or_else(|| deny(format!("the form has more than {SIGNED_FORM_FIELDS_MAX} fields")))
    }

    fn signed_digest(&self) -> Option<(&'static str, Cow<'a, str>)> {
        let parameter = self.scheme.digest_parameter?;
        let mut pairs = form_urlencoded::parse(self.head.uri.query()?.as_bytes());
        let (_, digest) = pairs.find(|(name, _)| name == parameter)?;
        Some((parameter, digest))
    }

    fn body_digest(&self) -> impl AsRef<[u8]> {
        digest(&SHA256, self.body)
    }

    fn is_form(&self) -> bool {
        let value = self.head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        let essence = value.and_then(|value| value.split(|b| *b == b';').next());
        essence.is_some_and(|essence| {
            essence
                .trim_ascii()
                .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        })
    }
}
