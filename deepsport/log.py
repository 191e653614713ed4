"""Logging: coloured lines for a person or JSON lines for a machine, one event a line, secrets blacked out.

Modules log through ``logging.getLogger(__name__)``; only programs call ``setup``.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

MASK = "**********"
"""Stands in place of a secret."""
_SECRET_SHAPES = (
    # What the query of a URL calls its secrets: those of S3, Azure, CloudFront and Akamai among them.
    re.compile(r"(?i)([?&][^=&#\s]*(?:token|sig|key|auth|pass|pwd|jwt|secret|cred|policy|hdn|session)[^=&#\s]*=)[^&#\s]+"),
    # Authorization: Bearer abc, 'authorization': 'Token abc'
    re.compile(r"""(?i)(\bauthorization["']?\s*[:=]\s*["']?)(?:(?:bearer|basic|token)\s+)?[^\s"',;}]+"""),
    # api_key=abc, "x-api-key": "abc", LABEL_STUDIO_TOKEN=abc, ?X-Amz-Signature=abc
    re.compile(r"""(?i)((?:api[_-]?key|secret|password|passwd|token|signature)["']?\s*[:=]\s*["']?)[^\s"',;&})]+"""),
    re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]{8,}"),
    re.compile(r"(\bsk-)[\w-]{16,}"),
    re.compile(r"(://)[^/\s:@]*:[^/\s]+(?=@)"),
    re.compile(r"(://)[^/?#\s:@]+(?=@)"),  # a token as the user
)


def redact(text: str, secrets: Iterable[str] = (), hide: Callable[[str], str] = lambda secret: MASK) -> str:
    """The text with the given secrets, and whatever looks like a key or a password, replaced by asterisks.

    hide gives what stands in place of what only looks like a secret.

    >>> redact("POST with Authorization: Bearer abc.def and ?api_key=123 by Kim", secrets=["Kim"])
    'POST with Authorization: ********** and ?api_key=********** by **********'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for shape in _SECRET_SHAPES:
        text = shape.sub(lambda match: match[1] + hide(match[0].removeprefix(match[1])), text)
    return text


def printable(text: str) -> str:
    r"""Text on one line that steers no terminal: a team's or file's name comes from outside.

    >>> print(printable("\x1b[31mred\n"))
    \x1b[31mred\n
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class _Lines(logging.Formatter):
    """The text of a record: one line, nothing secret, below it the traceback if there is one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def message_of(self, record: logging.LogRecord) -> str:
        return redact(printable(record.getMessage()), self._secrets)

    def traceback_of(self, record: logging.LogRecord) -> str:
        if not record.exc_info or record.exc_info[0] is None:
            return ""
        lines = "".join(traceback.format_exception(*record.exc_info)).splitlines()
        return redact("\n".join(map(printable, lines)), self._secrets)

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(filter(None, (self.message_of(record), self.traceback_of(record))))


class _JsonLines(_Lines):
    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self.message_of(record),
        }
        if trace := self.traceback_of(record):
            event["traceback"] = trace
        return json.dumps(event, ensure_ascii=False)


_STYLES = {"DEBUG": "dim", "INFO": "green", "WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold reverse red"}


class _ConsoleHandler(logging.Handler):
    """Prints through a rich console, so that lines go above a running progress bar; never wraps, never reads markup."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S ")
        level = (f"{record.levelname:8}", _STYLES.get(record.levelname, ""))
        self._console.print(Text.assemble((time, "dim"), level, self.format(record)), soft_wrap=True)


def setup(
    level: str = "INFO", *, json_lines: bool = False, secrets: Iterable[str] = (), console: Console | None = None
) -> logging.Handler:
    """Send the log of this process to a console (default: stderr); calling it again replaces the earlier choice.

    ``secrets`` are values to black out wherever they turn up: ``settings.secrets()``. A program with a progress bar passes
    the bar's console.
    """
    from rich.console import Console

    console = console or Console(stderr=True)
    handler: logging.Handler
    if json_lines:
        handler = logging.StreamHandler(console.file)
        handler.setFormatter(_JsonLines(secrets))
    else:
        handler = _ConsoleHandler(console)
        handler.setFormatter(_Lines(secrets))
    handler.set_name("deepsport")
    root = logging.getLogger()
    for old in [h for h in root.handlers if h.get_name() == "deepsport"]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for chatty in ("httpx", "httpcore", "urllib3", "openai", "fsspec", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    return handler
