"""A feed's clock fitted to the video's, for feeds that run on their own: video second = offset + rate × feed second.

    cuts ───────┐
    words ──────┤  for each kind of event a curve over the video:       the sum over the feed's events, for every offset and
    score bug ──┼─▶ how much likelier such an event is here than   ──▶  rate in reach: its peak is the fit, its shape says how
    whistles ───┘  anywhere                                             sure that is, and shuffled feeds how far chance comes

What the curves stand on, by source: the score changes when something scores (ingest/scoreboard.py), and in its digits, where
they are read, to the good of the team that the ledger says; a commentator says the event's name a moment after it; a referee
whistles; and no director cuts while it happens. Each is a mixture with *no evidence
here*, so a missing or doubled event, a commentator who says nothing, or a cut too many costs little (a weighted
cross-correlation that outliers cannot bend).

A fit is refused, with its reason, when the feed of another match might have done as well (against feeds with the same events in
shuffled order and gaps), when another offset is nearly as likely, or when it is too vague: nothing is silently put in the wrong
place. Speech alone cannot tell a late commentator from a late clock: ``commentary_lag_s`` is then taken at its word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from deepsport.errors import ImpossibleEvent
from deepsport.ids import digest, make_id
from deepsport.records import Broadcast, ClockFit, Made, Shot, Utterance
from deepsport.sports import known_sports, sport_module
from deepsport.sports.base import label_of
from deepsport.taxonomy import Sport
from deepsport.timebase import Span
from ingest.feed_events import FeedRow
from ingest.score_digits import Digits
from ingest.scoreboard import ScoreChange

STEP_S = 0.1
"""Width of a step of the curves and of the offsets that are tried."""
NUM_SHUFFLED = 48
MIN_EVENTS = 5
_NEAR_S = 1.0
"""Fits that differ by less at the feed's middle are one."""
_MATCH_S = 2.0
_OUTSIDE = -0.5
_DETOUR_S = 0.2
"""Neighbouring rates differ by this much at the feed's ends."""
_MAX_CUT_GAP_S = 2.0
_BREAK_S = 1800.0
_SCORES = ("score", "points", "games")

_MISREAD = 0.05
"""Of the changes of the score whose digits tell who gained, as many tell it wrong."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class AlignConfig(BaseModel):
    """How a feed's clock is fitted to the video's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: Literal["own_clock", "always", "never"] = "own_clock"
    """Feeds that are fitted: those whose format has a clock of its own, all, or none (``feed.time_offset_s`` is then
    believed)."""
    max_offset_s: float = Field(default=120.0, gt=0, le=7200, allow_inf_nan=False)
    """How far the feed's zero may lie from where ``feed.time_offset_s`` puts it."""
    max_drift: float = Field(default=0.01, ge=0, le=0.1)
    """How much longer or shorter the feed's seconds may be, as a share."""
    max_error_s: float = Field(default=1.0, gt=0, le=30)
    """Fits whose residual or uncertainty is greater are refused."""
    max_chance: float = Field(default=0.001, gt=0, le=0.5)
    """Fits are refused when a feed of another match, or another offset, would be right with a greater chance."""
    commentary_lag_s: float = Field(default=0.65, ge=0, le=20)
    """How long after an event a commentator names it, where nothing else tells."""
    digits: Digits = "installed"
    """Whether the digits in the score bug are read, by rapidocr (extra ``ocr``): where it is installed, always, or never."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the video without the feed."""

    shots: Sequence[Shot] = ()
    utterances: Sequence[Utterance] = ()
    scores: Sequence[ScoreChange] = ()
    whistles: Sequence[Span] = ()

    def only(self, *sources: str) -> Evidence:
        """The same with no other sources than those named: ``cuts``, ``speech``, ``score``, ``digits`` with it, ``whistles``."""
        fields = {"cuts": "shots", "speech": "utterances", "score": "scores", "whistles": "whistles"}
        kept = Evidence(**{fields[name]: getattr(self, fields[name]) for name in sources if name in fields})
        return kept if "digits" in sources else replace(kept, scores=[ScoreChange(change.span) for change in kept.scores])


class _Moments(NamedTuple):
    """When something was seen or heard that an event of a kind leaves behind."""

    source: str
    times_s: Floats
    lag_s: float
    """How long after the event it comes."""
    spread_s: float
    share: float
    """Of such events, how many leave it behind."""
    gained: Ints | None = None
    """Who gained at each, 0 or 1, or -1 where that is not known."""


class _Told(NamedTuple):
    """What a feed tells of an event, but for its time."""

    kind: str
    gained: int
    """Which of the two teams, in the order of their names, gains by it; -1 where neither does or the feed does not say."""


def align_feed(
    rows: Sequence[FeedRow], broadcast: Broadcast, evidence: Evidence, config: AlignConfig | None = None, feed_uri: str = "",
    centre_s: float = 0.0, made: Made | None = None,
) -> dict[int | None, ClockFit]:
    """The fit of each period's clock, in order; a refused one says why in ``refusal`` and must not be used.

    centre_s is where the first period's zero is expected in the video. A later period is sought from the end of the one before.
    The same rows and evidence give the same fits.
    """  # fmt: skip
    config = config or AlignConfig()
    made = made or Made(step="align_feed", inputs=(broadcast.broadcast_id,))
    curves = _Curves(broadcast, evidence, config)
    gains, teams = scoring_kinds(broadcast.sport), sorted({row.team for row in rows if row.team is not None})

    def told(row: FeedRow) -> _Told:
        side = gains.get(row.kind)
        if side is None or row.team is None or len(teams) != 2:
            return _Told(row.kind, -1)
        return _Told(row.kind, teams.index(row.team) ^ side)

    fits: dict[int | None, ClockFit] = {}
    before: tuple[float, ClockFit] | None = None
    for period in sorted({row.period for row in rows}, key=lambda p: p or 0):
        mine = sorted({(row.time_s + row.precision_s / 2, told(row)) for row in rows if row.period == period})
        reach = Span(start_s=centre_s - config.max_offset_s, end_s=centre_s + config.max_offset_s)
        if before is not None and before[1].refusal == "":
            ends_s = before[1].video_s(before[0])
            # A clock that runs on needs no new zero; one that begins anew has a break of unknown length before it.
            reach = reach.shifted(before[1].offset_s - centre_s) if mine[0][0] >= before[0] else Span(
                start_s=ends_s - mine[0][0] - config.max_offset_s, end_s=ends_s - mine[0][0] + _BREAK_S)
        fits[period] = _fit(mine, period, curves, reach, config, broadcast, feed_uri, made)
        before = (mine[-1][0], fits[period])
    return fits


def _fit(
    events: list[tuple[float, _Told]], period: int | None, curves: _Curves, reach: Span, config: AlignConfig,
    broadcast: Broadcast, feed_uri: str, made: Made,
) -> ClockFit:  # fmt: skip
    times_s = np.array([time_s for time_s, _ in events])
    told = [about for _, about in events]
    peak = _peak(times_s, told, curves, reach, config)
    rng = np.random.default_rng(int(digest("shuffled", broadcast.broadcast_id, period, len(events), length=12), 16))
    chance = _chance(peak.height, times_s, told, curves, reach, config, rng) if len(events) >= MIN_EVENTS else 1.0
    residuals_s, lag_s = curves.residuals(times_s * peak.rate + peak.offset_s, told)
    residual_s, residual_p90_s = (None, None) if not len(residuals_s) else (
        round(float(np.median(residuals_s)), 3), round(float(np.quantile(residuals_s, 0.9)), 3))
    sources = curves.telling(times_s * peak.rate + peak.offset_s, told)
    refusal = _refusal(len(events), chance, peak, residual_s, config)
    return ClockFit(
        clock_fit_id=make_id("clock_fit", broadcast.broadcast_id, feed_uri, period, peak.offset_s, peak.rate, config),
        broadcast_id=broadcast.broadcast_id, feed_uri=feed_uri, period=period, offset_s=round(peak.offset_s, 4),
        rate=round(peak.rate, 7), num_events=len(events), num_matched=len(residuals_s), residual_s=residual_s,
        residual_p90_s=residual_p90_s, uncertainty_s=round(peak.uncertainty_s, 3), chance=chance, rival=peak.rival,
        commentary_lag_s=lag_s, evidence=sources, refusal=refusal, made=made)  # fmt: skip


def _refusal(num_events: int, chance: float, peak: _Peak, residual_s: float | None, config: AlignConfig) -> str:
    if num_events < MIN_EVENTS:
        return f"{num_events} events are too few to tell where the feed's clock lies"
    if chance > config.max_chance:
        return f"the feed of another match would fit as well with a chance of {chance:.2g}; is it this match's?"
    if peak.rival > config.max_chance:
        return f"another place is right with a chance of {peak.rival:.2g}"
    if peak.uncertainty_s > config.max_error_s:
        return f"the fit is only good to {peak.uncertainty_s:.1f} s"
    if residual_s is not None and residual_s > config.max_error_s:
        return f"half of the events lie more than {residual_s:.1f} s from what is seen and heard of them"
    return ""


class _Peak(NamedTuple):
    """The best fit within reach."""

    offset_s: float
    rate: float
    height: float
    """Summed log-likelihood ratio over an event anywhere."""
    uncertainty_s: float
    rival: float


def _peak(times_s: Floats, told: Sequence[_Told], curves: _Curves, reach: Span, config: AlignConfig) -> _Peak:
    middle_s, rates, heights_RC, first_s = _heights(times_s, told, curves, reach, config)
    best_r, best_c = np.unravel_index(int(np.argmax(heights_RC)), heights_RC.shape)
    weights_RC = np.exp(heights_RC - heights_RC[best_r, best_c])
    places_s = first_s + STEP_S * np.arange(heights_RC.shape[1])  # of the feed's middle in the video
    near = np.abs(places_s - places_s[best_c]) <= _NEAR_S
    total = float(weights_RC.sum())
    mine_RC = weights_RC * near[None, :]
    mine = float(mine_RC.sum())
    # The mean over what is as likely as the peak: where only cuts speak, the top is flat.
    place_s, rate = float((mine_RC.sum(axis=0) @ places_s) / mine), float((mine_RC.sum(axis=1) @ rates) / mine)
    ends_s = times_s[[0, -1]] - middle_s
    variance = max(
        float((mine_RC * ((places_s[None, :] - place_s) + (rates[:, None] - rate) * end_s) ** 2).sum() / mine) for end_s in ends_s
    )
    rival = max(0.0, 1.0 - mine / total)
    return _Peak(place_s - rate * middle_s, rate, float(heights_RC[best_r, best_c]), math.sqrt(variance + STEP_S**2 / 12), rival)


def _heights(
    times_s: Floats, told: Sequence[_Told], curves: _Curves, reach: Span, config: AlignConfig
) -> tuple[float, Floats, Floats, float]:
    """The feed's middle, the rates tried, the height for every rate and place of the middle (R, C), and the first such place.

    Which team stands first in the score bug is not known: where its digits tell who gained, both may be (S).
    """
    middle_s = float((times_s[0] + times_s[-1]) / 2)
    half_s = max(float(times_s[-1] - times_s[0]) / 2, 1.0)
    num_rates = 2 * math.ceil(config.max_drift * half_s / _DETOUR_S) + 1
    rates = np.asarray(1 + config.max_drift * np.linspace(-1, 1, num_rates) if num_rates > 1 else np.ones(1), np.float64)
    first = round((reach.start_s + middle_s) / STEP_S)
    num_places = max(1, round(reach.duration_s / STEP_S))
    orders = (0, 1) if curves.digits and any(about.gained >= 0 for about in told) else (0,)
    heights_SRC = np.zeros((len(orders), num_rates, num_places))
    for row, rate in enumerate(rates):
        shifts = np.rint((times_s - middle_s) * rate / STEP_S).astype(np.int64)
        for about, shift in zip(told, shifts, strict=True):
            for order in orders:
                heights_SRC[order, row] += curves.piece(_in_order(about, order), first + int(shift), num_places)
    heights_RC = np.logaddexp.reduce(heights_SRC, axis=0) - math.log(len(orders))
    return middle_s, rates, heights_RC, first * STEP_S


def _in_order(about: _Told, order: int) -> _Told:
    return about if about.gained < 0 else about._replace(gained=about.gained ^ order)


def _chance(
    height: float, times_s: Floats, told: Sequence[_Told], curves: _Curves, reach: Span, config: AlignConfig,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """How often a feed with the same kinds and gaps in another order reaches this height, by a Gumbel law of some that do."""
    gaps_s = np.diff(times_s)
    reached = []
    for _ in range(NUM_SHUFFLED):
        shuffled_s = times_s[0] + np.concatenate([[0.0], np.cumsum(rng.permutation(gaps_s))])
        shuffled = [told[i] for i in rng.permutation(len(told))]
        reached.append(float(_heights(shuffled_s, shuffled, curves, reach, config)[2].max()))
    spread = max(float(np.std(reached)) * math.sqrt(6) / math.pi, 1e-6)
    above = (height - (float(np.mean(reached)) - 0.5772 * spread)) / spread
    return float(-math.expm1(-math.exp(-min(above, 700.0)))) if above > -6 else 1.0


class _Curves:
    """For each kind of event, how much likelier it is at each moment of the video than anywhere: log-likelihood ratios."""

    def __init__(self, broadcast: Broadcast, evidence: Evidence, config: AlignConfig) -> None:
        self._num = max(1, math.ceil(broadcast.duration_s / STEP_S))
        self._grid_s: Floats = np.asarray((np.arange(self._num) + 0.5) * STEP_S, np.float64)
        self._evidence, self._config = evidence, config
        self._scoring = scoring_kinds(broadcast.sport)
        starts = sorted(shot.span.start_s for shot in evidence.shots if shot.span.start_s > 0)
        replays = [shot.span for shot in evidence.shots if shot.replay]
        self._cuts = self._uncut(np.array(starts), replays) if starts else None
        self.digits = any(change.gained is not None for change in evidence.scores)
        self._curve: dict[_Told, Floats] = {}
        self._moments: dict[str, list[_Moments]] = {}

    def piece(self, about: _Told, start: int, num: int) -> Floats:
        """Num steps of the curve of such events from step start on; outside the video the constant _OUTSIDE."""
        curve = self._of(about)
        if start >= 0 and start + num <= self._num:
            return curve[start : start + num]
        found = np.full(num, _OUTSIDE)
        low, high = max(0, start), min(self._num, start + num)
        if low < high:
            found[low - start : high - start] = curve[low:high]
        return found

    def moments(self, kind: str) -> list[_Moments]:
        """What events of the kind leave behind in this video."""
        if kind not in self._moments:
            evidence, found = self._evidence, []
            if kind in self._scoring and evidence.scores:
                middles = [(change.span.start_s + change.span.end_s) / 2 for change in evidence.scores]
                spread_s = 0.2 + float(np.median([change.span.duration_s for change in evidence.scores])) / 3
                gained = np.array([-1 if change.gained is None else change.gained for change in evidence.scores])
                found.append(_Moments("score", np.array(middles), 0.1, spread_s, 0.8, gained))
            said = [u.span.start_s for u in evidence.utterances if mentions(u.text, kind)]
            if said:
                found.append(_Moments("speech", np.array(said), self._config.commentary_lag_s, 0.45, 0.7))
            if evidence.whistles:
                found.append(_Moments("whistles", np.array([span.start_s for span in evidence.whistles]), 0.3, 0.5, 0.4))
            self._moments[kind] = found
        return self._moments[kind]

    def _of(self, about: _Told) -> Floats:
        if about not in self._curve:
            parts = [self._near(moments, about.gained, self._grid_s) for moments in self.moments(about.kind)]
            self._curve[about] = sum(parts, np.zeros(self._num) if self._cuts is None else self._cuts.copy())
        return self._curve[about]

    def _near(self, moments: _Moments, gained: int, at_s: Floats) -> Floats:
        """The curve of moments at some times: a bump before each, and a little less than nothing elsewhere."""
        weights = np.ones(len(moments.times_s))
        if gained >= 0 and moments.gained is not None:
            weights[moments.gained == gained] = 2 * (1 - _MISREAD)
            weights[moments.gained == 1 - gained] = 2 * _MISREAD
        bumps = np.zeros(len(at_s))
        for time_s, weight in zip(moments.times_s - moments.lag_s, weights, strict=True):
            bumps += weight * np.exp(-0.5 * ((at_s - time_s) / moments.spread_s) ** 2)
        bumps *= self._num * STEP_S / (weights.sum() * moments.spread_s * math.sqrt(2 * math.pi))
        return np.asarray(np.log(1 - moments.share + moments.share * bumps))

    def _uncut(self, cuts_s: Floats, replays: Sequence[Span]) -> Floats:
        """The curve of cuts: an event is seen whole, so it lies away from them, and live, so it lies in no replay."""
        after = np.searchsorted(cuts_s, self._grid_s)
        bounds_s = np.concatenate([[-1e9], cuts_s, [1e9]])
        gap_s = np.minimum(self._grid_s - bounds_s[after], bounds_s[after + 1] - self._grid_s)
        away = np.minimum(gap_s, _MAX_CUT_GAP_S)
        for span in replays:
            away[int(span.start_s / STEP_S) : int(span.end_s / STEP_S)] = 0.0
        return np.asarray(np.log(0.1 + 0.9 * away / away.mean()))

    def residuals(self, placed_s: Floats, told: Sequence[_Told]) -> tuple[Floats, float | None]:
        """How far each event lies from the nearest moment of its surest source, and how long after events they are named."""
        far, lags = [], []
        for time_s, about in zip(placed_s, told, strict=True):
            for number, moments in enumerate(self.moments(about.kind)):
                apart_s = moments.times_s - time_s
                nearest = float(apart_s[np.argmin(np.abs(apart_s - moments.lag_s))])
                if abs(nearest - moments.lag_s) <= _MATCH_S:
                    if moments.source == "speech":
                        lags.append(nearest)
                    if number == 0:
                        far.append(abs(nearest - moments.lag_s))
        return np.array(far), round(float(np.median(lags)), 3) if lags else None

    def telling(self, placed_s: Floats, told: Sequence[_Told]) -> tuple[str, ...]:
        """The sources that speak for the fit, the one that says most first."""
        steps = np.clip((placed_s / STEP_S).astype(np.int64), 0, self._num - 1)
        said = {} if self._cuts is None else {"cuts": float(self._cuts[steps].sum())}
        digits = np.zeros(2)
        for step, about in zip(steps, told, strict=True):
            at_s = self._grid_s[step : step + 1]
            for moments in self.moments(about.kind):
                height = float(self._near(moments, -1, at_s)[0])
                said[moments.source] = said.get(moments.source, 0.0) + height
                if self.digits and moments.gained is not None and about.gained >= 0:
                    digits += [float(self._near(moments, about.gained ^ order, at_s)[0]) - height for order in (0, 1)]
        said["digits"] = float(digits.max())
        return tuple(sorted((name for name, height in said.items() if height > 0), key=lambda name: -said[name]))


def mentions(text: str, kind: str) -> bool:
    """Whether a line of commentary names a kind of event: every word of its name, in the singular or plural.

    >>> mentions("Two corners, and now a kick!", "corner_kick"), mentions("A corner.", "corner_kick")
    (True, False)
    """
    said = {word.strip(".,;:!?'\"()").removesuffix("s") for word in text.lower().replace("-", " ").split()}
    return all(word.removesuffix("s") in said for word in label_of(kind).split())


def scoring_kinds(sport: Sport) -> dict[str, int | None]:
    """The kinds of event after which the sport's ledger shows another score, and who gains: 0 for the team that the event names,
    1 for the other, None where that cannot be told; empty for a sport without a ledger.

    >>> scoring_kinds(Sport.SOCCER)
    {'goal': 0, 'own_goal': 1}
    """
    if sport not in known_sports():
        return {}
    ledger = sport_module(sport).ledger
    found: dict[str, int | None] = {}
    for kind in ledger.kinds:
        named = "team" in kind.carries
        state = ledger.midway(("a", "b"))
        try:
            after = ledger.apply(state, ledger.probe(state, kind.kind, "a" if named else None))
        except (ImpossibleEvent, ValueError):
            continue
        pairs = [(getattr(state, name), getattr(after, name)) for name in _SCORES if hasattr(state, name)]
        gained = {side for before, later in pairs for side in (0, 1) if later[side] > before[side]}
        if any(before != later for before, later in pairs):
            found[kind.kind] = gained.pop() if named and len(gained) == 1 else None
    return found
