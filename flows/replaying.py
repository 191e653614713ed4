"""``deepsport sports``: event feeds played again by the rules, with what came of it as text or JSON; and the rules themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from deepsport.errors import UserError
from deepsport.sports import sport_module, sport_named
from deepsport.sports.rules import find_rules
from deepsport.taxonomy import Sport
from flows.progress import shown
from flows.stage import EXIT_DONE, EXIT_FAILED, EXIT_QUARANTINED, EXIT_USER
from ingest.replay import FeedReplay, ReplayReport, replay_feed
from ingest.replay_report import counted

NUM_SHOWN = 20
"""Refusals shown of a feed as text; JSON has them all."""


def run_replay(files: Sequence[Path], *, as_json: bool = False) -> int:
    """Replays the feeds and prints the report on stdout, and a line on stderr for each file that could not be read.

    0 when every event was replayed and no score is wrong; 1 when a score is wrong; 3 when events were refused, a file could not
    be read, or nothing of it was replayed; 2 when no file could be read.
    """
    console = Console(stderr=True, emoji=False)
    given = list(dict.fromkeys(files))
    with shown(console) as reporter:
        seen: list[Path] = []

        def tell(path: Path) -> None:
            reporter("replay", len(seen), len(given))
            seen.append(path)

        report = replay_feed(given, strict=False, progress=tell)
        reporter("replay", len(given), len(given))
    lines = [json.dumps(document_of(report), ensure_ascii=False, indent=1)] if as_json else lines_of(report)
    _say(Console(emoji=False), lines)
    _say(console, [" ".join(f"deepsport: {failed.path}: {failed.why}".split()) for failed in report.unreadable])
    if not report.feeds:
        return EXIT_USER
    if report.num_wrong_scores:
        return EXIT_FAILED
    partial = report.unreadable or report.num_refused or any(feed.is_empty for feed in report.feeds)
    return EXIT_QUARANTINED if partial else EXIT_DONE


def show_rules(query: str, sport: str | None, limit: int) -> int:
    """Prints the rules that fit the query best; 1 when there is none.

    Raises: UserError when nothing is asked, the sport has no rules here, or the limit is none.
    """
    if not query.strip():
        raise UserError('say what you want to know: deepsport sports rules "who serves next"')
    if limit < 1:
        raise UserError(f"--limit {limit}: show at least one rule")
    known = None if sport is None else sport_named(sport)
    if known is not None:
        sport_module(known)
    found = find_rules(query, known, limit)
    _say(
        Console(emoji=False),
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
        _say(Console(stderr=True, emoji=False), [f"no rule has a word of {query!r}"])
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
        counts = _counts(known, replayed, report.num_refused, report.num_scores, report.num_wrong_scores)
        num_feeds = len({feed.path for feed in report.feeds})
        matches = "" if num_feeds == len(report.feeds) else f", {len(report.feeds)} matches"
        lines.append(f"{counted(num_feeds, 'feed')}{matches}: {counts}")
    return lines


def _feed_lines(feed: FeedReplay) -> list[str]:
    result = ""
    if feed.score is not None and len(feed.teams) == 2:
        result = f", {feed.teams[0]} {feed.score[0]}-{feed.score[1]} {feed.teams[1]}"
        result += f" ({feed.shootout[0]}-{feed.shootout[1]} on penalties)" if any(feed.shootout) else ""
        result += _standing(feed)
    elif feed.totals:
        result = ", " + ", ".join(f"{team} {total:g}" for team, total in zip(feed.teams, feed.totals, strict=True))
    counts = _counts(feed.num_known, feed.num_replayed, len(feed.refused), feed.num_scores, len(feed.wrong_scores))
    match = "" if feed.match is None else f", match {feed.match}"
    lines = [f"{feed.path}{match}: {feed.vendor}, {feed.sport}{result}: {counted(feed.num_read, 'record')}, {counts}"]
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


def _standing(feed: FeedReplay) -> str:
    """The sets or games that are over, and where the one stands in which the feed ends."""
    parts = ", ".join(f"{first}-{second}" for first, second in feed.parts)
    text = f" ({parts})" if parts else ""
    if feed.running is None:
        return text
    part = "set" if feed.sport in (Sport.TENNIS, Sport.VOLLEYBALL) else "game"
    text += f", {feed.running[0]}-{feed.running[1]} in the running {part}"
    points = feed.running_points
    return text if points is None else f"{text} and {points[0]}-{points[1]} points in its game"


def _counts(known: int, replayed: int, refused: int, scores: int, wrong: int) -> str:
    if not known:
        return "nothing to replay: no event in it is one that the rules speak of"
    told = f"{counted(scores, 'score')} compared, {'all right' if scores > 1 else 'right'}" if scores else "no score to compare"
    if wrong:
        told = f"{counted(scores, 'score')} compared, {wrong:,} wrong"
    missing = f", {refused:,} refused" if refused else ""
    return f"{replayed:,} of {counted(known, 'event')} replayed ({100 * replayed / known:.1f} %){missing}, {told}"
