//! The table `cors`.

use danube_wasm_settings::{
    Section, Table,
    kinds::{Integer, List, Parsed},
    values::{HeaderName, HttpUrl},
};

use crate::policy::Cors;

impl Section for Cors {
    const ABOUT: &'static str = "Lets pages of browsers post, and read the answers: the endpoint answers `OPTIONS` as the Fetch standard \
        says. Cookies are not allowed.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let origins = t
            .field(
                "allow_origins",
                List {
                    kind: Parsed::<HttpUrl>::new("an origin"),
                    len: 0..=64,
                },
                "Origins of pages, without a slash at the end. Without any, all.",
            )
            .example("[\"https://shop.example\"]")
            .or(Vec::new());
        let headers = t
            .field(
                "allow_headers",
                List {
                    kind: Parsed::<HeaderName>::new("a header"),
                    len: 0..=64,
                },
                "Headers that pages may send beside `content-type`.",
            )
            .example("[\"x-api-key\", \"idempotency-key\"]")
            .or(Vec::new());
        let max_age_secs = t
            .field(
                "max_age_secs",
                Integer(0..=86_400),
                "For how long a browser may remember the answer to its `OPTIONS`.",
            )
            .or(600);
        Some(Self {
            origins: origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
            headers: headers.iter().map(|name| name.as_str().to_owned()).collect(),
            max_age_secs,
        })
    }
}
