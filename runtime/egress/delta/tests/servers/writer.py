"""Appends rows to a Delta table, or makes it. Arguments: its URL, options of its store as JSON, rows as JSON, mode."""

import json
import os
import sys

import deltalake
import pyarrow

url, options, rows, mode = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]
schema_mode = "merge" if mode == "append" else None
table = pyarrow.Table.from_pylist(rows)
deltalake.write_deltalake(url, table, mode=mode, schema_mode=schema_mode, storage_options=options)
print("null")
sys.stdout.flush()
os._exit(0)
