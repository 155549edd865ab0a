//! What HTTP/1 asks of a request that the protocol library does not look at.
//!
//! Who stands in front of this server may read a request that is not quite one in another way than it is read here;
//! between the two readings an attacker hides a second request. So what can be read in two ways is refused, and the
//! connection with it.

use http::{
    HeaderMap, HeaderValue, Version,
    header::{HOST, TRANSFER_ENCODING},
    request::Parts,
    uri::Authority,
};

use crate::answer::Refusal;

/// That a request names its host once and sends its body in a way that is read here. HTTP/2 has no such headers.
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

/// Empty is allowed: a target may have no authority.
fn is_host(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.is_empty() || (!bytes.contains(&b'@') && Authority::try_from(bytes).is_ok())
}

/// The library undoes the last coding, if that is `chunked`, and leaves the others in the body.
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
    fn one_host() {
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
    fn chunks_and_nothing_else() {
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
