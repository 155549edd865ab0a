"""Numbers for the connector's metrics page.

Names match ``[a-z][a-z0-9_]{0,63}``; a name that does not, or that comes after the connector has used up its number of
names, is dropped and counted by the host.
"""

from __future__ import annotations

from . import _host


def add(name: str, value: int = 1) -> None:
    """Adds to a counter: a whole number, not below 0."""
    if value < 0 or value >= 1 << 64:
        raise ValueError(f"counter {name}: {value} is not within 0 to 2^64-1: counters only rise")
    _host.counter_add(name, int(value))


def gauge(name: str, value: float) -> None:
    """Sets a gauge."""
    _host.gauge_set(name, float(value))


def observe(name: str, value: float) -> None:
    """Adds an observation to a histogram."""
    _host.observe(name, float(value))
