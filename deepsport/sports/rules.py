"""Search over the rules of all known sports: BM25 through SQLite's FTS5, no model needed. `deepsport sports rules` asks here."""

from __future__ import annotations

import re
import sqlite3
import threading
from functools import cache

from deepsport.sports import known_sports, sport_module
from deepsport.sports.base import Rule
from deepsport.taxonomy import Sport

_EMPTY_WORDS = frozenset(re.findall(r"\w+", """a an and are at be by can do does for from had has how if in is it its of on or
that the their then there they this to was what when where which who whom whose why will with"""))
"""They occur in every passage and say nothing of which is meant."""
_LOCK = threading.Lock()  # the connection is shared between threads; SQLite needs them one at a time


@cache
def _rules() -> dict[str, Rule]:
    return {rule.rule_id: rule for sport in known_sports() for rule in sport_module(sport).rules}


@cache
def _index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute("CREATE VIRTUAL TABLE rules USING fts5(rule_id UNINDEXED, sport UNINDEXED, title, tags, text, "
                       "tokenize = 'porter unicode61')")
    rows = [(r.rule_id, str(r.sport), r.title, ", ".join(r.tags), r.text) for r in _rules().values()]
    connection.executemany("INSERT INTO rules VALUES (?, ?, ?, ?, ?)", rows)
    return connection


def find_rules(query: str, sport: Sport | None = None, limit: int = 3) -> list[Rule]:
    """The rules that fit a query best, best first; none when no word of it occurs. Any text is a valid query.

    >>> [rule.law for rule in find_rules("what follows an offside?", Sport.SOCCER, limit=1)]
    ['Law 11']
    """
    words = re.findall(r"\w+", query.replace("_", " "))[:64]
    telling = [word for word in words if word.lower() not in _EMPTY_WORDS] or words
    if not telling:
        return []
    match = " OR ".join(f'"{word}"' for word in telling)
    # Weights by column: a word in the tags or the title says more than one in the passage.
    statement = ("SELECT rule_id FROM rules WHERE rules MATCH ? AND (? IS NULL OR sport = ?) "
                 "ORDER BY bm25(rules, 0, 0, 3.0, 4.0, 1.0), rule_id LIMIT ?")
    wanted = None if sport is None else str(sport)
    with _LOCK:
        rows = _index().execute(statement, (match, wanted, wanted, limit)).fetchall()
    return [_rules()[rule_id] for (rule_id,) in rows]
