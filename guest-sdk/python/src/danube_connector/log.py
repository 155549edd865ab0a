"""Lines for the connector's log.

Each function asks first whether its level is kept, and formats nothing if it is not: ``log.info("order %s", id)``. The
host limits lines and bytes, drops what is over and counts it. The standard library's ``logging`` ends here too.
"""

from __future__ import annotations

import logging

from . import _host


def _line(level: int, message: str, args: tuple[object, ...]) -> None:
    if _host.enabled(level):
        _host.log(level, message % args if args else message)


def trace(message: str, *args: object) -> None:
    """Step by step."""
    _line(0, message, args)


def debug(message: str, *args: object) -> None:
    """For the author."""
    _line(1, message, args)


def info(message: str, *args: object) -> None:
    """For the operator, when all is well."""
    _line(2, message, args)


def warn(message: str, *args: object) -> None:
    """Something is off but goes on."""
    _line(3, message, args)


def error(message: str, *args: object) -> None:
    """Something failed."""
    _line(4, message, args)


class _HostHandler(logging.Handler):
    """Hands the standard library's records to the host."""

    def emit(self, record: logging.LogRecord) -> None:
        level = sum(record.levelno >= least for least in _host.STDLIB[1:])
        _host.log(level, self.format(record))


def take_stdlib() -> None:
    """Sends what the standard library logs to the host, from the lowest level that the host keeps. Does nothing in a test."""
    if not _host.IN_COMPONENT:
        return
    root = logging.getLogger()
    if not any(isinstance(handler, _HostHandler) for handler in root.handlers):
        root.addHandler(_HostHandler())
    kept = [stdlib for level, stdlib in enumerate(_host.STDLIB) if _host.enabled(level)]
    root.setLevel(min(kept, default=logging.CRITICAL))
