"""A few values of the connector's own that outlive the process, such as a cursor.

They are there during ``fetch`` alone. What a call changes is durable once every event that it fetched is; a call that fails
changes nothing. In a test they are the harness's.
"""

from __future__ import annotations

from . import _host_state as _values
from ._errors import Fatal
from ._host import crossing
from ._json import utf8


def get(key: str) -> bytes | None:
    """The value of this key."""
    return _values.get(crossing(key))


def get_text(key: str) -> str | None:
    """The value of this key, if it is text."""
    value = get(key)
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def set(key: str, value: bytes | str) -> None:
    """Sets the value of a key of 1 to 128 bytes: at most 64 KiB, of all together 512 KiB and 256 keys."""
    content = utf8(value, f"the state `{key}`") if isinstance(value, str) else bytes(value)
    refusal = _values.set(crossing(key), content)
    if refusal:
        raise Fatal(f"the state `{key}` was not set: {refusal}")


def delete(key: str) -> None:
    """Takes a key out. Nothing happens if it has no value."""
    refusal = _values.delete(crossing(key))
    if refusal:
        raise Fatal(f"the state `{key}` was not deleted: {refusal}")


def keys() -> list[str]:
    """The keys that have a value, in the order of their bytes."""
    return _values.keys()
