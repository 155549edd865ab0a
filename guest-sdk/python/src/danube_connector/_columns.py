"""Columns: n values as a few flat lists. Readers look into those that the host sent, writers make those that go back.

A value that is not there, because the column was not asked for, is empty. Columns that may be left out stay empty until a
value has something to say, and are filled up with empty values then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from ._contract import Attributes, Blobs, Labels, NamedColumn, Origins, Payloads


def span(ends: Sequence[int], at: int) -> tuple[int, int]:
    """Where value ``at`` begins and ends."""
    if at >= len(ends):
        return 0, 0
    return (ends[at - 1] if at else 0), ends[at]


def blob(column: Blobs, at: int) -> bytes:
    """Value ``at``."""
    start, end = span(column.ends, at)
    return column.bytes[start:end]


def text(column: Blobs, at: int) -> str:
    """Value ``at`` as text, empty if it is not UTF-8."""
    try:
        return blob(column, at).decode()
    except UnicodeDecodeError:
        return ""


def label(column: Labels, at: int) -> str:
    """Value ``at``."""
    return column.names[column.index[at]] if at < len(column.index) else ""


def pairs(column: Attributes, at: int) -> Iterator[tuple[str, str]]:
    """The pairs of set ``at``."""
    for pair in range(*span(column.ends, at)):
        yield text(column.names, pair), text(column.values, pair)


def first_of_each(column: Attributes, at: int) -> dict[str, str]:
    """The pairs of set ``at``; of several with one name the first."""
    found: dict[str, str] = {}
    for name, value in pairs(column, at):
        found.setdefault(name, value)
    return found


def numbers(extra: Iterable[NamedColumn], name: str) -> list[int]:
    """The numbers of the extra column of this name."""
    for column in extra:
        if column.name == name:
            values = column.values.value
            return values if isinstance(values, list) else []
    return []


class BlobWriter:
    """Byte strings that most batches may not have."""

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.bytes = bytearray()

    def push(self, value: bytes) -> None:
        self.bytes += value
        self.ends.append(len(self.bytes))

    def set(self, place: int, value: bytes) -> None:
        """Sets the value at ``place``, the next one or one further on."""
        self._fill(place)
        self.push(value)

    def finish(self, n: int | None = None) -> Blobs:
        """The column; with ``n``, of a batch of so many, or empty if no value was set."""
        if n is not None and self.ends:
            self._fill(n)
        return Blobs(self.ends, bytes(self.bytes))

    def _fill(self, n: int) -> None:
        self.ends.extend([len(self.bytes)] * (n - len(self.ends)))


class LabelWriter:
    """Strings that repeat."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.index: list[int] = []

    def push(self, value: str) -> None:
        self.index.append(self.places.setdefault(value, len(self.places)))

    def finish(self) -> Labels:
        return Labels(list(self.places), self.index)


class PairWriter:
    """Sets of name-value pairs that most batches may not have."""

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.names = BlobWriter()
        self.values = BlobWriter()

    def push(self, set_of_pairs: Iterable[tuple[bytes, bytes]]) -> None:
        for name, value in set_of_pairs:
            self.names.push(name)
            self.values.push(value)
        self.ends.append(len(self.names.ends))

    def set(self, place: int, set_of_pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._fill(place)
        self.push(set_of_pairs)

    def finish(self, n: int | None = None) -> Attributes:
        if n is not None and self.ends:
            self._fill(n)
        return Attributes(self.ends, self.names.finish(), self.values.finish())

    def _fill(self, n: int) -> None:
        self.ends.extend([len(self.names.ends)] * (n - len(self.ends)))


class PayloadWriter:
    """Payloads, new ones and inputs' own."""

    def __init__(self) -> None:
        self.reuse: list[int] = []
        self.new = BlobWriter()

    def push(self, payload: bytes | int) -> None:
        """Bytes, or the place of the input whose payload it is."""
        if isinstance(payload, int):
            if not self.reuse:
                self.reuse = [0] * len(self.new.ends)
            self.reuse.append(payload + 1)
            return
        if self.reuse:
            self.reuse.append(0)
        self.new.push(payload)

    def finish(self) -> Payloads:
        return Payloads(self.reuse, self.new.finish())


class OriginWriter:
    """Where each output came from."""

    def __init__(self) -> None:
        self.of: list[tuple[int, ...]] = []

    def push(self, inputs: tuple[int, ...]) -> None:
        self.of.append(inputs)

    def finish(self, inputs: int) -> Origins:
        """The column for an answer to ``inputs`` inputs; empty if output i came from input i and all have one."""
        if len(self.of) == inputs and all(one == (at,) for at, one in enumerate(self.of)):
            return Origins()
        ends, end = [], 0
        for one in self.of:
            end += len(one)
            ends.append(end)
        return Origins(ends, list(chain.from_iterable(self.of)))
