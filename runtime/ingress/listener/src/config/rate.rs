//! The table `rate_limit` of an endpoint.

use danube_wasm_settings::{Section, Table, kinds::Integer};

use crate::RateLimit;

impl Section for RateLimit {
    const ABOUT: &'static str = "How many requests an endpoint takes. More are answered 429 with Retry-After.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let requests_per_sec = t
            .field(
                "requests_per_sec",
                Integer(1..=1_000_000),
                "Requests a second in the long run.",
            )
            .aliases(&["requests_per_second"])
            .example("100")
            .required();
        let burst = t
            .field("burst", Integer(1..=1_000_000), "Requests at once.")
            .aliases(&["burst_size"])
            .example("200")
            .defaults_to("as many as `requests_per_sec`");
        Self::try_new(requests_per_sec?, burst).ok()
    }
}
