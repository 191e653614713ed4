"""Perception lessons: what they show, say and answer, held against the simulated broadcasts and their questions."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import flows.perception
from annotate.templates import TemplateConfig
from annotate.verify import stretches_in
from deepsport.agent.protocol import parse_turn, question_prompt, render_answer
from deepsport.agent.scoring import score_answer
from deepsport.ids import make_id
from deepsport.records import Clip, Event, Question
from deepsport.sports.base import describe
from deepsport.taxonomy import Sport, Task
from deepsport.timebase import FrameWindow
from export.shards import Sample
from flows.perception import NOT_VISIBLE, PerceptionConfig, perception_samples

CONFIG = PerceptionConfig(num_broadcasts=6, plays_per_broadcast=4, stills_per_event=1, glance_every=2)


class Exchange(NamedTuple):
    """A lesson with what it is about."""

    sample: Sample
    question: Question
    clip: Clip
    events: list[Event]

    @property
    def content(self) -> dict[str, Any]:
        return dict(self.sample.content)

    @property
    def told(self) -> bool:
        return not self.sample.blobs

    def truth(self, frame: int) -> Event | None:
        """What happens on a frame of the clip, by the broadcast's clock."""
        time_s = self.clip.rate.time_s(self.clip.first_frame + frame) + 1e-6
        return next((event for event in self.events if event.evidence.contains(time_s)), None)

    @property
    def event(self) -> Event:
        (event_id,) = self.question.event_ids
        return next(event for event in self.events if event.event_id == event_id)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return list(perception_samples(CONFIG, TemplateConfig()))


@pytest.fixture(scope="module")
def exchanges(samples: list[Sample]) -> list[Exchange]:
    """All lessons that ask, with the questions they were made from: these are asked once more to find them."""
    about: dict[str, tuple[Question, Clip, list[Event]]] = {}
    ask = flows.perception.ask_broadcast

    def overheard(clips: list[Clip], events: list[Event], *rest: Any) -> Any:
        kept = ask(clips, events, *rest)
        clip_of = {clip.clip_id: clip for clip in clips}
        for question in kept.items:
            for kind in ("told", "glance"):
                about[make_id(kind, question.question_id)] = question, clip_of[question.clip_id], list(events)
        return kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows.perception, "ask_broadcast", overheard)
        again = list(perception_samples(CONFIG, TemplateConfig()))
    assert again == samples, "the same settings give the same lessons"
    return [Exchange(sample, *about[sample.key]) for sample in samples if "replies" in sample.content]


def test_lessons_are_of_all_kinds_tasks_and_sports(samples: list[Sample], exchanges: list[Exchange]) -> None:
    assert len({sample.key for sample in samples}) == len(samples)
    kinds = Counter("still" if "caption" in s.content else "glance" if s.blobs else "told" for s in samples)
    assert set(kinds) == {"still", "glance", "told"} and min(kinds.values()) > 20
    for told in (True, False):
        of_kind = [exchange for exchange in exchanges if exchange.told is told]
        assert {exchange.question.task for exchange in of_kind} == set(Task)
    assert {exchange.question.sport for exchange in exchanges if exchange.told} == set(CONFIG.sports)
    assert {len(exchange.content["looks"]) for exchange in exchanges} == {1, 2, 3}


def test_looks_captions_replies_and_pictures_belong_together(exchanges: list[Exchange]) -> None:
    for exchange in exchanges:
        content = exchange.content
        assert len(content["looks"]) == len(content["captions"]) == len(content["replies"])
        assert [len(look) for look in content["looks"]] == [len(row) for row in content["captions"]]
        assert len(exchange.sample.blobs) == (0 if exchange.told else sum(map(len, content["looks"])))
        assert content["prompt"] == question_prompt(exchange.question, exchange.clip.num_frames)


def test_captions_say_what_each_frame_shows(exchanges: list[Exchange]) -> None:
    said = Counter()
    for exchange in exchanges:
        for look, captions in zip(exchange.content["looks"], exchange.content["captions"], strict=True):
            assert captions == [describe(exchange.truth(frame)) for frame in look]
            said.update(captions)
    assert len(said) > 10 and said[describe(None)] > 0


def test_first_come_the_initial_frames_then_the_stretches_in_question(exchanges: list[Exchange]) -> None:
    for exchange in exchanges:
        first, *more = exchange.content["looks"]
        whole = FrameWindow(idx_start=0, idx_end=exchange.clip.num_frames - 1)
        assert tuple(first) == tuple(whole.uniform(CONFIG.initial_frames))
        if exchange.question.task is Task.LOCALISATION or exchange.told:
            for look, stretch in zip(more, stretches_in(exchange.question.text), strict=False):
                off = CONFIG.second_look_off
                assert stretch.idx_start - off <= look[0] <= look[-1] <= stretch.idx_end + off
        assert all(whole.contains(frame) for look in more for frame in look)


def test_a_reply_names_the_event_only_after_a_frame_of_its_evidence(exchanges: list[Exchange]) -> None:
    ways: Counter[tuple[bool, ...]] = Counter()
    for exchange in exchanges:
        question, named = exchange.question, describe(exchange.event)
        rights = []
        for look, captions, reply in zip(*(exchange.content[name] for name in ("looks", "captions", "replies")), strict=True):
            turn = parse_turn(reply)
            assert turn.error is None and turn.answer is not None and turn.think is not None
            right = score_answer(question, turn.answer) == 1
            assert right == (turn.answer != NOT_VISIBLE) == (named in turn.think)
            if right:
                assert named in captions and any(map(question.evidence.contains, look)), "nobody names what was not shown"
            elif rights or question.task is not Task.LOCALISATION:
                assert named not in captions, "who was shown it says so"
            rights.append(right)
        ways[tuple(rights)] += 1
        assert not any(rights[:-1]), "once it is answered, nothing more is shown"
    assert {(True,), (False, True), (False, False, True)} <= set(ways)


def test_a_ruling_in_its_own_colours_is_the_lesson_it_was_taken_from(exchanges: list[Exchange]) -> None:
    with_ruling = [one for one in exchanges if "ruling" in one.content]
    assert {one.sample.key for one in with_ruling} == {
        one.sample.key for one in exchanges if one.told and one.question.task is Task.RULE_CONSEQUENCE
    }
    answers = Counter()
    for one in with_ruling:
        named, (first, second) = one.event.team, one.question.options
        colours = {"named": named, "other": second if named == first else first, "first": first, "second": second}
        ruling = {part: text.format(**colours) for part, text in one.content["ruling"].items()}
        assert ruling["prompt"] == one.content["prompt"] and ruling["team"] == named
        assert ruling["caption"] == describe(one.event)
        assert one.content["replies"][-1] == render_answer(ruling["thought"], ruling["answer"])
        answers[one.content["ruling"]["answer"]] += 1
    assert answers.keys() == {"{named}", "{other}"}


def test_where_something_happens_is_looked_up_stretch_by_stretch(exchanges: list[Exchange]) -> None:
    places = Counter()
    for exchange in exchanges:
        if exchange.question.task is not Task.LOCALISATION:
            continue
        stretches, replies = stretches_in(exchange.question.text), [parse_turn(reply) for reply in exchange.content["replies"]]
        assert len(replies) >= 2, "no answer from the initial frames, whatever they show"
        for stretch, reply in zip(stretches, replies, strict=False):
            if reply.answer == NOT_VISIBLE:
                assert reply.think == f"{stretch.idx_start}-{stretch.idx_end}: look.", "the stretch that is looked at next"
        assert replies[0].answer == NOT_VISIBLE
        if replies[-1].answer != NOT_VISIBLE:
            assert replies[-1].answer == ("first", "second")[len(replies) - 2]
            places[replies[-1].answer] += 1
    assert min(places["first"], places["second"]) > 2


def test_stills_show_what_their_caption_says(samples: list[Sample]) -> None:
    captions = Counter(str(sample.content["caption"]) for sample in samples if "caption" in sample.content)
    assert captions[describe(None)] > 0 and len(captions) > 5
    for sample in samples:
        for jpeg in sample.blobs.values():
            assert Image.open(io.BytesIO(jpeg)).size == (CONFIG.frame_size, CONFIG.frame_size)


def test_the_same_frame_is_the_same_picture_in_all_lessons_of_a_play(exchanges: list[Exchange]) -> None:
    pictures: dict[tuple[str, int], bytes] = {}
    for exchange in exchanges:
        frames = [frame for look in exchange.content["looks"] for frame in look]
        for frame, jpeg in zip(frames, exchange.sample.blobs.values(), strict=not exchange.told):
            assert pictures.setdefault((exchange.clip.clip_id, frame), jpeg) == jpeg
    assert len({np.asarray(Image.open(io.BytesIO(jpeg))).tobytes() for jpeg in pictures.values()}) > 100


def test_another_seed_gives_other_lessons() -> None:
    config = PerceptionConfig(num_broadcasts=1, plays_per_broadcast=1, sports=(Sport.TENNIS,), glance_every=1)
    configs = [config.model_copy(update={"seed": seed}) for seed in (0, 1)]
    keys = [{sample.key for sample in perception_samples(each, TemplateConfig())} for each in configs]
    assert keys[0] and keys[1] and not keys[0] & keys[1]
