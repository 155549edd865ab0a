//! Checks of HTTP/1 requests that hyper leaves out.
//!
//! A proxy in front of this server may parse an ambiguous request differently, and an attacker can hide a second request in
//! the difference (request smuggling). So ambiguous requests are refused and their connection is closed.

use http::{
    HeaderMap, HeaderValue, Version,
    header::{HOST, TRANSFER_ENCODING},
    request::Parts,
    uri::Authority,
};

use crate::refusal::Refusal;

/// Checks that a request names its host once and that its transfer coding is supported. HTTP/2 has no such headers.
pub(crate) fn check(head: &Parts) -> Result<(), Refusal> {
    if head.version > Version::HTTP_11 {
        return Ok(());
    }
    check_host(&head.headers, head.version)?;
    check_transfer(&head.headers)
}

/// Source: RFC 9112, section 3.2.
fn check_host(headers: &HeaderMap, version: Version) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_11 => Err(Refusal::NotHttp("header host is missing")),
        (None, _) => Ok(()),
        (Some(host), None) if is_host(host) => Ok(()),
        (Some(_), None) => Err(Refusal::NotHttp("header host is not a host")),
        (Some(_), Some(_)) => Err(Refusal::NotHttp("header host is there twice")),
    }
}

/// An empty value is valid: a target may have no authority.
fn is_host(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.is_empty() || (!bytes.contains(&b'@') && Authority::try_from(bytes).is_ok())
}

/// Hyper decodes only the last coding, if it is `chunked`, and leaves others in the body.
fn check_transfer(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::TransferCoding),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn checked(version: Version, headers: &[(HeaderName, &'static str)]) -> Result<(), Refusal> {
        let mut request = http::Request::post("/").version(version);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        check(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_request_names_one_valid_host() {
        for host in ["", "a", "a.example:80", "127.0.0.1:1", "[::1]:80"] {
            assert_eq!(checked(Version::HTTP_11, &[(HOST, host)]), Ok(()), "{host}");
        }
        for wrong in ["a b", "user@a", "a/b", "a:b:c", "a, b"] {
            checked(Version::HTTP_11, &[(HOST, wrong)]).expect_err(wrong);
        }
        checked(Version::HTTP_11, &[]).expect_err("none");
        checked(Version::HTTP_11, &[(HOST, "a"), (HOST, "a")]).expect_err("two");
        assert_eq!(checked(Version::HTTP_10, &[]), Ok(()));
        checked(Version::HTTP_10, &[(HOST, "a"), (HOST, "b")]).expect_err("two");
        assert_eq!(checked(Version::HTTP_2, &[]), Ok(()));
    }

    #[test]
    fn only_chunked_transfer_coding_is_supported() {
        let checked = |codings: &[&'static str]| {
            let codings = codings.iter().map(|coding| (TRANSFER_ENCODING, *coding));
            checked(Version::HTTP_11, &[vec![(HOST, "a")], codings.collect()].concat())
        };
        assert_eq!(checked(&["chunked"]), Ok(()));
        assert_eq!(checked(&["Chunked"]), Ok(()));
        for wrong in [
            &["gzip, chunked"][..],
            &["gzip", "chunked"],
            &["chunked", "chunked"],
            &[""],
        ] {
            assert_eq!(checked(wrong), Err(Refusal::TransferCoding), "{wrong:?}");
        }
    }
}
