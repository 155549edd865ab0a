"""A connector's own settings: JSON against a dataclass, checked before the connector starts."""

from __future__ import annotations

import dataclasses
import difflib
import enum
import types
import typing
from collections.abc import Callable
from typing import Any

from ._errors import Configuration

_PLAIN: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a string"),
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}


def settings_of(type_: type | None, given: Any) -> Any:
    """The settings as the connector's dataclass, or None if it has none. Configuration if they do not fit it."""
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise Configuration(f"config: expected a table, got {_shown(given)}")
    if type_ is None:
        if given:
            raise Configuration(f"unknown settings {sorted(given)}; this connector has none")
        return None
    return _dataclass(type_, given, "")


def check_type(type_: Any) -> None:
    """Refuses a settings class that could never be read: the author's mistake, told when the component is built."""
    if not (isinstance(type_, type) and dataclasses.is_dataclass(type_)):
        raise TypeError("`Settings` is not a dataclass: put @dataclass on it")
    hints = typing.get_type_hints(type_)
    for field in dataclasses.fields(type_):
        _reader(hints[field.name])


def _dataclass(type_: Any, given: dict[str, Any], path: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(type_) if field.init}
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise Configuration(_unknown(unknown, list(fields), path))
    hints = typing.get_type_hints(type_)
    values = {}
    for name, field in fields.items():
        if name in given:
            values[name] = _reader(hints[name])(given[name], path + name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise Configuration(f"{path}{name} is missing: it has no default")
    try:
        return type_(**values)
    except ValueError as error:  # of a __post_init__
        raise Configuration(str(error)) from error


def _unknown(unknown: list[str], known: list[str], path: str) -> str:
    near = [close for name in unknown for close in difflib.get_close_matches(name, known, 1)]
    hint = f" (did you mean {near[0]}?)" if near else ""
    where = f" in {path.rstrip('.')}" if path else ""
    return f"unknown settings {unknown}{where}; known are {known}{hint}"


_Reader = Callable[[Any, str], Any]


def _reader(hint: Any) -> _Reader:
    """How a value of this type is read: value and path in, value out."""
    if hint is Any:
        return lambda value, _: value
    if hint in _PLAIN:
        return _plain(hint)
    if dataclasses.is_dataclass(hint):
        return lambda value, path: _dataclass(hint, _table(value, path), path + ".")
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _one_of({member.value: member for member in hint})
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return _one_of({value: value for value in arguments})
    if origin in (typing.Union, types.UnionType):
        return _optional(hint, arguments)
    if origin is list:
        return _list(_reader(arguments[0]))
    if origin is dict and arguments[0] is str:
        return _dict(_reader(arguments[1]))
    raise TypeError(
        f"a setting cannot be {hint}: use str, int, float, bool, list[…], dict[str, …], Literal, an Enum, a dataclass, or "
        "one of them | None"
    )


def _plain(type_: Any) -> _Reader:
    accepted, name = _PLAIN[type_]

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, accepted) or (isinstance(value, bool) and type_ is not bool):
            raise Configuration(f"{path}: expected {name}, got {_shown(value)}")
        return type_(value)

    return read


def _one_of(known: dict[Any, Any]) -> _Reader:
    def read(value: Any, path: str) -> Any:
        for spelled, member in known.items():
            if spelled == value and type(spelled) is type(value):
                return member
        raise Configuration(f"{path}: expected one of {list(known)}, got {_shown(value)}")

    return read


def _optional(hint: Any, arguments: tuple[Any, ...]) -> _Reader:
    inner = [argument for argument in arguments if argument is not type(None)]
    if len(inner) != 1 or len(arguments) != 2:
        raise TypeError(f"a setting cannot be {hint}: of unions only … | None is read")
    read = _reader(inner[0])
    return lambda value, path: None if value is None else read(value, path)


def _list(read: _Reader) -> _Reader:
    def read_all(value: Any, path: str) -> Any:
        if not isinstance(value, list):
            raise Configuration(f"{path}: expected a list, got {_shown(value)}")
        return [read(item, f"{path}[{at}]") for at, item in enumerate(value)]

    return read_all


def _dict(read: _Reader) -> _Reader:
    return lambda value, path: {key: read(item, f"{path}.{key}") for key, item in _table(value, path).items()}


def _table(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Configuration(f"{path}: expected a table, got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
