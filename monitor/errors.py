"""Every exception of the project.

    MonitorError
    ├── InputError            what somebody handed us is wrong (their side)
    │   ├── CodecError        bytes that are no message: reason, field, offset
    │   ├── ReportFileError   a report file that cannot be read at all: path, place, reason
    │   ├── MappingError      a mapping file or a column it names: path, key, reason
    │   ├── RegistryError     registry rows refused: path and one problem per row
    │   └── ConfigError       a configuration file: path, key, reason
    └── OperationError        something of ours does not work (our side)
        ├── JournalError      the journal cannot be written or read
        ├── StoreError        the relational store cannot be used
        ├── DeliveryError     a push that did not arrive: sink, reason, whether to try again
        │   └── LinkDownError a JT/T 809 link without any channel up: link
        └── CommandError      a command that was not carried out: status, reason, message

An exception takes keyword facts, keeps them as attributes and builds its own sentence: what, where, what to do.
"""

from __future__ import annotations


class MonitorError(Exception):
    """Root of all exceptions raised on purpose."""


class InputError(MonitorError):
    """What came in is wrong; nothing of ours is broken."""


class OperationError(MonitorError):
    """Something this program relies on does not work."""


class CodecError(InputError):
    """Bytes that are not the message they claim to be.

    ``reason`` is a stable word (also the metric label), ``field`` the field being read, ``offset`` its
    position in the unescaped bytes.
    """

    def __init__(self, *, reason: str, field: str = "", offset: int = 0, detail: str = "") -> None:
        self.reason = reason
        self.field = field
        self.offset = offset
        self.detail = detail
        where = f" in field {field}" if field else ""
        more = f": {detail}" if detail else ""
        super().__init__(f"{reason}{where} at byte {offset}{more}")


class ReportFileError(InputError):
    """A report file that cannot be read at all."""

    def __init__(self, *, path: str, reason: str, advice: str = "") -> None:
        self.path = path
        self.reason = reason
        self.advice = advice
        super().__init__(f"{path}: {reason}." + (f" {advice}" if advice else ""))


class MappingError(InputError):
    """A mapping file, or a column that it names and the data lacks."""

    def __init__(self, *, path: str, key: str, reason: str) -> None:
        self.path = path
        self.key = key
        self.reason = reason
        super().__init__(f"mapping {path}: {key}: {reason}")


class RegistryError(InputError):
    """Registry rows that were refused; nothing was imported."""

    def __init__(self, *, path: str, problems: tuple[str, ...]) -> None:
        self.path = path
        self.problems = problems
        shown = "\n  ".join(problems[:50])
        rest = f"\n  and {len(problems) - 50} more" if len(problems) > 50 else ""
        super().__init__(f"{path}: {len(problems)} rows refused, nothing imported:\n  {shown}{rest}")


class ConfigError(InputError):
    """A configuration file that is refused, with the key and the reason."""

    def __init__(self, *, path: str, problems: tuple[tuple[str, str], ...]) -> None:
        self.path = path
        self.problems = problems
        lines = "; ".join(f"{key}: {reason}" for key, reason in problems)
        super().__init__(f"configuration {path} is refused: {lines}")


class JournalError(OperationError):
    """The journal cannot be written or read."""

    def __init__(self, *, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"journal {path}: {reason}")


class StoreError(OperationError):
    """The relational store cannot be used."""

    def __init__(self, *, reason: str, advice: str = "") -> None:
        self.reason = reason
        self.advice = advice
        super().__init__(reason + (f". {advice}" if advice else ""))


class DeliveryError(OperationError):
    """One attempt to push that failed; ``retry`` says whether another attempt can help."""

    def __init__(self, *, sink: str, reason: str, retry: bool = True) -> None:
        self.sink = sink
        self.reason = reason
        self.retry = retry
        super().__init__(f"sink {sink}: {reason}")


class LinkDownError(DeliveryError):
    """Neither channel of a JT/T 809 link is up, or it went down while something was being sent."""

    def __init__(self, *, link: str, reason: str = "no channel is up; try again when it is") -> None:
        self.link = link
        super().__init__(sink=link, reason=reason)


class CommandError(OperationError):
    """A command that was not carried out. ``status`` is the HTTP status, ``reason`` a stable word."""

    def __init__(self, *, status: int, reason: str, message: str) -> None:
        self.status = status
        self.reason = reason
        self.message = message
        super().__init__(message)
