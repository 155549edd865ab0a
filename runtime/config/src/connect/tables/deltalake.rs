//! Tables of a Delta Lake sink.

use super::super::keys::{
    Effect::{Never, Removed},
    How::{Same, Separate, Text},
    OldKey, OldTable,
};

pub(in super::super) static DELTALAKE: OldTable = OldTable::one(
    &["deltalake"],
    "sinks.delta",
    "The store that the sink's tables are in. Credentials are taken from the variables that Danube Connect read: `AWS_ACCESS_KEY_ID`, \
     `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AZURE_STORAGE_ACCOUNT_KEY`, `AZURE_STORAGE_SAS_TOKEN`, \
     `GOOGLE_APPLICATION_CREDENTIALS`.",
    &[
        OldKey::new(&["storage_backend"], "", Separate)
            .required("\"s3\"")
            .note("`s3`, `azure` or `gcs`. The URLs of tables say it."),
        OldKey::new(&["s3_region"], "storage.aws_region", Text)
            .example("\"us-east-1\"")
            .variable("AWS_REGION"),
        OldKey::new(&["s3_endpoint"], "storage.aws_endpoint", Text)
            .example("\"http://minio:9000\"")
            .variable("S3_ENDPOINT"),
        OldKey::new(&["s3_allow_http"], "storage.aws_allow_http", Same).example("true"),
        OldKey::new(&["azure_storage_account"], "storage.azure_storage_account_name", Text)
            .example("\"account\"")
            .variable("AZURE_STORAGE_ACCOUNT"),
        OldKey::ignored(
            &["azure_container"],
            Removed,
            "remove it; the URLs of tables name their containers",
        ),
        OldKey::ignored(
            &["gcp_project_id"],
            Never,
            "remove it; the URLs of tables name their buckets",
        ),
        OldKey::new(&["routes"], "topic_mappings", Separate),
    ],
);

pub(in super::super) static DELTALAKE_ROUTES: OldTable = OldTable::many(
    &["deltalake.routes"],
    "sinks.delta.topic_mappings",
    "A topic that the sink consumes, and the table that its messages are appended to. The table is one of `sinks.delta.tables`, and is \
     made if it is not there.",
    &[
        OldKey::new(&["from"], "topic", Same).required("\"/events/payments\""),
        OldKey::same(&["subscription"]).required("\"delta-payments\""),
        OldKey::new(&["to"], "", Separate)
            .required("\"s3://lake/payments\"")
            .note("Becomes `url` of the table."),
        OldKey::same(&["expected_schema_subject"]),
        OldKey::new(&["field_mappings"], "", Separate),
        OldKey::new(&["write_mode"], "", Separate)
            .example("\"append\"")
            .note("Danube Connect accepted `overwrite` and appended; here it is refused."),
        OldKey::same(&["include_danube_metadata"]).note(
            "`_danube_metadata` has `danube_topic`, `danube_timestamp`, `danube_producer` and `danube_message_id`.",
        ),
    ],
);

pub(in super::super) static FIELD_MAPPINGS: OldTable = OldTable::many(
    &["deltalake.routes.field_mappings"],
    "sinks.delta.tables.field_mappings",
    "A field of messages and its column.",
    &[
        OldKey::new(&["json_path"], "", Separate)
            .required("\"customer.id\"")
            .note("Becomes `pointer`: `/customer/id`."),
        OldKey::same(&["column"]).required("\"customer_id\""),
        OldKey::new(&["data_type"], "type", Same)
            .required("\"Int64\"")
            .note("Delta has no unsigned types: `UInt8`, `UInt16`, `UInt32` and `UInt64` are `short`, `integer`, `long` and `long`, and what does \
                   not fit is refused. `Timestamp` is in microseconds."),
        OldKey::same(&["nullable"]),
    ],
);
