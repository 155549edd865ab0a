"""Errors that the connector did not mean: told with their file and line."""

from __future__ import annotations

import os
import re
import traceback

_SDK = os.path.dirname(os.path.abspath(__file__))
# componentize-py knows each folder of the Python path by its number.
_MOUNT = re.compile(r"^/\d+/")


def told(error: BaseException) -> str:
    """``ValueError: boom (app.py:20)``: kind, message, and the line of the connector that it came from."""
    frames = _frames(error)
    return f"{_what(error)} ({frames[-1][0]})" if frames else _what(error)


def trace(error: BaseException) -> str:
    """The same with every frame of the connector, outermost first, on one line, as a log has lines."""
    frames = [f"{place} in {function}" for place, function in _frames(error)]
    return f"uncaught {_what(error)}: {' > '.join(frames)}"


def _what(error: BaseException) -> str:
    said = str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _frames(error: BaseException) -> list[tuple[str, str]]:
    frames = [
        (f"{_MOUNT.sub('', frame.filename)}:{frame.lineno}", frame.name)
        for frame in traceback.extract_tb(error.__traceback__, limit=-40)
        if not _is_sdk(frame.filename)
    ]
    return frames[-12:]


def _is_sdk(file: str) -> bool:
    return os.path.abspath(file).startswith(_SDK + os.sep)
