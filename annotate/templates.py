"""Events to questions, one template a task: the key and the distractors come from the event and the rules, never from a guess.

A question names a *hint* stretch of frames that holds the evidence and reaches a little beyond it; LOCALISATION names two
stretches, one of them true. What is asked is chosen so that the text alone gives nothing away (annotate/blind.py measures
that): keys are shuffled, distractors occur as often as keys, and decoy stretches lie where events lie.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from deepsport.ids import digest, make_id
from deepsport.records import Clip, Drop, Event, Kept, Made, Question, Shot
from deepsport.sports import known_sports, sport_module
from deepsport.sports.base import ZONES, SportModule, Teams, label_of, teams_of
from deepsport.taxonomy import DIMENSION_OF, KIND_OF, DropReason, Task
from deepsport.timebase import FrameWindow

PALETTE: Final = ("red", "blue", "yellow", "white", "orange", "purple")
"""Kit colours that distractors are drawn from when a team is named by its colour."""
ORDINALS: Final = ("first", "second")
"""Options of LOCALISATION: which of the two stretches, in the order of the text."""
_TIME_TOLERANCE_S: Final = 1e-6


class TemplateConfig(BaseModel):
    """What is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[Task, ...] = tuple(Task)
    """Tasks to ask, where the event carries what they need."""
    min_slack_frames: int = Field(default=2, ge=0)
    """The hint reaches at least this many frames beyond the evidence, on each side."""
    max_slack_frames: int = Field(default=10, ge=0)
    """And at most this many."""
    num_options: int = Field(default=4, ge=2)
    """Options of a question whose options are not given by nature (two teams, three sides)."""


DEFAULTS: Final = TemplateConfig()


class _Asked(NamedTuple):
    """What a template fills in; ``evidence``, ids and provenance are the same for all tasks of an event."""

    text: str
    answer: str
    options: tuple[str, ...] = ()
    rule_ids: tuple[str, ...] = ()


class _Scene(NamedTuple):
    """An event in its clip, with all that a template may need."""

    event: Event
    clip: Clip
    module: SportModule
    teams: Teams | None
    kinds: tuple[str, ...]
    """Kinds to choose among."""
    evidence: FrameWindow
    hint: FrameWindow
    others: tuple[FrameWindow, ...]
    """Evidence of the clip's other events."""
    rivals: tuple[Event, ...]
    """The clip's other events."""
    shown_again: tuple[FrameWindow, ...]
    """Replays in the clip in which an event of this kind may be seen."""
    decoy_centre: float | None
    config: TemplateConfig


def ask_broadcast(clips: Sequence[Clip], events: Sequence[Event], config: TemplateConfig = DEFAULTS, seed: int = 0,
                  made: Made | None = None, *, shots: Sequence[Shot] = ()) -> Kept[Question]:
    """All questions about the clips of one broadcast; better than clip by clip, for decoys lie where other events lie.

    Events are paired over the clips, and each lends the other the place of its decoy: whatever places events prefer, the true
    window and the decoy are then equally likely to lie at each. ``made`` gives config hash and code version, if known; shots are
    those of the broadcast.
    """
    centres = _decoy_centres(clips, events, seed)
    items: list[Question] = []
    drops: list[Drop] = []
    for clip in clips:
        kept = ask_questions(clip, events, config, seed, decoy_centres=centres, made=made, shots=shots)
        items += kept.items
        drops += kept.drops
    return Kept(items, drops)


def ask_questions(clip: Clip, events: Sequence[Event], config: TemplateConfig = DEFAULTS, seed: int = 0, *,
                  decoy_centres: Mapping[str, float] | None = None, made: Made | None = None,
                  shots: Sequence[Shot] = ()) -> Kept[Question]:
    """Questions about one clip, whose keys are provable from its events and the rules of its sport.

    events: those of the clip's broadcast (those outside the clip tell which teams play, and which kinds occur).
    decoy_centres: by event id, where in the clip (0 to 1) its decoy window is centred; without one, anywhere.
    shots: of the broadcast; no decoy lies where one of them shows an event of the same kind again.

    Drops: AMBIGUOUS when another event's evidence touches the hint or fits the description; NO_QUESTION when an event has no
    evidence inside the clip, or nothing that could be asked of it. An event of an unknown sport gives neither.
    """
    if clip.sport not in known_sports():
        return Kept([], [])
    module = sport_module(clip.sport)
    teams = teams_of(events)
    occurring = {event.kind for event in events if event.broadcast_id == clip.broadcast_id}
    kinds = tuple(k.kind for k in module.kinds if k.visible and (k.kind in module.core_kinds or k.kind in occurring))
    inside = [(event, window) for event in events if event.broadcast_id == clip.broadcast_id
              and (window := evidence_in(clip, event)) is not None]
    items: list[Question] = []
    drops: list[Drop] = []
    for event, evidence in inside:
        if not clip.span.contains(event.time_s):
            continue  # it belongs to the next clip, and only its edge is seen here
        others = tuple((other, window) for other, window in inside if other is not event)
        reason, detail = _unfit(clip, event, evidence, kinds, [window for _, window in others])
        if reason is not None:
            drops.append(_drop(clip, event, reason, detail))
            continue
        rng = random.Random(f"{seed}/{clip.clip_id}/{event.event_id}")
        hint = _hint(clip, evidence, [window for _, window in others], config, rng)
        scene = _Scene(event, clip, module, teams, kinds, evidence, hint, tuple(w for _, w in others),
                       tuple(e for e, _ in others), replays_of(event, clip, shots, events),
                       (decoy_centres or {}).get(event.event_id), config)
        asked, ambiguous = _ask(scene, seed, made)
        items += asked
        if ambiguous:
            drops.append(_drop(clip, event, DropReason.AMBIGUOUS, f"{Task.LOCALISATION}: the clip holds another such event"))
        if not asked:
            drops.append(_drop(clip, event, DropReason.NO_QUESTION, "the event carries nothing that could be asked"))
    return Kept(items, drops)


def evidence_in(clip: Clip, event: Event) -> FrameWindow | None:
    """The frames of the clip on which the event's evidence is seen; None when there are none."""
    return clip.rate.window_of(event.evidence.shifted(-clip.rate.time_s(clip.first_frame)), clip.num_frames)


def replays_of(event: Event, clip: Clip, shots: Sequence[Shot], events: Sequence[Event]) -> tuple[FrameWindow, ...]:
    """Frames of the clip that replay an event of this event's kind, or one that nobody knows because its live shot was not found.

    shots and events: of the clip's broadcast.
    """
    live = {shot.shot_id: shot.span for shot in shots}
    found = []
    for shot in shots:
        original = live.get(shot.replay_of or "")
        may_show_it = original is None or any(original.overlaps(e.evidence) for e in events if e.kind == event.kind)
        window = clip.rate.window_of(shot.span.shifted(-clip.rate.time_s(clip.first_frame)), clip.num_frames)
        if shot.replay and may_show_it and window is not None:
            found.append(window)
    return tuple(found)


def evidence_is_whole(clip: Clip, event: Event) -> bool:
    """Whether all of the event's evidence lies inside the clip, to within half a frame."""
    start_s = clip.rate.time_s(clip.first_frame)
    end_s = clip.rate.time_s(clip.first_frame + clip.num_frames)
    slack_s = 0.5 / clip.rate.fps + _TIME_TOLERANCE_S
    return event.evidence.start_s >= start_s - slack_s and event.evidence.end_s <= end_s + slack_s


def _unfit(clip: Clip, event: Event, evidence: FrameWindow, kinds: Sequence[str],
           others: Sequence[FrameWindow]) -> tuple[DropReason | None, str]:
    if not evidence_is_whole(clip, event):
        return DropReason.NO_QUESTION, "its evidence reaches beyond the clip"
    if event.kind not in kinds:
        return DropReason.NO_QUESTION, f"nobody could tell a {label_of(event.kind)} from the pictures"
    if any(evidence.tiou(other) > 0 for other in others):
        return DropReason.AMBIGUOUS, "another event happens at the same time"
    return None, ""


def _drop(clip: Clip, event: Event, reason: DropReason, detail: str) -> Drop:
    drop_id = make_id("drop", "ask", clip.clip_id, event.event_id, reason, detail)
    return Drop(drop_id=drop_id, step="ask", item=event.event_id, reason=reason, detail=detail)


def _hint(clip: Clip, evidence: FrameWindow, others: Sequence[FrameWindow], config: TemplateConfig,
          rng: random.Random) -> FrameWindow:
    """The evidence with random slack on both sides, inside the clip and clear of other evidence."""
    before, after = (rng.randint(config.min_slack_frames, config.max_slack_frames) for _ in range(2))
    first = max([0] + [w.idx_end + 1 for w in others if w.idx_end < evidence.idx_start])
    last = min([clip.num_frames - 1] + [w.idx_start - 1 for w in others if w.idx_start > evidence.idx_end])
    return FrameWindow(idx_start=max(first, evidence.idx_start - before), idx_end=min(last, evidence.idx_end + after))


def _ask(scene: _Scene, seed: int, made: Made | None) -> tuple[list[Question], bool]:
    """The questions, and whether a localisation had to be left out because the clip holds another such event."""
    event, clip = scene.event, scene.clip
    found: list[Question] = []
    ambiguous = False
    for task in scene.config.tasks:
        if task is Task.LOCALISATION and any((e.kind, e.team) == (event.kind, event.team) for e in scene.rivals):
            ambiguous = True
            continue
        asked = _fill(task, scene, random.Random(f"{seed}/{clip.clip_id}/{event.event_id}/{task}"))
        if asked is None:
            continue
        template_id = f"{task}.1"
        origin = made or Made(step="ask", config_hash=digest(scene.config))
        found.append(Question(
            question_id=make_id("question", clip.clip_id, event.event_id, template_id, asked.text, asked.options, asked.answer),
            clip_id=clip.clip_id, broadcast_id=clip.broadcast_id, sport=clip.sport, task=task, dimension=DIMENSION_OF[task],
            text=asked.text, answer_kind=KIND_OF[task], options=asked.options, answers=(asked.answer,), evidence=scene.evidence,
            event_ids=(event.event_id,), rule_ids=asked.rule_ids, template_id=template_id,
            made=origin.model_copy(update={"inputs": (clip.clip_id, event.event_id), "seed": seed}),
        ))
    return found, ambiguous


def _fill(task: Task, scene: _Scene, rng: random.Random) -> _Asked | None:
    """One template filled in; None when the event lacks what it needs."""
    event = scene.event
    where = f"n frames {scene.hint.idx_start}-{scene.hint.idx_end}"
    match task:
        case Task.EVENT_RECOGNITION:
            labels = [label_of(kind) for kind in scene.kinds]
            options = _options(label_of(event.kind), (), labels, scene.config.num_options, rng)
            return _Asked(f"I{where}, which event happens?", label_of(event.kind), options) if options else None
        case Task.TEAM_RECOGNITION:
            if event.team is None:
                return None
            options = _team_options(event.team, scene.teams, scene.config.num_options, rng)
            return _Asked(f"I{where}, which team makes the play?", event.team, options) if options else None
        case Task.COUNTING:
            if event.num_players is None:
                return None
            return _Asked(f"I{where}, how many players take part?", str(event.num_players))
        case Task.TACTIC:
            tactics = [tactic.name for tactic in scene.module.tactics]
            if event.tactic in tactics:
                options = _options(event.tactic, (), tactics, scene.config.num_options, rng)
                return _Asked(f"I{where}, how is it played?", event.tactic, options)
            if event.zone not in ZONES:
                return None
            options = _options(event.zone, (), ZONES, len(ZONES), rng)
            return _Asked(f"I{where}, down which side is it played?", event.zone, options)
        case Task.RULE_CONSEQUENCE:
            if event.team is None or scene.teams is None:
                return None
            consequence = scene.module.ledger.consequence(event, scene.teams)
            if consequence is None:
                return None
            options = _options(consequence.team, (), scene.teams, 2, rng)
            text = f"After what happens i{where}, which team {consequence.what}?"
            return _Asked(text, consequence.team, options, consequence.rule_ids)
        case Task.LOCALISATION:
            return _locate(scene, rng)
        case Task.COMMENTARY:
            return _comment(scene, f"I{where}: say one line of live commentary.")


def _options(key: str, always: Sequence[str], pool: Sequence[str], num_options: int, rng: random.Random) -> tuple[str, ...]:
    """The key, those that must be there, and random others of the pool, shuffled; empty when there would be only one."""
    chosen = [key, *(option for option in dict.fromkeys(always) if option != key)]
    rest = [option for option in dict.fromkeys(pool) if option not in chosen]
    chosen += rng.sample(rest, min(len(rest), max(0, num_options - len(chosen))))
    rng.shuffle(chosen)
    return tuple(chosen) if len(chosen) > 1 else ()


def _team_options(team: str, teams: Teams | None, num_options: int, rng: random.Random) -> tuple[str, ...]:
    """Both teams and other kit colours; only the two teams when they are not named by colour, for no other name is plausible."""
    playing = teams if teams is not None else (team,)
    pool = PALETTE if all(name in PALETTE for name in playing) else ()
    return _options(team, playing, pool, num_options, rng)


def _locate(scene: _Scene, rng: random.Random) -> _Asked | None:
    """Two stretches of equal length, one of which holds the event; None when the clip has no room for the other."""
    event, evidence, least = scene.event, scene.evidence, scene.config.min_slack_frames
    tight = FrameWindow(idx_start=max(scene.hint.idx_start, evidence.idx_start - least),
                        idx_end=min(scene.hint.idx_end, evidence.idx_end + least))
    for true in (scene.hint, tight):
        decoy = _decoy(scene, true, rng)
        if decoy is not None:
            pair = [true, decoy]
            rng.shuffle(pair)
            named = label_of(event.kind) + (f" by {event.team}" if event.team else "")
            first, second = (f"in frames {window.idx_start}-{window.idx_end}" for window in pair)
            text = f"The {named} happens either {first} or {second}. In the first or in the second?"
            return _Asked(text, ORDINALS[pair.index(true)], ORDINALS)
    return None


def _decoy(scene: _Scene, true: FrameWindow, rng: random.Random) -> FrameWindow | None:
    """A stretch as long as the true one, apart from it, from all evidence and from what shows such an event again; None when it
    would not be.
    """
    length, num_frames = true.num_frames, scene.clip.num_frames
    if scene.decoy_centre is not None:
        # Slack before and after trade places, so that the decoy sits about its centre as the hint about the evidence.
        ahead = true.idx_end - scene.evidence.idx_end + scene.evidence.num_frames / 2
        start = min(max(0, round(scene.decoy_centre * num_frames - ahead)), num_frames - length)
    else:
        # On a circle of starting places every distance is equally likely from everywhere, so the order tells nothing.
        places = num_frames - length + 1
        if places < 2 * length:
            return None
        start = (true.idx_start + rng.randint(length, places - length)) % places
    decoy = FrameWindow(idx_start=start, idx_end=start + length - 1)
    return None if any(decoy.tiou(window) > 0 for window in (true, *scene.others, *scene.shown_again)) else decoy


def _comment(scene: _Scene, text: str) -> _Asked:
    """Key facts ``team;event``. The options are not shown: they are the facts to tell apart, right and wrong."""
    event = scene.event
    facts = [event.team] if event.team else []
    facts.append(label_of(event.kind))
    rivals = [label_of(kind) for kind in scene.kinds]
    if event.team:
        known = scene.teams or (event.team,)
        rivals += PALETTE if all(name in PALETTE for name in known) else known
    # "goal" is no rival of "goal kick": who says the one says the other.
    rivals = [rival for rival in rivals if rival in facts or not any(f" {rival} " in f" {fact} " for fact in facts)]
    return _Asked(text, ";".join(facts), tuple(rivals))


def _decoy_centres(clips: Sequence[Clip], events: Sequence[Event], seed: int) -> dict[str, float]:
    """For each event, the relative place in its clip of the event it is paired with (by event id, 0 to 1).

    Sorted by place, each is paired with the one half the list away: far apart, and the pairing is mutual. One may be left over.
    """
    places: list[tuple[float, str]] = []
    for clip in clips:
        for event in events:
            if event.broadcast_id == clip.broadcast_id and clip.span.contains(event.time_s):
                window = evidence_in(clip, event)
                if window is not None:
                    places.append(((window.idx_start + window.idx_end + 1) / 2 / clip.num_frames, event.event_id))
    rng = random.Random(f"{seed}/decoys")
    places = [place for _, place in sorted((rng.random(), place) for place in places)]
    if len(places) % 2:
        places.pop()  # it gets a decoy anywhere
    places.sort(key=lambda place: place[0])
    half = len(places) // 2
    return {event_id: places[(rank + half) % len(places)][0] for rank, (_, event_id) in enumerate(places)}
