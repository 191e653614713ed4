"""The exceptions that cross a module's boundary.

    DeepSportError
    ├── UserError            the person can mend it: one line, exit code 2
    │   ├── MediaError       a file that cannot be used as video or audio
    │   ├── FeedError        an event feed or manifest that cannot be trusted
    │   └── RecipeError      a run's settings that contradict one another
    ├── ImpossibleEvent      a sport's ledger met an event its rules forbid
    └── TeacherError         the language model failed after all retries

Every message names the object and the remedy: ``MediaError("b17.mp4: no video stream; re-mux with -map 0:v")``.
What is our own mistake is an ``assert``, not one of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class DeepSportError(Exception):
    """Anything DeepSport raises on purpose."""


class UserError(DeepSportError):
    """A person's mistake; the CLI shows it as one line and exits with 2."""


class MediaError(UserError):
    """A file cannot be used as video or audio."""


class FeedError(UserError):
    """An event feed or a manifest row cannot be trusted."""


class RecipeError(UserError):
    """A run's settings contradict one another or name something that does not exist."""


class ImpossibleEvent(DeepSportError):
    """A ledger met an event that the sport's rules forbid; the message cites the rule."""


class TeacherError(DeepSportError):
    """The language model gave no usable completion after all retries."""


def first_complaint(error: ValidationError) -> str:
    """What pydantic found first, in its words, without the value and names of our classes."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return "Input should be an object" if fault["type"] == "model_type" else fault["msg"].removeprefix("Value error, ")
