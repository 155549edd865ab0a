"""The host's interface ``state``, and what stands in for it in a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _host
from ._host import Err

# A source or a sink has no such import.
_state: Any = None
if _host.IN_COMPONENT:
    try:
        from wit_world.imports import danube_connector_state_0_1_0

        _state = danube_connector_state_0_1_0
    except ImportError:
        pass

KEY_BYTES_MAX = 128
VALUE_BYTES_MAX = 64 << 10
BYTES_MAX = 512 << 10
KEYS_MAX = 256

REFUSALS = (
    "a key has 1 to 128 bytes",
    "a value has at most 64 KiB",
    "all keys and values together have at most 512 KiB, and there are at most 256 keys",
    "state is there while `fetch` runs, and at no other time",
)
"""Why a value is not set, by the contract's number."""

_KEY, _VALUE, _FULL, _UNAVAILABLE = REFUSALS


def get(key: str) -> bytes | None:
    """The value of a key."""
    if _host.IN_COMPONENT:
        value: bytes | None = _state.get(key) if _state else None
        return value
    return (_host.recorder.state or {}).get(key)


def keys() -> list[str]:
    """The keys that have a value."""
    if _host.IN_COMPONENT:
        return list(_state.keys()) if _state else []
    return sorted(_host.recorder.state or {}, key=str.encode)


def set(key: str, value: bytes) -> str | None:
    """Sets a value; why not, if it was not."""
    if _host.IN_COMPONENT:
        return _changed(lambda: _state.set(key, value))
    values = _host.recorder.state
    if values is None:
        return _UNAVAILABLE
    refusal = _refusal(key, {**values, key: value})
    if refusal is None:
        values[key] = value
    return refusal


def delete(key: str) -> str | None:
    """Takes a value out; why not, if it was not."""
    if _host.IN_COMPONENT:
        return _changed(lambda: _state.delete(key))
    if _host.recorder.state is None:
        return _UNAVAILABLE
    _host.recorder.state.pop(key, None)
    return None


def _changed(change: Callable[[], None]) -> str | None:
    if _state is None:
        return _UNAVAILABLE
    try:
        change()
    except Err as refused:
        return REFUSALS[refused.value.value]
    return None


def _refusal(key: str, after: dict[str, bytes]) -> str | None:
    """What the host would say."""
    if not 1 <= len(key.encode()) <= KEY_BYTES_MAX:
        return _KEY
    if len(after[key]) > VALUE_BYTES_MAX:
        return _VALUE
    size = sum(len(key.encode()) + len(value) for key, value in after.items())
    return _FULL if size > BYTES_MAX or len(after) > KEYS_MAX else None
