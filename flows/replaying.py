"""``deepsport sports``: event feeds played again by the rules, with what came of it as text or JSON; and the rules themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from deepsport.errors import UserError
from deepsport.sports import sport_module, sport_named
from deepsport.sports.rules import find_rules
from flows.progress import shown
from flows.stage import EXIT_DONE, EXIT_FAILED, EXIT_QUARANTINED
from ingest.replay import FeedReplay, ReplayReport, replay_feed

NUM_SHOWN = 20
"""Refusals shown of a feed as text; JSON has them all."""


def run_replay(files: Sequence[Path], *, as_json: bool = False) -> int:
    """Replays the feeds and prints the report on stdout; 0, 1 when a score is wrong, 3 when some files could not be replayed.

    Raises: UserError when none could.
    """
    console = Console(stderr=True)
    given = list(dict.fromkeys(files))
    with shown(console) as reporter:
        seen: list[Path] = []

        def tell(path: Path) -> None:
            reporter("replay", len(seen), len(given))
            seen.append(path)

        report = replay_feed(given, strict=False, progress=tell)
        reporter("replay", len(given), len(given))
    if not report.feeds and report.unreadable:
        first, *more = report.unreadable
        raise UserError(f"{first.path}: {first.why}" + (f" (and {len(more)} more files that cannot be replayed)" if more else ""))
    lines = [json.dumps(document_of(report), ensure_ascii=False, indent=1)] if as_json else lines_of(report)
    _say(Console(), lines)
    _say(console, [" ".join(f"deepsport: {failed.path}: {failed.why}".split()) for failed in report.unreadable])
    if report.num_wrong_scores:
        return EXIT_FAILED
    return EXIT_QUARANTINED if report.unreadable else EXIT_DONE


def show_rules(query: str, sport: str | None, limit: int) -> int:
    """Prints the rules that fit the query best; 1 when there is none.

    Raises: UserError when the sport has no rules here, or the limit is none.
    """
    if limit < 1:
        raise UserError(f"--limit {limit}: show at least one rule")
    known = None if sport is None else sport_named(sport)
    if known is not None:
        sport_module(known)
    found = find_rules(query, known, limit)
    _say(
        Console(),
        [
            line
            for rule in found
            for line in (
                f"{rule.rule_id}: {rule.title} ({rule.edition}, {rule.law}"
                + (f"; compared {rule.verified.isoformat()})" if rule.verified else "; not compared with the official text)"),
                f"  {rule.text}",
            )
        ],
    )
    if not found:
        _say(Console(stderr=True), [f"no rule has a word of {query!r}"])
    return EXIT_DONE if found else EXIT_FAILED


def _say(console: Console, lines: Sequence[str]) -> None:
    """Lines as they are: they hold names from outside."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def document_of(report: ReplayReport) -> dict[str, object]:
    """The report as JSON: every feed with its refusals, and the sums."""
    feeds = [
        feed.model_dump(mode="json") | {"share_replayed": feed.share_replayed, "score_right": feed.score_right}
        for feed in report.feeds
    ]
    return {
        "feeds": feeds,
        "unreadable": [failed.model_dump(mode="json") for failed in report.unreadable],
        "share_replayed": report.share_replayed,
        "num_scores": report.num_scores,
        "num_wrong_scores": report.num_wrong_scores,
    }


def lines_of(report: ReplayReport) -> list[str]:
    """The report as text."""
    lines = [line for feed in report.feeds for line in _feed_lines(feed)]
    if len(report.feeds) > 1:
        known, replayed = (sum(getattr(feed, name) for feed in report.feeds) for name in ("num_known", "num_replayed"))
        lines.append(f"{len(report.feeds)} feeds: {_counts(known, replayed, report.num_scores, report.num_wrong_scores)}")
    return lines


def _feed_lines(feed: FeedReplay) -> list[str]:
    result = ""
    if feed.score is not None and len(feed.teams) == 2:
        result = f", {feed.teams[0]} {feed.score[0]}-{feed.score[1]} {feed.teams[1]}"
        result += f" ({feed.shootout[0]}-{feed.shootout[1]} on penalties)" if any(feed.shootout) else ""
    counts = _counts(feed.num_known, feed.num_replayed, feed.num_scores, len(feed.wrong_scores))
    lines = [f"{feed.path}: {feed.vendor}, {feed.sport}{result}: {feed.num_read:,} records, {counts}"]
    if feed.excerpt is not None:
        lines.append(f"  an excerpt: {feed.excerpt}")
    lines += [f"  inferred {count}: {what}" for what, count in sorted(feed.inferred.items())]
    for wrong in feed.wrong_scores[:NUM_SHOWN]:
        lines.append(f"  wrong score at {wrong.where}: the feed says {wrong.feed}, the rules {wrong.ledger}")
    for refused in feed.refused[:NUM_SHOWN]:
        when = f" at {refused.clock}" if refused.clock else ""
        lines.append(f"  refused {refused.where}{when}: {refused.why}")
    hidden = max(0, len(feed.refused) - NUM_SHOWN) + max(0, len(feed.wrong_scores) - NUM_SHOWN)
    return [*lines, f"  and {hidden} more; --json shows all"] if hidden else lines


def _counts(known: int, replayed: int, scores: int, wrong: int) -> str:
    share = f" ({100 * replayed / known:.1f} %)" if known else ""
    told = f"{scores:,} scores compared, {'all right' if not wrong else f'{wrong:,} wrong'}" if scores else "no score to compare"
    return f"{replayed:,} of {known:,} events replayed{share}, {told}"
