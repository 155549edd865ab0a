-- What the example reads: run it as the owner of the database `shop`.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    body jsonb NOT NULL
);

CREATE ROLE danube LOGIN REPLICATION PASSWORD 'secret';
GRANT SELECT ON outbox TO danube;

-- An outbox is written and never changed: rows that are cleaned up are no events.
CREATE PUBLICATION danube FOR TABLE outbox WITH (publish = 'insert');

INSERT INTO outbox (kind, body) VALUES ('order-placed', '{"order": 1, "total": "19.90"}');
