//! Rows, as documents.

/// Columns, as the mappings of a table.
pub(crate) const MAPPINGS: &str = r#"[
    { pointer = "/n", column = "n", type = "long", nullable = false },
    { pointer = "/order", column = "order", type = "string", nullable = false },
    { pointer = "/customer", column = "customer", type = "long" },
    { pointer = "/country", column = "country", type = "string" },
    { pointer = "/status", column = "status", type = "string" },
    { pointer = "/pieces", column = "pieces", type = "integer" },
    { pointer = "/total", column = "total", type = "decimal(12,2)" },
    { pointer = "/weight", column = "weight", type = "double" },
    { pointer = "/gift", column = "gift", type = "boolean" },
    { pointer = "/placed", column = "placed", type = "timestamp" },
]"#;

/// Row `i`.
pub(crate) fn document(i: u64) -> String {
    let at = |array: &[&'static str]| array[i as usize % array.len()];
    format!(
        r#"{{"n":{i},"order":"ord_{i:010}","customer":{},"country":"{}","status":"{}","pieces":{},"total":"{}.{:02}","weight":{},"gift":{},"placed":"2026-01-01T{:02}:{:02}:{:02}.{:03}Z"}}"#,
        i % 5_000,
        at(&["DE", "FR", "US", "JP"]),
        at(&["new", "paid", "sent"]),
        i % 300,
        i / 100,
        i % 100,
        (i % 1_000) as f64 / 8.0,
        i.is_multiple_of(10),
        i / 3_600_000,
        i / 60_000 % 60,
        i / 1_000 % 60,
        i % 1_000,
    )
}
