"""Prints what ClickHouse's engine answers to a query, as JSON: a list of rows. Argument: the query."""

import os
import sys

import chdb

# It reads what is below its folder.
os.chdir("/")

answer = str(chdb.query(sys.argv[1], "JSONEachRow"))
print("[" + ",".join(answer.strip().splitlines()) + "]")
