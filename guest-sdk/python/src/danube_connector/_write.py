"""A write to a sink's target."""

from __future__ import annotations

from typing import Any, Literal

from ._errors import InvalidData
from ._json import payload_of
from ._record import id_bytes

Operation = Literal["insert", "upsert", "merge", "delete"]
"""What a write does to the document with its id: insert unless one is there; replace or create; set the given fields or
create; remove."""

OPERATIONS: tuple[Operation, ...] = ("insert", "upsert", "merge", "delete")


class Write:
    """A write to the target. Made by :meth:`insert`, :meth:`upsert`, :meth:`merge`, :meth:`delete`, and by
    :meth:`Message.forward`.

    ``target`` is a table that the sink's mappings name. ``document`` is any JSON value, or ``bytes`` that are JSON text
    already. An id has 1 to 512 bytes without control characters. ``order`` is a rising number: the write applies only if it
    is not lower than the one that the document was last written or deleted with; 0 applies always. With
    :attr:`Message.order` it applies only if it is higher, or if the same message is written again.
    """

    ID_BYTES_MAX = 512

    __slots__ = ("_id", "_payload", "operation", "order", "target")

    def __init__(self, target: str, operation: Operation, payload: bytes | int, id: str | None, order: int) -> None:
        self.target = target
        self.operation = operation
        self.order = _checked_order(order)
        self._payload = payload
        self._id = b"" if id is None else id_bytes(id, "a document id", self.ID_BYTES_MAX)

    @classmethod
    def insert(cls, target: str, document: Any, *, id: str | None = None, order: int = 0) -> Write:
        """Inserts a document unless it is there. Without an id of its own, the host makes one from the message's id, so
        that a redelivery meets the same document."""
        return cls(target, "insert", payload_of(document), id, order)

    @classmethod
    def upsert(cls, target: str, id: str, document: Any, *, order: int = 0) -> Write:
        """Replaces the document of this id, or creates it."""
        return cls(target, "upsert", payload_of(document), id, order)

    @classmethod
    def merge(cls, target: str, id: str, fields: Any, *, order: int = 0) -> Write:
        """Sets the given fields of the document of this id, or creates it."""
        return cls(target, "merge", payload_of(fields), id, order)

    @classmethod
    def delete(cls, target: str, id: str, *, order: int = 0) -> Write:
        """Removes the document of this id."""
        return cls(target, "delete", b"", id, order)


def _checked_order(order: int) -> int:
    if not isinstance(order, int) or not 0 <= order < 1 << 64:
        raise InvalidData(f"an order is a whole number within 0 to 2^64-1, not {order!r}")
    return order
