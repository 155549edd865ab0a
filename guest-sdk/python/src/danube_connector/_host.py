"""What the host offers: a log and metrics. Outside of a component, in a test, both are kept for the harness to show."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

try:
    from componentize_py_types import Err as Err
    from wit_world.imports import danube_connector_log_0_1_0 as _log
    from wit_world.imports import danube_connector_metrics_0_1_0 as _metrics

    IN_COMPONENT = True
except ImportError:
    IN_COMPONENT = False

    class Err(Exception):  # type: ignore[no-redef]
        """A failure on its way to the host."""

        def __init__(self, value: Any) -> None:
            super().__init__(value)
            self.value = value


LEVELS = ("trace", "debug", "info", "warn", "error")
"""Names of the log's levels, by number."""

STDLIB = (5, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
"""The standard library's number of each."""


@dataclass
class Recorder:
    """What a connector logged and counted in a test, and what a harness has for it."""

    logs: list[tuple[str, str]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    observations: dict[str, list[float]] = field(default_factory=dict)
    state: dict[str, bytes] | None = None
    """While a fetch runs."""
    answer: Callable[[Any], Any] | None = None
    """Answers requests."""


recorder = Recorder()
"""Where it goes outside of a component."""


def record_anew() -> Recorder:
    """Begins a new record of what is logged and counted."""
    global recorder
    recorder = Recorder()
    return recorder


def crossing(text: str) -> str:
    """A text as it can cross: half of a surrogate pair, which JSON can spell, is shown as its escape."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


def enabled(level: int) -> bool:
    """Whether lines of this level are kept."""
    return bool(_log.enabled(_log.Level(level))) if IN_COMPONENT else True


def log(level: int, line: str) -> None:
    """One line. In a test it goes to the standard library's logger ``danube_connector``."""
    if IN_COMPONENT:
        _log.log(_log.Level(level), crossing(line))
        return
    recorder.logs.append((LEVELS[level], line))
    logging.getLogger("danube_connector").log(STDLIB[level], "%s", line)


def counter_add(name: str, value: int) -> None:
    """Adds to a counter."""
    if IN_COMPONENT:
        _metrics.counter_add(crossing(name), value)
    else:
        recorder.counters[name] = recorder.counters.get(name, 0) + value


def gauge_set(name: str, value: float) -> None:
    """Sets a gauge."""
    if IN_COMPONENT:
        _metrics.gauge_set(crossing(name), value)
    else:
        recorder.gauges[name] = value


def observe(name: str, value: float) -> None:
    """Adds an observation to a histogram."""
    if IN_COMPONENT:
        _metrics.observe(crossing(name), value)
    else:
        recorder.observations.setdefault(name, []).append(value)
