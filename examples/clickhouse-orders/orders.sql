CREATE DATABASE IF NOT EXISTS shop;

CREATE TABLE IF NOT EXISTS shop.orders
(
    id String,
    status LowCardinality(String),
    pieces UInt8,
    total Decimal(12, 2),
    placed DateTime64(3, 'UTC'),
    customer Nullable(String),
    _order UInt64,
    _deleted UInt8
)
ENGINE = ReplacingMergeTree(_order, _deleted)
ORDER BY id;
