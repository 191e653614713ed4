"""What all stages share: the account of a run, the limit on failures, and which drops mean that something was bad.

Exit codes of a stage, and of the commands that run one: 0 all went well; 3 it finished, but items were quarantined or failed
(``deepsport status`` names them); 1 more failed than the recipe allows; 2 a person's mistake, said in one line.
"""

from __future__ import annotations

import logging
import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata

from deepsport.engine import Failure
from deepsport.errors import DeepSportError
from deepsport.records import Drop, Made
from deepsport.taxonomy import DropReason

log = logging.getLogger(__name__)

EXIT_DONE, EXIT_FAILED, EXIT_USER, EXIT_QUARANTINED = 0, 1, 2, 3
_NUM_NAMED = 3

QUARANTINE = frozenset(
    {
        DropReason.UNREADABLE_MEDIA,
        DropReason.UNREACHABLE_MEDIA,
        DropReason.CHANGED_MEDIA,
        DropReason.NO_VIDEO_STREAM,
        DropReason.MISSING_FILE,
        DropReason.BAD_MANIFEST_ROW,
        DropReason.BAD_FEED,
        DropReason.FEED_NOT_ALIGNED,
        DropReason.TEACHER_FAILED,
        DropReason.BAD_REVIEW,
    }
)
"""Drops that a person should look at; the others are what filters are for."""


class StageFailed(DeepSportError):
    """More of a stage's items failed than the recipe allows."""


@dataclass(slots=True)
class StageResult:
    """The account of one run of a stage."""

    stage: str
    num_items: int = 0
    """Items that were looked at: sources, broadcasts, sets of shards."""
    num_new: int = 0
    """Units that this run wrote; 0 when all was done before."""
    num_records: int = 0
    """Records that the stage's units hold, earlier runs included."""
    drops: Counter[DropReason] = field(default_factory=Counter)
    """What the stage left out, earlier runs included."""
    failures: list[str] = field(default_factory=list)
    """Items without a result, each with its reason; they are tried again by the next run."""
    quarantined: list[str] = field(default_factory=list)
    """What a person should look at: items, each with what is wrong with it."""
    num_bad_items: int = 0
    """Items that failed or were quarantined whole."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    """Child processes included."""

    @property
    def num_quarantined(self) -> int:
        """Drops that a person should look at."""
        return sum(count for reason, count in self.drops.items() if reason in QUARANTINE)

    @property
    def exit_code(self) -> int:
        """0, or 3 when something was quarantined or failed."""
        return EXIT_QUARANTINED if self.failures or self.num_quarantined else EXIT_DONE

    def count(self, num_records: int, drops: Iterable[Drop]) -> None:
        """Adds what a unit holds."""
        self.num_records += num_records
        for drop in drops:
            self.drops[drop.reason] += 1
            if drop.reason in QUARANTINE:
                self.quarantined.append(drop.line)

    def fail(self, item: str, failure: Failure) -> None:
        """Notes an item that has no result."""
        self.num_bad_items += 1
        self.failures.append(f"{item}: {failure.message}")
        log.error("%s: %s: %s%s", self.stage, item, failure.message, f"\n{failure.traceback}" if failure.traceback else "")

    def check(self, max_failure_share: float) -> None:
        """Raises: StageFailed when more than that share of the items is bad."""
        if self.num_items and self.num_bad_items / self.num_items > max_failure_share:
            named = [*self.failures, *self.quarantined]
            places = [*(["the log"] if self.failures else []), *(["`deepsport status`"] if self.quarantined else [])]
            rest = f"; for the others see {' and '.join(places)}" if named[_NUM_NAMED:] else ""
            raise StageFailed(
                f"{self.stage}: {self.num_bad_items} of {self.num_items} items failed, the recipe allows "
                f"{max_failure_share:.0%} ({'; '.join(named[:_NUM_NAMED])}){rest}"
            )


@contextmanager
def timed(result: StageResult) -> Iterator[None]:
    """Adds the time of the block to the account."""
    wall, cpu = time.monotonic(), cpu_seconds()
    try:
        yield
    finally:
        result.wall_s += time.monotonic() - wall
        result.cpu_s += cpu_seconds() - cpu


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_memory_bytes() -> int:
    """Largest resident memory of this process or of a child that has ended."""
    return 1024 * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


@lru_cache(maxsize=1)
def code_version() -> str:
    """The installed version of DeepSport."""
    return metadata.version("deepsport")


def made_by(step: str, stage_hash: str, inputs: Sequence[str] = (), seed: int = 0) -> Made:
    """The provenance that a stage gives its records."""
    return Made(step=step, inputs=tuple(inputs), config_hash=stage_hash, code_version=code_version(), seed=seed)
