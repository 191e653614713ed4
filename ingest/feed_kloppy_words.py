"""kloppy's vocabulary, and what each vendor puts beyond it, in soccer's words.

kloppy evens vendors out; where that loses what the rules turn on (advantage, a foul told by the player who suffered it, an own
goal read as a goal), the vendor's own record is asked. Rows come out in the vendor's order; nothing is inferred here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Row = tuple[str, str, int, float, str | None, str | None, str | None, tuple[int, int] | None]
"""where, kind, period, seconds from the period's beginning, team, player, outcome, the score that the feed states after it."""

_RESTARTS = {"CORNER_KICK": "corner_kick", "FREE_KICK": "free_kick", "GOAL_KICK": "goal_kick", "KICK_OFF": "kick_off",
             "PENALTY": "penalty_kick", "THROW_IN": "throw_in"}
_CARDS = {"FIRST_YELLOW": "yellow_card", "SECOND_YELLOW": "yellow_card", "RED": "red_card"}
SHOOTOUT_PERIOD = 5

_WYSCOUT_PERIODS = {"1H": 1, "2H": 2, "E1": 3, "E2": 4, "P": 5}
_WYSCOUT_NO_FOUL = ("22", "23", "24", "26")
"""Wyscout 2 files under fouls what stops no play: late card, out of game, protest, time lost."""


@dataclass(slots=True)
class Words:
    """A vendor's match in soccer's words, and what the vendor has words for."""

    teams: tuple[str, str]
    num_records: int
    team_names: dict[str, str] = field(default_factory=dict)
    """By the vendor's id."""
    rows: list[Row] = field(default_factory=list)
    score: tuple[int, int] | None = None
    score_source: str = "the feed has no score"
    marks_kick_offs: bool = True
    marks_free_kicks: bool = True
    marks_advantage: bool = False


def read_words(vendor: str, dataset: Any, raw: Any, meta: bytes | None) -> Words:
    """The rows of a dataset of kloppy's; raw is the vendor's JSON, meta the bytes of its companion."""
    home, away = dataset.metadata.teams
    words = Words((_name(home), _name(away)), len(dataset.events), {str(team.team_id): _name(team) for team in (home, away)})
    words.marks_kick_offs = vendor != "wyscout"
    words.marks_free_kicks = vendor != "datafactory"
    words.marks_advantage = vendor == "statsbomb"
    reader = _Reader(vendor, words, raw)
    for event in dataset.events:
        reader.read(event)
    reader.add_offsides(None)
    words.score, words.score_source = final_score(vendor, dataset, raw, meta, words)
    return words


def _name(team: Any) -> str:
    return str(team.name or team.team_id)


class _Reader:
    """Turns kloppy's events into rows, one after the other."""

    def __init__(self, vendor: str, words: Words, raw: object) -> None:
        self.vendor, self.words = vendor, words
        self.before = _metrica_neighbours(raw) if vendor == "metrica" else {}
        self.order: dict[str, int] = {}
        self.offsides: list[tuple[int, Any]] = []
        if vendor == "wyscout" and isinstance(raw, dict):
            self._index_wyscout(raw["events"])

    def read(self, event: Any) -> None:
        """Add the rows of one event: its restart first, then what came of it."""
        self.add_offsides(self.order.get(str(event.event_id), -1))
        kind = type(event).__name__.removeprefix("StatsBomb").removesuffix("Event")
        special = getattr(self, f"_{self.vendor}", None)
        if special is not None and special(event, kind):
            return
        if kind == "Card":
            if event.card_type is not None:
                self._add(event, _CARDS[event.card_type.name])
        elif kind == "FoulCommitted":
            self._add(event, "foul")
        elif kind == "Substitution":
            self._add(event, "substitution")
        elif kind in ("Pass", "Shot"):
            self._play(event)
        elif kind in ("Carry", "TakeOn", "Clearance", "Interception", "Recovery", "Miscontrol", "Goalkeeper"):
            self._add(event, "touch")

    def _play(self, event: Any) -> None:
        """A pass or a shot, which may take a restart and may be a goal or offside."""
        result = None if event.result is None else event.result.name
        if event.period.id == SHOOTOUT_PERIOD:
            if type(event).__name__.endswith("ShotEvent"):
                self._add(event, "shootout_goal" if result == "GOAL" else "shootout_miss")
            return
        restart = self._restart(event)
        self._add(event, restart or "touch", outcome=self._retaken(event))
        if result in ("GOAL", "OWN_GOAL"):
            self._add(event, "goal" if result == "GOAL" else "own_goal", stated=self._stated(event))
        elif result == "OFFSIDE" and self.vendor not in ("datafactory", "sportec", "wyscout"):  # these have records for it
            self._add(event, "offside", player=None)

    def _restart(self, event: Any) -> str | None:
        pieces = [q.value.name for q in event.qualifiers or () if type(q).__name__ == "SetPieceQualifier"]
        if self.vendor == "datafactory":  # kloppy guesses the others from what went before
            pieces = [piece for piece in pieces if piece in ("THROW_IN", "CORNER_KICK", "PENALTY", "KICK_OFF")]
        return next((_RESTARTS[piece] for piece in pieces if piece in _RESTARTS), None)

    def _retaken(self, event: Any) -> str | None:
        return "retaken" if "RETAKEN" in self.before.get(str(event.event_id), ()) else None

    def _stated(self, event: Any) -> tuple[int, int] | None:
        """Sportec writes the running score at each goal."""
        raw = event.raw_event
        told = raw.get("CurrentResult") if isinstance(raw, dict) else None
        found = re.fullmatch(r"(\d+):(\d+)", told or "")
        return None if found is None else (int(found[1]), int(found[2]))

    def _add(self, event: Any, kind: str, *, outcome: str | None = None, stated: tuple[int, int] | None = None,
             team: Any = None, player: Any = ...) -> None:
        team = team or event.team
        player = event.player if player is ... else player
        self.words.rows.append((str(event.event_id), kind, int(event.period.id), event.timestamp.total_seconds(),
                                None if team is None else _name(team),
                                None if player is None else str(player.name or player.player_id), outcome, stated))

    def _index_wyscout(self, events: list[Any]) -> None:
        """The offsides of Wyscout 2, which kloppy keeps only where a pass precedes them, and the order of all records."""
        for index, event in enumerate(events):
            self.order[str(event["id"])] = index
            if str(event.get("eventId", event.get("eventName"))) in ("6", "Offside"):
                self.offsides.append((index, event))

    def add_offsides(self, up_to: int | None) -> None:
        """Add the offsides recorded before a record, by its place in the file; all that are left for None."""
        while self.offsides and (up_to is None or self.offsides[0][0] < up_to):
            _, event = self.offsides.pop(0)
            period = _WYSCOUT_PERIODS[event["matchPeriod"]]
            team = self.words.team_names[str(event["teamId"])]
            self.words.rows.append((str(event["id"]), "offside", period, float(event["eventSec"]), team, None, None, None))

    # What the vendors say beyond kloppy's words: each returns whether it dealt with the event.

    def _statsbomb(self, event: Any, kind: str) -> bool:
        raw = event.raw_event
        if kind == "FoulCommitted":
            told = raw.get("foul_committed") or {}
            cause = (told.get("type") or {}).get("name", "")
            outcome = {"Backpass Pick": "indirect", "6 Seconds": "indirect", "Handball": "handball"}.get(cause)
            outcome = "advantage" if told.get("advantage") else "penalty" if told.get("penalty") else outcome
            self._add(event, "foul", outcome=outcome)
            return True
        if kind == "Generic" and event.event_name == "Referee Ball-Drop":
            self._add(event, "dropped_ball")
            return True
        if kind == "Generic" and event.event_name == "Offside":
            self._add(event, "offside")
            return True
        return False

    def _wyscout(self, event: Any, kind: str) -> bool:
        raw = event.raw_event
        if kind == "Generic" and isinstance(raw.get("type"), dict) and raw["type"].get("primary") == "offside":
            self._add(event, "offside")
            return True
        return kind == "FoulCommitted" and str(raw.get("subEventId", raw.get("subEventName"))) in _WYSCOUT_NO_FOUL

    def _metrica(self, event: Any, kind: str) -> bool:
        raw = event.raw_event
        name, parts = raw["type"]["name"], _subtypes(raw)
        if name == "FAULT RECEIVED":
            return True  # told by who suffered it; the challenge beside it tells who did it
        if name == "CHALLENGE":
            if "LOST" in parts and ("FAULT" in parts or "ADVANTAGE" in parts):
                self._add(event, "foul", outcome="advantage" if "ADVANTAGE" in parts else None)
            return True
        if name == "BALL LOST" and "HAND BALL" in parts:
            self._add(event, "foul", outcome="handball")
            return True
        if name == "BALL LOST" and "REFEREE HIT" in parts:
            return True
        if name == "CARD":
            self._add(event, "red_card" if "RED" in parts else "yellow_card")
            return True
        if name == "PASS" and "OFFSIDE" in parts:  # kloppy knows it of lost balls only
            self._add(event, self._restart(event) or "touch")
            self._add(event, "offside", player=None)
            return True
        return False

    def _datafactory(self, event: Any, kind: str) -> bool:
        raw = event.raw_event
        if raw.get("type") == 10:  # kloppy has it as a goal by free kick
            self._add(event, "own_goal")
            return True
        if kind == "Generic" and event.event_name in ("goalkick", "offsides"):
            self._add(event, "goal_kick" if event.event_name == "goalkick" else "offside")
            return True
        if kind == "FoulCommitted":
            self._add(event, "foul", outcome="handball" if raw.get("type") == 32 else None)
            return True
        return False

    def _sportec(self, event: Any, kind: str) -> bool:
        if kind == "Generic" and event.event_name == "Offside":
            self._add(event, "offside")
            return True
        return False


def _subtypes(raw: Any) -> tuple[str, ...]:
    told = raw["subtypes"]
    return () if told is None else tuple(part["name"] for part in (told if isinstance(told, list) else [told]))


def _metrica_neighbours(raw: Any) -> dict[str, tuple[str, ...]]:
    """For each Metrica record the subtypes of the set piece right before it, which kloppy leaves out."""
    rows = raw["data"]
    return {str(row["index"]): _subtypes(before) for before, row in pairwise(rows)
            if before["type"]["name"] == "SET PIECE"}


def final_score(vendor: str, dataset: Any, raw: Any, meta: bytes | None, words: Words) -> tuple[tuple[int, int] | None, str]:
    """The final score (home, away) by an account of the feed's own that is not the goals replayed, and where it stands."""
    ids = [str(team.team_id) for team in dataset.metadata.teams]
    if vendor in ("opta", "datafactory", "sportec", "statsperform"):
        told = dataset.metadata.score
        source = {"opta": "the F7 file's Score", "datafactory": "scoreStatus", "sportec": "the match information's Result",
                  "statsperform": "the MA1 file's scores"}[vendor]
        return (None, "the feed has no score") if told is None else ((int(told.home), int(told.away)), source)
    if vendor == "statsbomb":
        conceded = [0, 0]
        for event in raw:
            team = ids.index(str(event["team"]["id"]))
            if (event.get("goalkeeper") or {}).get("type", {}).get("name") in ("Goal Conceded", "Penalty Conceded"):
                conceded[team] += event["period"] != SHOOTOUT_PERIOD
            elif event["type"]["name"] == "Own Goal For":
                conceded[1 - team] += 1
        return (conceded[1], conceded[0]), "the goalkeepers' records of goals conceded"
    if vendor == "wyscout":
        label = str((raw.get("match") or {}).get("label", ""))
        found = re.search(r", (\d+) - (\d+)", label)
        if found:
            return (int(found[1]), int(found[2])), "the match's label"
        return _wyscout_conceded(raw, ids), "the goalkeepers' records of goals conceded"
    kick_offs = [0, 0]
    seen: set[int] = set()
    for _, kind, period, _, taker, *_ in words.rows:
        if kind == "kick_off":
            kick_offs[words.teams.index(str(taker))] += period in seen
            seen.add(period)
    return (kick_offs[1], kick_offs[0]), "the kick-offs after goals"


def _wyscout_conceded(raw: Any, ids: list[str]) -> tuple[int, int]:
    """Goals by what Wyscout 2 writes of the goalkeeper (reflexes, tag goal), and own goals."""
    conceded = [0, 0]
    for event in raw["events"]:
        tags = {tag["id"] for tag in event.get("tags", ())}
        keeper = str(event.get("eventId", event.get("eventName"))) in ("9", "Save attempt")
        if str(event["teamId"]) in ids and ((keeper and 101 in tags) or 102 in tags):
            conceded[ids.index(str(event["teamId"]))] += 1
    return conceded[1], conceded[0]
