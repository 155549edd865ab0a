-- What the example reads: run it as the owner of the database `shop`.
CREATE TABLE stock (
    sku text PRIMARY KEY,
    name text NOT NULL,
    quantity integer NOT NULL,
    manual text
);

CREATE ROLE danube LOGIN REPLICATION PASSWORD 'secret';
GRANT SELECT ON stock TO danube;

CREATE PUBLICATION danube FOR TABLE stock WITH (publish = 'insert, update, delete');

INSERT INTO stock VALUES ('bolt-8', 'Bolt, 8 mm', 40, NULL), ('nut-8', 'Nut, 8 mm', 55, 'Turn it to the right.');
