"""Writes rows to a Delta table with PyPI's deltalake, or counts them.

Arguments: `write` or `write-ready`, the table's URL, a file of JSON lines, rows a commit; or `count` and the table's URL.
`write` reads JSON while the clock runs, `write-ready` has tables of Arrow before it starts.
"""

import datetime
import decimal
import json
import os
import sys
import time

import deltalake
import pyarrow

SCHEMA = pyarrow.schema(
    [
        pyarrow.field("n", pyarrow.int64(), nullable=False),
        pyarrow.field("order", pyarrow.string(), nullable=False),
        ("customer", pyarrow.int64()),
        ("country", pyarrow.string()),
        ("status", pyarrow.string()),
        ("pieces", pyarrow.int32()),
        ("total", pyarrow.decimal128(12, 2)),
        ("weight", pyarrow.float64()),
        ("gift", pyarrow.bool_()),
        ("placed", pyarrow.timestamp("us", tz="UTC")),
    ]
)


def table_of(lines):
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row["total"] = decimal.Decimal(row["total"])
        row["placed"] = datetime.datetime.fromisoformat(row["placed"].replace("Z", "+00:00"))
    return pyarrow.Table.from_pylist(rows, schema=SCHEMA)


def write(url, file, size, is_ready):
    lines = open(file).read().splitlines()
    batches = [lines[first : first + size] for first in range(0, len(lines), size)]
    if is_ready:
        batches = [table_of(batch) for batch in batches]
    began, cpu = time.monotonic(), time.process_time()
    for batch in batches:
        deltalake.write_deltalake(url, batch if is_ready else table_of(batch), mode="append")
    print(f"records={len(lines)} seconds={time.monotonic() - began} cpu={time.process_time() - cpu}")


def count(url):
    table = deltalake.DeltaTable(url)
    numbers = table.to_pyarrow_table(columns=["n"]).column("n").to_pylist()
    print(f"rows={len(numbers)} distinct={len(set(numbers))} sum={sum(numbers)} commits={table.version() + 1}")


if sys.argv[1] == "count":
    count(sys.argv[2])
else:
    write(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[1] == "write-ready")
# Threads that are still at work would end this with an error.
sys.stdout.flush()
os._exit(0)
