//! Tables of a webhook source.

use super::{
    super::keys::{
        Effect::Never,
        How::{Integer, Same, Secs, Table, Together},
        OldKey, OldTable,
    },
    RATE_LIMIT,
};

pub(in super::super) static SERVER: OldTable = OldTable {
    path: "server",
    repeated: false,
    about: "The HTTP listener.",
    becomes: "sources.webhook",
    keys: &[HOST, PORT, TIMEOUT, BODY, TLS_CERT, TLS_KEY],
};

pub(in super::super) static WEBHOOK: OldTable = OldTable {
    path: "webhook",
    repeated: false,
    about: "The HTTP listener, as the announcement of Danube Connect spells it.",
    becomes: "sources.webhook",
    keys: &[
        HOST,
        PORT,
        TIMEOUT,
        BODY,
        TLS_CERT,
        TLS_KEY,
        OldKey::new(&["endpoints"], "endpoints", Table),
    ],
};

const HOST: OldKey = OldKey::new(&["host"], "host", Same)
    .variable("SERVER_HOST")
    .default("\"0.0.0.0\"");
const PORT: OldKey = OldKey::new(&["port"], "port", Integer(0..=65535))
    .variable("SERVER_PORT")
    .default("8080");
const TIMEOUT: OldKey = OldKey::new(&["timeout_seconds"], "request_deadline_ms", Secs(1..=600))
    .default("30")
    .note("`body_timeout_ms` is two thirds of it where that is less than its default.");
const BODY: OldKey = OldKey::new(&["max_body_size"], "max_body_bytes", Same).example("1048576");
const TLS_CERT: OldKey = OldKey::ignored(&["tls_cert_path"], Never, TLS);
const TLS_KEY: OldKey = OldKey::ignored(&["tls_key_path"], Never, TLS);
const TLS: &str =
    "in a pipeline file, give [sources.webhook] `tls = { cert_path = \"…\", key_path = \"…\" }` to serve HTTPS";

pub(in super::super) static WEBHOOK_ENDPOINTS: OldTable = OldTable {
    path: "webhook.endpoints",
    repeated: true,
    about: "An endpoint, as the announcement spells it.",
    becomes: "sources.webhook.endpoints",
    keys: ENDPOINT,
};

pub(in super::super) static ENDPOINTS: OldTable = OldTable {
    path: "endpoints",
    repeated: true,
    about: "An endpoint (version 0.2).",
    becomes: "sources.webhook.endpoints",
    keys: ENDPOINT,
};

pub(in super::super) static ROUTES: OldTable = OldTable {
    path: "routes",
    repeated: true,
    about: "An endpoint (version 0.3).",
    becomes: "sources.webhook.endpoints",
    keys: ENDPOINT,
};

const ENDPOINT: &[OldKey] = &[
    OldKey::new(&["path", "from"], "path", Same).required("\"/webhooks/stripe/payments\""),
    OldKey::new(&["danube_topic", "to"], "danube_topic", Same).required("\"/stripe/payments\""),
    OldKey::new(&["partitions"], "partitions", Same),
    OldKey::new(&["reliable_dispatch"], "reliable_dispatch", Same).default("false"),
    RATE_LIMIT,
];

pub(in super::super) static AUTH: OldTable = OldTable {
    path: "auth",
    repeated: false,
    about: "Who may post to any endpoint. Danube Connect let every request in with `hmac`; here signatures are checked.",
    becomes: "sources.webhook.endpoints.auth",
    keys: &[
        OldKey::new(&["type"], "type", Together)
            .required("\"apikey\"")
            .note("`none`, `apikey` (here `api_key`), `hmac` or `jwt`."),
        OldKey::new(&["secret_env"], "secrets", Together).note("`\"X\"` becomes `[\"${X}\"]`."),
        OldKey::new(&["header"], "header", Together).note(
            "Of `hmac`, `Stripe-Signature` or `X-Hub-Signature-256`, which becomes `form`. Without effect with `jwt`.",
        ),
        OldKey::new(&["algorithm"], "", Together).note("Of `hmac`: `sha256` and no other. Elsewhere without effect."),
        OldKey::new(&["public_key_path"], "public_key_files", Together)
            .note("Of `jwt` without `secret_env`. Danube Connect never used it."),
    ],
};
