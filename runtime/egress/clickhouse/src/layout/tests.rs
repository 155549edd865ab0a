//! Layouts of tables as the server describes them.

use std::collections::BTreeMap;

use super::*;
use crate::server::EngineInfo;

/// A table with columns of these names and types, and `type DEFAULT expression`.
pub(crate) fn table(full: &str, sorting: &str, partition: &str, columns: &[(&str, &str)]) -> TableInfo {
    let column = |(name, of): &(&str, &str)| {
        let kinds = ["DEFAULT", "MATERIALIZED", "ALIAS", "EPHEMERAL"];
        let kind = kinds.into_iter().find(|kind| of.contains(kind));
        let (of, expression) = kind.and_then(|kind| of.split_once(kind)).unwrap_or((of, ""));
        ColumnInfo {
            name: (*name).to_owned(),
            of: of.trim().to_owned(),
            default_kind: kind.unwrap_or_default().to_owned(),
            default_expression: expression.trim().to_owned(),
        }
    };
    TableInfo {
        engine: EngineInfo {
            engine: full.split(['(', ' ']).next().unwrap_or_default().to_owned(),
            engine_full: full.to_owned(),
            sorting_key: sorting.to_owned(),
            partition_key: partition.to_owned(),
        },
        columns: columns.iter().map(column).collect(),
        settings: BTreeMap::new(),
    }
}

/// Options with a column of ids.
pub(crate) fn with_id(id: &str) -> TableOptions {
    TableOptions {
        id_column: Some(id.to_owned()),
        ..TableOptions::default()
    }
}

const COLUMNS: &[(&str, &str)] = &[
    ("id", "String"),
    ("tenant", "UInt32"),
    ("at", "DateTime"),
    ("bucket", "UInt8 MATERIALIZED cityHash64(id) % 16"),
    ("ver", "UInt64"),
    ("gone", "UInt8"),
];

fn layout(full: &str, sorting: &str, partition: &str) -> Layout {
    Layout::new(table(full, sorting, partition, COLUMNS), &with_id("id")).expect("a layout")
}

#[test]
fn a_replacing_table_sorted_by_id_takes_orders_and_deletes() {
    let layout = layout("ReplacingMergeTree(ver, gone) ORDER BY id", "id", "");
    assert!(layout.replaces() && layout.no_deletes().is_none());
    assert_eq!((layout.own.order, layout.own.deleted), (Some(3), Some(4)));
}

#[test]
fn computed_columns_of_the_id_keep_the_promise_and_others_do_not() {
    let full = "ReplacingMergeTree(ver, gone) ORDER BY id";
    assert!(layout(full, "bucket, id", "bucket").replaces());
    assert!(layout(full, "bucket, id", "bucket").keys.partitioned_by_id);
    let tenants = layout(full, "tenant, id", "toYYYYMM(at)");
    assert!(!tenants.replaces() && !tenants.keys.partitioned_by_id);
    assert!(
        tenants
            .no_deletes()
            .expect("a reason")
            .contains("sorted by `tenant, id`")
    );
    assert!(
        !layout(full, "cityHash64(tenant)", "").replaces(),
        "the id is not in it"
    );
}

#[test]
fn partitions_of_plain_columns_are_known() {
    let keys = |partition| layout("MergeTree ORDER BY id", "id", partition).keys;
    assert_eq!(
        (keys("tenant").partition, keys("tenant").partition_is_plain),
        (vec![1], true)
    );
    assert!(keys("(tenant, id)").partition_is_plain);
    assert!(!keys("toYYYYMM(at)").partition_is_plain && !keys("tenant % 10").partition_is_plain);
    assert_eq!(keys("toYYYYMM(at)").partition, [2]);
    assert!(!keys("bucket").partition_is_plain);
}

#[test]
fn what_does_not_fit_the_table_is_said() {
    let error = |columns: &[(&str, &str)], options: &TableOptions| {
        let info = table("ReplacingMergeTree(ver) ORDER BY id", "id", "", columns);
        Layout::new(info, options).expect_err("refused")
    };
    let said = error(COLUMNS, &with_id("uid"));
    assert!(said.contains("no column `uid`") && said.contains("`tenant`"), "{said}");
    let said = error(&[("id", "Float64")], &with_id("id"));
    assert!(said.contains("`id` is of the type Float64"), "{said}");
    let said = error(&[("id", "String"), ("p", "Point")], &with_id("id"));
    assert!(
        said.contains("`p` is of the type Point") && said.contains("DEFAULT"),
        "{said}"
    );
    let twice = TableOptions {
        order_column: Some("id".to_owned()),
        ..with_id("tenant")
    };
    assert!(error(COLUMNS, &twice).contains("orders is UInt64"));
    for (full, says) in [("View", "a view"), ("MaterializedView", "the table that it reads")] {
        let said = Layout::new(table(full, "", "", COLUMNS), &TableOptions::default()).expect_err("refused");
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn columns_that_the_server_computes_are_left_to_it() {
    let columns = &[
        ("id", "String"),
        (
            "sum",
            "AggregateFunction(sum, UInt64) DEFAULT initializeAggregation('sumState', 1)",
        ),
        ("a", "UInt8 ALIAS 1"),
        ("e", "String EPHEMERAL"),
    ];
    let layout = Layout::new(table("MergeTree ORDER BY id", "id", "", columns), &with_id("id")).expect("a layout");
    let names: Vec<_> = layout.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "e"]);
}

#[test]
fn versions_that_documents_fill_are_left_to_them() {
    let options = TableOptions {
        columns: vec![crate::config::ColumnSource {
            column: "ver".to_owned(),
            pointer: "/version".parse().expect("a pointer"),
        }],
        ..with_id("id")
    };
    let info = table("ReplacingMergeTree(ver, gone) ORDER BY id", "id", "", COLUMNS);
    let layout = Layout::new(info, &options).expect("a layout");
    assert_eq!(layout.own.order, None);
    assert!(
        layout
            .no_deletes()
            .expect("a reason")
            .contains("versions come from documents")
    );
}
