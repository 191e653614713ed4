"""All benchmarks one after the other, and one table of their ratios: ``make bench``.

    python -m benchmarks [NAME ...] [--json] [--timeout-s 7200]

A benchmark is a module of this folder with a ``main`` that prints one JSON object under ``--json``. Each runs in a process of its
own. One that lacks a package, or prints ``{"skipped": reason}``, is skipped with the reason; one that fails makes the exit code
1, and the others go on.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

HERE = Path(__file__).parent
TOOLS = ("readme_table",)
"""Modules here that measure nothing."""


class Figure(NamedTuple):
    """A figure worth a line of the table."""

    path: str
    """Where it stands in the module's JSON: keys with slashes; a row of a list goes by its texts, ``simulated ours/wer``."""
    meaning: str
    goal: str = ""
    """What it should be, where the project has set itself a goal."""
    over: str = ""
    """Where the figure stands that it is divided by, if any."""


HEARD = "commentary"
FIGURES: dict[str, tuple[Figure, ...]] = {
    "shots": (
        Figure("scores/lean/f1", "F1 of all changes of shot, to 2 frames", "≥ 0.97"),
        Figure("scores/lean/hard_f1", "F1 of hard cuts", "≥ 0.99"),
        Figure("scores/lean/flashes_taken_for_cuts", "flashes taken for cuts", "0"),
        Figure("scores/lean/replay_link_f1", "F1 of replays linked to their live shots", "≥ 0.9"),
        Figure("f1_over_best_peer", "F1 / that of PySceneDetect's best", "> 1"),
    ),
    "speech": (
        Figure(f"{HEARD} ours/wer", "word error rate of tiny.en on the commentary", "≤ 0.05"),
        Figure(f"{HEARD} plain/wer", "the same with faster-whisper as it comes"),
        Figure(f"{HEARD}, loud crowd ours/wer", "word error rate under a loud crowd", "≤ 0.12"),
        Figure(f"{HEARD}, loud crowd plain/wer", "the same with faster-whisper as it comes"),
        Figure(f"{HEARD}, uneven crowd ours/wer", "under one that swells and roars", "≤ 0.12"),
        Figure(f"{HEARD}, uneven crowd plain/wer", "the same with faster-whisper as it comes"),
        Figure("loud crowd ours/num_utterances", "utterances heard in the loud crowd without speech", "0"),
        Figure("uneven crowd ours/num_utterances", "in the uneven crowd", "0"),
        Figure(f"{HEARD} ours/starts_within_half_s", "share of starts within 0.5 s", "1"),
        Figure(f"{HEARD}, loud crowd ours/starts_within_half_s", "the same under the loud crowd", "1"),
        Figure(f"{HEARD} ours/duplicate_share", "utterances that say the same as the one before", "< 0.005"),
        Figure(f"{HEARD} ours/cpu_over_plain", "CPU of ours / faster-whisper as it comes", "≤ 0.75"),
        Figure(f"{HEARD}, loud crowd ours/cpu_over_plain", "the same under the loud crowd", "≤ 0.75"),
    ),
    "ingest": (
        Figure("one_pass_to_bare_decode", "CPU of the one pass / decoding and nothing else", "≤ 1.35"),
        Figure("one_pass_to_separate", "CPU of the one pass / PySceneDetect and two extractions", "≤ 0.45"),
        Figure("shots_to_scenedetect", "CPU of our shots / PySceneDetect's program", "≤ 0.60"),
        Figure("restless_to_bare_decode", "CPU of shots with the network on a restless film / decoding it", "≤ 2"),
    ),
    "scale": (
        Figure("speedup", "wall time of two broadcasts one after the other / on two cores", "≥ 1.8"),
        Figure("efficiency", "CPU of two broadcasts one after the other / at once"),
    ),
    "frames": (
        Figure("gop_30_to_ours", "CPU of 8 frames by PyAV from a GOP-30 proxy / ours", "≥ 10"),
        Figure("gop_30_alike_to_ours", "the same with a GOP-30 proxy as coarse as ours"),
        Figure("source_to_ours", "by PyAV from the 720p source / ours", "≥ 40"),
        Figure("ours_to_bare", "ours / bare decode of the same frames", "≤ 1.5"),
        Figure("bytes_to_source", "bytes of the proxy / of the source", "≤ 2"),
    ),
    "duplicates": (
        Figure("broadcast_recall", "share of copied broadcasts that are tied to their original"),
        Figure("clip_recall", "share of clips grouped with those that show 5 s of the same"),
        Figure("broadcast_precision", "share of the ties that are right, strangers in the same kits among them"),
    ),
    "alignment": (
        Figure("scores/measured/all/median_error_s", "seconds a fitted feed is off, evidence from pixels and sound", "≤ 0.5"),
        Figure("scores/known/all/median_error_s", "the same, longer broadcasts, evidence as the simulator knows it", "≤ 0.5"),
        Figure("scores/known/all/misaligned", "feeds that are off by more than a second and were used", "0"),
        Figure("scores/known/all/wrong_feeds_accepted", "feeds of other matches that were used", "0"),
    ),
    "catalog": (
        Figure("executemany_over_commit", "CPU a row of DuckDB executemany / catalog.commit", "> 1"),
        Figure("executemany_over_small_commits", "the same with commits of 10 rows"),
    ),
    "shards": (
        Figure("write_over_webdataset", "speed of writing shards / webdataset's, CPU", "> 1"),
        Figure("read_over_webdataset", "speed of reading them / webdataset's, CPU", "> 1"),
        Figure("verified_read_over_webdataset", "the same with every sha256 checked"),
    ),
    "learning": (
        Figure("test SFT/accuracy/mean", "held-out accuracy of SFT, mean of the seeds"),
        Figure("test SFT, longer/accuracy/mean", "of SFT as long as SFT and GRPO together"),
        Figure("test SFT + GRPO/accuracy/mean", "of SFT + GRPO", "> 0.9, and 0.15 above SFT"),
        Figure("test SFT + GRPO/tool_rate_glance/mean", "its tool use where a glance is enough", "≤ 0.1"),
        Figure("test SFT + GRPO/tool_rate_look/mean", "its tool use where a look is needed", "≥ 0.9"),
        Figure("test SFT + GRPO/mean_frames/mean", "its frames per question"),
        Figure("transfer SFT + GRPO/accuracy/mean", "its accuracy on a sport never trained on"),
    ),
    "spoken_lines": (Figure("all/wer", "word errors of tiny.en on the simulator's spoken lines", "≤ 0.05"),),
    "simulator": (
        Figure("soccer/write_times_real_time", "seconds of soccer made per CPU second", "≥ 8"),
        Figure("tennis/write_times_real_time", "of tennis", "≥ 8"),
        Figure("volleyball/write_times_real_time", "of volleyball", "≥ 8"),
        Figure("memory/mb_a_minute", "MB that a further minute of broadcast takes to make", "< 4"),
    ),
}
"""What the table shows of a module; of one that is not named here it shows every fraction on the top level of its JSON."""


class Outcome(NamedTuple):
    """What came of one benchmark."""

    name: str
    seconds: float
    found: Any = None
    skipped: str = ""
    failed: str = ""


def names() -> list[str]:
    """The benchmarks of this folder."""
    return sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_") and path.stem not in TOOLS)


def run(name: str, timeout_s: float) -> Outcome:
    """Run a benchmark in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
    start = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, cwd=HERE.parent, check=False)
    except subprocess.TimeoutExpired:
        return Outcome(name, timeout_s, failed=f"not done after {timeout_s:g} s")
    return judge(name, time.monotonic() - start, done.returncode, done.stdout, done.stderr)


def judge(name: str, seconds: float, code: int, out: str, err: str) -> Outcome:
    """What a finished process came to."""
    if code:
        last = (err.strip().splitlines() or [f"exit code {code}"])[-1]
        missing = re.search(r"ModuleNotFoundError: (No module named .*)", last)
        return Outcome(name, seconds, skipped=missing[1]) if missing else Outcome(name, seconds, failed=last)
    try:
        found = json.loads(out)
    except json.JSONDecodeError as error:
        return Outcome(name, seconds, failed=f"prints no JSON under --json ({error})")
    if isinstance(found, dict) and "skipped" in found:
        return Outcome(name, seconds, skipped=str(found["skipped"]))
    return Outcome(name, seconds, found)


def rows_of(name: str, found: Any) -> Iterator[tuple[Figure, str]]:
    """The lines that a module's JSON gives to the table.

    >>> [(figure.path, value) for figure, value in rows_of("shots", {"scores": {"lean": {"f1": 0.9912}}})][:2]
    [('scores/lean/f1', '0.991'), ('scores/lean/hard_f1', 'missing')]
    >>> [(figure.path, value) for figure, value in rows_of("other", {"rounds": 5, "ours_over_theirs": 12.345})]
    [('ours_over_theirs', '12.3')]
    """
    top = found if isinstance(found, dict) else {}
    others = [Figure(key, key.replace("_", " ")) for key, value in top.items() if isinstance(value, float)]
    for figure in FIGURES.get(name) or others:
        value, divisor = at(found, figure.path), at(found, figure.over) if figure.over else 1.0
        yield figure, "missing" if value is None or not divisor else f"{value / divisor:.3g}"


def at(found: Any, path: str) -> float | None:
    """The number at a path of a module's JSON; None when there is none.

    >>> at([{"sound": "crowd", "by": "ours", "wer": 0.25}, {"sound": "crowd", "by": "theirs", "wer": 0.5}], "crowd theirs/wer")
    0.5
    """
    for key in path.split("/"):
        if isinstance(found, list):
            found = {" ".join(value for value in row.values() if isinstance(value, str)): row for row in found}
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, int | float) else None


def table_of(outcomes: Sequence[Outcome]) -> Table:
    """One line a figure."""
    table = Table("benchmark", "figure", "value", "goal")
    for outcome in outcomes:
        for place, (figure, value) in enumerate(rows_of(outcome.name, outcome.found) if outcome.found else ()):
            table.add_row("" if place else outcome.name, escape(figure.meaning), value, figure.goal)
        if outcome.skipped or outcome.failed:
            table.add_row(outcome.name, escape(f"skipped: {outcome.skipped}" if outcome.skipped else f"failed: {outcome.failed}"))
        table.add_section()
    return table


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"benchmarks to run; all by default ({', '.join(names())})")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--timeout-s", type=float, default=7200, help="for each")
    args = parser.parse_args(argv)
    unknown = sorted(set(args.names) - set(names()))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}")
    outcomes = []
    for name in args.names or names():
        outcome = run(name, args.timeout_s)
        outcomes.append(outcome)
        print(f"{name}: {outcome.skipped or outcome.failed or 'done'}, {outcome.seconds:.0f} s", file=sys.stderr, flush=True)
    if args.json:
        print(json.dumps({outcome.name: outcome._asdict() for outcome in outcomes}))
    else:
        Console().print(table_of(outcomes))
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
