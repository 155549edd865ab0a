"""What a connector raises, sorted by what the host does about it."""

from __future__ import annotations


class ConnectorError(Exception):
    """Why a connector could not do something. Raise one of its subclasses.

    ``code`` is the connector's own number for it, shown in logs and metrics; 0 if it has none.
    """

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class InvalidData(ConnectorError):
    """This input is no good.

    From ``event`` and ``message`` it refuses that one input, with this message for whoever sent it, and the rest of the
    batch goes on. From a batch method it fails the call, and the host looks for the culprit by halving the batch.
    """


class Unsupported(InvalidData):
    """The connector has no use for this kind of data. Otherwise as :class:`InvalidData`."""


class Retryable(ConnectorError):
    """Not now: the host backs off, logs it, and calls again with the same batch, after ``after_ms`` milliseconds at least.

    A sink is believed ten times or ten minutes. A source's senders wait meanwhile, so it is believed for five seconds;
    then they are told to come back (503).
    """

    def __init__(self, message: str, *, after_ms: int | None = None, code: int = 0) -> None:
        super().__init__(message, code=code)
        self.after_ms = after_ms


class Fatal(ConnectorError):
    """Never again: the host stops this connector and says so."""


class Configuration(ConnectorError):
    """The configuration is wrong: the host refuses to start. Say which setting, what is wrong and what to write instead."""
