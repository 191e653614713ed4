"""One command's surroundings: workspace, recipe, settings, how many processes, and how a person is told what happens."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from rich.console import Console

from deepsport.errors import UserError
from deepsport.files import use_scratch
from deepsport.log import printable, setup
from deepsport.settings import Settings, load_settings
from deepsport.sports import sport_named
from deepsport.taxonomy import Sport
from flows.progress import Reporter, ignore, shown
from flows.recipe import Recipe, load_recipe
from flows.stage import EXIT_FAILED, StageFailed, StageResult
from flows.stages import with_settings
from flows.workspace import Workspace, open_workspace

log = logging.getLogger(__name__)


class Hands(TypedDict):
    """Processes of this machine, or a Ray cluster."""

    workers: int
    cluster: str | None


@dataclass
class Session:
    """What a command works with."""

    workspace: Workspace
    recipe: Recipe
    settings: Settings
    workers: int
    console: Console
    log_json: bool = False
    """Whether what is said is for machines: it goes into the log."""
    recipe_source: str = "tiny"
    """Name or path, as it was given."""
    overrides: tuple[str, ...] = ()
    reporter: Reporter = field(default=ignore)
    results: list[StageResult] = field(default_factory=list)
    """Accounts of the stages that ran."""

    @property
    def hands(self) -> Hands:
        """Who works on items: options of deepsport.engine.map_items."""
        return {"workers": self.workers, "cluster": self.settings.ray_address}

    def say(self, text: str, level: int = logging.INFO) -> None:
        """One line about what happens, on stderr; no markup, for it may hold names from outside."""
        if self.log_json:
            log.log(level, "%s", text)
        self.console.print(_lines(text), markup=False, highlight=False, soft_wrap=True)

    def show(self, result: object) -> None:
        """A result that was asked for, on stdout: text as it is, or a table."""
        out = Console(emoji=False)
        if isinstance(result, str):
            out.print(_lines(result), markup=False, highlight=False, soft_wrap=True)
        else:
            out.print(result)

    @contextmanager
    def progress(self) -> Iterator[Reporter]:
        """Shows progress for the time of the block."""
        with shown(self.console) as reporter:
            before, self.reporter = self.reporter, reporter
            try:
                yield reporter
            finally:
                self.reporter = before

    def run(self, stage: Callable[[], StageResult]) -> int:
        """Runs a stage with progress, says what came of it, and gives the exit code."""
        try:
            with self.progress():
                result = stage()
        except StageFailed as error:
            return self.fail(error)
        self.tell(result)
        return result.exit_code

    def tell(self, result: StageResult) -> None:
        """Says what came of a stage; to machines also what was quarantined, which people ask status for."""
        for line in result.quarantined if self.log_json else ():
            self.say(f"{result.stage}: quarantined: {line}", logging.WARNING)
        self.say(account(result))

    def fail(self, error: StageFailed) -> int:
        """Says that a stage failed; gives the exit code."""
        self.say(f"failed: {error}", logging.ERROR)
        return EXIT_FAILED

    def sport(self, name: str) -> Sport:
        """The sport of that name. Raises: UserError when there is none."""
        return sport_named(name)


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))


def account(result: StageResult) -> str:
    """A stage's account in one line.

    >>> account(StageResult("ingest", num_items=3, num_new=0, num_records=40))
    'ingest: 3 items, nothing new, 40 records'
    """
    new = f"{result.num_new} new" if result.num_new else "nothing new"
    items = f"{result.num_items} item{'' if result.num_items == 1 else 's'}"
    parts = [items, new, f"{result.num_records:,} records"]
    if result.drops:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(result.drops.items()))
        parts.append(f"{sum(result.drops.values())} left out ({reasons})")
    if result.failures:
        parts.append(f"{len(result.failures)} failed and will be tried again")
    if result.wall_s >= 1:
        parts.append(f"{result.wall_s:.0f} s")
    return f"{result.stage}: {', '.join(parts)}"


def open_session(
    *,
    workspace: Path | None = None,
    recipe: str = "tiny",
    overrides: Sequence[str] = (),
    workers: int | None = None,
    log_json: bool = False,
    needs_workspace: bool = True,
) -> Session:
    """The surroundings of a command, from its options, the environment and ``.env``.

    needs_workspace refuses a workspace that is not there; the folder of a new one is made by the stage that fills it.

    Raises: UserError for what cannot be.
    """
    settings = load_settings()
    if workers is not None and workers < 1:
        raise UserError(f"--workers {workers}: at least one process is needed")
    setup("INFO", json_lines=log_json, secrets=settings.secrets())
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    checked = with_settings(load_recipe(recipe, overrides), settings)
    opened = open_workspace(workspace or settings.workspace)
    if needs_workspace:
        opened.check()
    use_scratch()
    silent = os.environ.get("RANK", "0") != "0"  # of torchrun's processes one speaks
    return Session(
        workspace=opened,
        recipe=checked,
        settings=settings,
        workers=workers or settings.num_workers,
        console=Console(stderr=True, emoji=False, quiet=log_json or silent),  # a film called :x: is not drawn as a cross
        log_json=log_json and not silent,
        recipe_source=recipe,
        overrides=tuple(overrides),
    )
