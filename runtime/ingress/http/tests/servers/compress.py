"""Compresses a file with the library of each content coding: `compress.py FILE` writes FILE.gzip, FILE.deflate, FILE.zstd, FILE.br."""

import gzip
import sys
import zlib
from pathlib import Path

import brotli
import zstandard

path = sys.argv[1]
plain = Path(path).read_bytes()
for coding, compressed in (
    ("gzip", gzip.compress(plain)),
    ("deflate", zlib.compress(plain)),
    ("zstd", zstandard.compress(plain)),
    ("br", brotli.compress(plain)),
):
    Path(f"{path}.{coding}").write_bytes(compressed)
