"""SPADL, the action language of socceraction, as JSON: one action of a player with the ball a row, on the clock of its period.

    [{"game_id": 8657, "period_id": 1, "time_seconds": 0.533, "team_id": 782, "player_id": 3289, "type_id": 0, "result_id": 1}]

Of its 23 types only what the rules speak of becomes an event: goals, restarts, fouls, cards, offside. The rest (passes, dribbles,
tackles) is reported by its number. Types and results count from 0 in the order of socceraction's ``spadl/config.py``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from deepsport.errors import FeedError
from deepsport.records import Broadcast
from deepsport.taxonomy import Sport
from ingest.feed_events import FeedClock, FeedRow, FeedRows, must_be
from ingest.feed_times import number_of, seconds_of

TYPES = ("pass", "cross", "throw_in", "freekick_crossed", "freekick_short", "corner_crossed", "corner_short", "take_on", "foul",
         "tackle", "interception", "shot", "shot_penalty", "shot_freekick", "keeper_save", "keeper_claim", "keeper_punch",
         "keeper_pick_up", "clearance", "bad_touch", "non_action", "dribble", "goalkick")  # fmt: skip
RESULTS = ("fail", "success", "offside", "owngoal", "yellow_card", "red_card")

_KIND_OF_TYPE = {
    "throw_in": "throw_in", "freekick_crossed": "free_kick", "freekick_short": "free_kick", "shot_freekick": "free_kick",
    "corner_crossed": "corner_kick", "corner_short": "corner_kick", "foul": "foul", "shot_penalty": "penalty_kick",
    "goalkick": "goal_kick",
}  # fmt: skip
_KIND_OF_RESULT = {"offside": "offside", "owngoal": "own_goal", "yellow_card": "yellow_card", "red_card": "red_card"}


def is_spadl(document: object) -> bool:
    """Whether the JSON is a list of SPADL actions."""
    first = document[0] if isinstance(document, list) and document else None
    return isinstance(first, dict) and {"period_id", "time_seconds"} <= set(first) and bool({"type_id", "type_name"} & set(first))


def parse_spadl(path: Path, document: object, broadcast: Broadcast) -> FeedRows:
    """Rows on each period's own clock, in the file's order.

    Raises: FeedError when the broadcast is not of soccer, or the file holds several games.
    """
    assert isinstance(document, list)
    must_be(Sport.SOCCER, broadcast, path, "a soccer match")
    games = {str(action.get("game_id")) for action in document if isinstance(action, dict)}
    if len(games) > 1:
        raise FeedError(f"{path}: holds {len(games)} games; split it into one file a game")
    feed = FeedRows([], [], clock=FeedClock.OWN)
    touches: Counter[str] = Counter()
    for index, action in enumerate(document):
        where = f"[{index}]"
        if not isinstance(action, dict):
            feed.unread.append((where, "is no action"))
            continue
        time_s, period = seconds_of(action.get("time_seconds")), number_of(action.get("period_id"))
        kind, result = _word(action, "type", TYPES), _word(action, "result", RESULTS)
        if time_s is None or period not in range(1, 6) or kind is None:
            feed.unread.append((where, "has no period_id, time_seconds and type that SPADL knows"))
            continue
        kinds = _kinds(kind, result)
        if not kinds:
            touches[kind] += 1
        feed.rows.extend(FeedRow(f"{where} {name}", name, time_s, period=int(period or 0), team=_name(action.get("team_id")),
                                 player=_name(action.get("player_id"))) for name in kinds)
    feed.unread.extend((kind, f"{count} actions that the rules do not speak of") for kind, count in sorted(touches.items()))
    return feed


def _kinds(kind: str, result: str | None) -> list[str]:
    """The events that an action is: a shot from the penalty mark may be a penalty kick and a goal."""
    found = [_KIND_OF_TYPE[kind]] if kind in _KIND_OF_TYPE else []
    if kind.startswith("shot") and result == "success":
        found.append("goal")
    return found + ([_KIND_OF_RESULT[result]] if result in _KIND_OF_RESULT else [])


def _word(action: dict[str, Any], what: str, words: tuple[str, ...]) -> str | None:
    name = action.get(f"{what}_name")
    if isinstance(name, str) and name in words:
        return name
    number = number_of(action.get(f"{what}_id"))
    return words[int(number)] if number is not None and number in range(len(words)) else None


def _name(value: object) -> str | None:
    """An id as text: 3289.0 is what pandas makes of 3289."""
    number = number_of(value)
    return f"{number:.0f}" if number is not None and number == int(number) else (value if isinstance(value, str) else None)
