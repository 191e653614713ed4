"""The gate behind the templates: every key is derived again, from the question's own text, its events and the rules.

It reads the finished question as a stranger would, so a question that was reworded, corrected by hand or damaged in storage is
held to the same proof as a fresh one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from annotate.templates import ORDINALS, evidence_in, evidence_is_whole, replays_of
from deepsport.errors import ImpossibleEvent
from deepsport.ids import make_id
from deepsport.records import Clip, Drop, Event, Kept, Question, Shot
from deepsport.sports import known_sports, sport_module
from deepsport.sports.base import label_of, teams_of
from deepsport.taxonomy import DIMENSION_OF, KIND_OF, AnswerKind, DropReason, Task
from deepsport.timebase import FrameWindow

_STRETCH = re.compile(r"\b(?:in|between) frames (\d+)(?:-| and )(\d+)\b", re.IGNORECASE)


def stretches_in(text: str) -> list[FrameWindow]:
    """The stretches of frames that a question's text names, in order; one that ends before it starts is left out.

    >>> stretches_in("In frames 48-76, which event happens?")
    [FrameWindow(idx_start=48, idx_end=76)]
    """
    pairs = [(int(first), int(last)) for first, last in _STRETCH.findall(text)]
    return [FrameWindow(idx_start=first, idx_end=last) for first, last in pairs if first <= last]


def verify_questions(questions: Sequence[Question], clips: Sequence[Clip], events: Sequence[Event],
                     shots: Sequence[Shot] = ()) -> Kept[Question]:
    """The questions without a fault; the others are dropped as WRONG_KEY, with their faults.

    events, shots: all of the broadcasts that the clips were cut from.
    """
    clip_of = {clip.clip_id: clip for clip in clips}
    by_broadcast: dict[str, list[Event]] = {}
    shots_by_broadcast: dict[str, list[Shot]] = {}
    for shot in shots:
        shots_by_broadcast.setdefault(shot.broadcast_id, []).append(shot)
    for event in events:
        by_broadcast.setdefault(event.broadcast_id, []).append(event)
    items: list[Question] = []
    drops: list[Drop] = []
    for question in questions:
        clip = clip_of.get(question.clip_id)
        broadcast_id = question.broadcast_id
        faults = (verify_question(question, clip, by_broadcast.get(broadcast_id, []), shots_by_broadcast.get(broadcast_id, []))
                  if clip is not None else [f"there is no clip {question.clip_id}"])
        if faults:
            drops.append(Drop(drop_id=make_id("drop", "verify", question.question_id), step="verify", item=question.question_id,
                              reason=DropReason.WRONG_KEY, detail="; ".join(faults)))
        else:
            items.append(question)
    return Kept(items, drops)


def verify_question(question: Question, clip: Clip, events: Sequence[Event], shots: Sequence[Shot] = ()) -> list[str]:
    """What is wrong with a question, in words; empty when its key is proved.

    events, shots: those of the clip's broadcast.
    """
    if question.sport not in known_sports():
        return [f"no rules are known for {question.sport}"]
    mine = [event for event in events if event.event_id in question.event_ids]
    if len(question.event_ids) != 1 or len(mine) != 1:
        return ["it does not stand on exactly one event of the broadcast"]
    event = mine[0]
    faults = _faults_of_form(question, clip)
    window = evidence_in(clip, event)
    if window is None or not evidence_is_whole(clip, event):
        return [*faults, "the evidence does not lie inside the clip"]
    if question.evidence != window:
        faults.append(f"the evidence is {window}, not {question.evidence}")
    others = [(other, seen) for other in events if other is not event and (seen := evidence_in(clip, other)) is not None]
    faults += _faults_of_stretches(question, window, [seen for _, seen in others])
    if question.task is Task.LOCALISATION and any((o.kind, o.team) == (event.kind, event.team) for o, _ in others):
        faults.append("the clip holds another such event")
    if question.task is Task.LOCALISATION:
        decoys = [stretch for stretch in stretches_in(question.text) if stretch.tiou(window) == 0]
        if any(decoy.tiou(again) > 0 for decoy in decoys for again in replays_of(event, clip, shots, events)):
            faults.append("such an event is seen again in the stretch that is not meant")
    key, rule_ids, problem = _key(question, event, events)
    if problem:
        return [*faults, problem]
    if question.answers != (key,):
        faults.append(f"the key is {key!r}, not {', '.join(map(repr, question.answers))}")
    if question.rule_ids != rule_ids:
        faults.append(f"it stands on the rules {rule_ids}, not {question.rule_ids}")
    if question.task is Task.LOCALISATION and _named(event) not in question.text:
        faults.append(f"it does not ask for the {_named(event)}")
    return faults


def _named(event: Event) -> str:
    return label_of(event.kind) + (f" by {event.team}" if event.team else "")


def _faults_of_form(question: Question, clip: Clip) -> list[str]:
    faults = []
    if (question.clip_id, question.broadcast_id, question.sport) != (clip.clip_id, clip.broadcast_id, clip.sport):
        faults.append("it is about another clip")
    if (question.dimension, question.answer_kind) != (DIMENSION_OF[question.task], KIND_OF[question.task]):
        faults.append(f"dimension or kind of answer do not belong to {question.task}")
    if question.evidence.idx_end >= clip.num_frames or any(w.idx_end >= clip.num_frames for w in stretches_in(question.text)):
        faults.append("it names frames beyond the clip")
    if question.answer_kind is AnswerKind.CHOICE:
        folded = [option.casefold() for option in question.options]
        if len(folded) < 2 or len(set(folded)) != len(folded):
            faults.append("the options are not at least two different ones")
        if sum(option in question.answers for option in question.options) != 1:
            faults.append("not exactly one option is the key")
    elif question.options and question.answer_kind is not AnswerKind.TEXT:
        faults.append("it has options, but is no choice")
    return faults


def _faults_of_stretches(question: Question, evidence: FrameWindow, others: Sequence[FrameWindow]) -> list[str]:
    stretches = stretches_in(question.text)
    holding = [s for s in stretches if s.idx_start <= evidence.idx_start and evidence.idx_end <= s.idx_end]
    wanted = 2 if question.task is Task.LOCALISATION else 1
    if len(stretches) != wanted or len(holding) != 1:
        return [f"it must name {wanted} stretches of frames, one of which holds the evidence"]
    faults = []
    if any(stretch.tiou(other) > 0 for stretch in stretches for other in others):
        faults.append("another event can be seen in a stretch it names")
    if question.task is Task.LOCALISATION:
        if stretches[0].num_frames != stretches[1].num_frames or stretches[0].tiou(stretches[1]) > 0:
            faults.append("its two stretches are not apart and of equal length")
        if question.answers != (ORDINALS[stretches.index(holding[0])],):
            faults.append("the key is not the stretch that holds the evidence")
    return faults


def _key(question: Question, event: Event, events: Sequence[Event]) -> tuple[str | None, tuple[str, ...], str]:
    """The key as the event and the rules give it, the rules it stands on, and what forbids the question altogether."""
    match question.task:
        case Task.EVENT_RECOGNITION:
            return label_of(event.kind), (), ""
        case Task.TEAM_RECOGNITION:
            return event.team, (), ""
        case Task.COUNTING:
            return None if event.num_players is None else str(event.num_players), (), ""
        case Task.TACTIC:
            known = event.tactic in [tactic.name for tactic in sport_module(question.sport).tactics]
            return event.tactic if known else event.zone, (), ""
        case Task.COMMENTARY:
            return ";".join(fact for fact in (event.team, label_of(event.kind)) if fact), (), ""
        case Task.LOCALISATION:
            return question.answers[0], (), ""  # held against the evidence by _faults_of_stretches
        case Task.RULE_CONSEQUENCE:
            teams = teams_of(events)
            try:
                consequence = sport_module(question.sport).ledger.consequence(event, teams) if teams else None
            except ImpossibleEvent as error:
                return None, (), str(error)
            if consequence is None:
                return None, (), "the rules do not say what follows"
            if consequence.what not in question.text:
                return None, (), f"it does not ask which team {consequence.what}"
            return consequence.team, consequence.rule_ids, ""
