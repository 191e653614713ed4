"""Commentary and events together: the words that are likely to be said, and how long after an event it is spoken of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from deepsport.records import Event, Utterance
from deepsport.sports import known_sports, sport_module
from deepsport.taxonomy import Sport
from ingest.speech import spoken_words

_MAX_HOTWORDS = 40
"""Whisper's prompt holds 223 tokens, and every one costs time."""
_EARLIEST_S, _LATEST_S = -5.0, 20.0
"""Lags that are looked at."""
_SPREAD_S = 1.0
"""How far single lags may lie from their middle."""
_LEAST_MATCHES = 3
_EMPTY_WORDS = frozenset({"the", "a", "of", "in", "to", "and", "on", "for", "time", "point", "end", "start", "play"})


class Lag(NamedTuple):
    """How long after events they are spoken of."""

    lag_s: float
    num_matched: int
    """Events that were spoken of at about that lag."""
    num_events: int


def hotwords_for(sport: Sport, names: Iterable[str] = ()) -> str:
    """The sport's events and the names of a line-up, as Whisper takes them; names come first, for no model knows them.

    Each is a sentence, for Whisper writes on in the style of what it is given: after a list it leaves full stops out, at which
    utterances are parted.

    >>> hotwords_for(Sport.TENNIS, ["Ekman"])[:11]
    'Ekman. Ace.'
    """
    kinds = [kind.label for kind in sport_module(sport).kinds] if sport in known_sports() else []
    words = list(dict.fromkeys([*sorted(set(names)), *kinds]))[:_MAX_HOTWORDS]
    return " ".join(f"{word[0].upper()}{word[1:]}." for word in words if word)


def commentary_lag(utterances: Sequence[Utterance], events: Sequence[Event]) -> Lag | None:
    """The lag at which most events find an utterance that names them; None where fewer than three agree.

    An utterance names an event when it holds a word of the event's kind. Where an event is named several times, the first within
    reach of the lag counts. Times of both are on the broadcast's clock.
    """
    said = [(utterance.span.start_s, set(spoken_words(utterance.text))) for utterance in utterances]
    lags: list[list[float]] = []
    for event in events:
        words = {word for word in event.kind.split("_") if word not in _EMPTY_WORDS}
        near = [start_s - event.time_s for start_s, spoken in said if _EARLIEST_S <= start_s - event.time_s <= _LATEST_S
                and any(_same(word, other) for word in words for other in spoken)]
        if near:
            lags.append(near)
    best: list[float] = []
    for middle_s in sorted({lag for near in lags for lag in near}, key=abs):
        within = [min(near, key=lambda lag: abs(lag - middle_s)) for near in lags]
        agreeing = [lag for lag in within if abs(lag - middle_s) <= _SPREAD_S]
        if len(agreeing) > len(best):
            best = agreeing
    return Lag(round(median(best), 3), len(best), len(events)) if len(best) >= _LEAST_MATCHES else None


def _same(word: str, spoken: str) -> bool:
    """Whether two words are of one stem: kick, kicks, kicked."""
    return spoken == word or (len(word) > 3 and spoken.startswith(word))
