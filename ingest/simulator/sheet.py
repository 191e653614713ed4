"""A contact sheet: one picture with a captioned frame for all that a viewer of a simulated broadcast gets to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from deepsport.records import Event
from deepsport.sports.base import State, label_of
from deepsport.taxonomy import Transition
from deepsport.timebase import Span
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import GraphicKind, Scene, show_of
from ingest.simulator.truth import Truth

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = 6
CELL = (262, 203)
"""Pixels of a frame with its three lines, and the gap to the next."""
HEADING = 46
_WIDTH, _HEIGHT, _LINE, _GAP = 256, 144, 17, 6
_INK, _FAINT, _GREEN = (30, 34, 40), (110, 116, 124), (22, 130, 66)


_SCENES = {Scene.CROWD: "the crowd", Scene.COACH: "a coach", Scene.CLOSE: "a player", Scene.GRAPHIC: "a graphic"}


class Moment(NamedTuple):
    """A frame worth showing."""

    frame_index: int
    caption: str
    is_event: bool = False
    more: str = ""
    """Of an event: where it is seen, who takes part, and what the rules make of it."""


def moments_of(broadcast: SimulatedBroadcast) -> list[Moment]:
    """Every shot, event, replayed event, gradual transition, graphic over play and flash, each by one frame, in order of time."""
    truth = broadcast.truth

    def middle(span: Span) -> int:
        return truth.rate.frame_at((span.start_s + span.end_s) / 2)

    moments = [
        Moment(middle(event.evidence), _named(event), True, f"{_seen(event)}{_decided(truth, index)}")
        for index, event in enumerate(truth.events)
    ]
    moments += [
        Moment(middle(replay.evidence), f"replay: {_named(event)}", True, _seen(event))
        for replay in truth.replays
        for event in (truth.events[replay.event_index],)
    ]
    for shot, scene in zip(truth.shots, truth.scenes, strict=True):
        if shot.transition_span is not None:
            # A little beside the middle, where a fade is black.
            beside = 3 if shot.transition is Transition.FADE else 0
            moments.append(Moment(middle(shot.transition_span) + beside, str(shot.transition)))
        if scene not in (Scene.WIDE, Scene.REPLAY):
            moments.append(Moment(middle(shot.span), _SCENES[scene]))
    shown = {GraphicKind.LOWER_THIRD: "a name", GraphicKind.TABLE: "a table over the play"}
    moments += [
        Moment(middle(graphic.span), shown[graphic.kind])
        for graphic in truth.graphics
        if graphic.kind in shown and broadcast.shot_at(middle(graphic.span)).scene is Scene.WIDE  # a face has its name anyway
    ]
    moments += [Moment(truth.rate.frame_at(flash.start_s), "flash") for flash in truth.flashes]
    return sorted(moments)


def _named(event: Event) -> str:
    return ", ".join(part for part in (label_of(event.kind), event.team) if part)


def _seen(event: Event) -> str:
    count = {None: None, 1: "1 player"}.get(event.num_players, f"{event.num_players} players")
    return ", ".join(part for part in (event.zone, count) if part)


def _decided(truth: Truth, index: int) -> str:
    """What follows from an event by the rules and for whom, or else the score that it leads to."""
    show, event, (before, after) = show_of(truth.sport), truth.events[index], truth.states[index : index + 2]
    winner = show.ledger.apply(before, event).winner  # the state after it may be that of the next match
    if winner is not None:
        return f": {truth.teams[winner]} wins the match"
    consequence = show.ledger.consequence(event, truth.teams)
    if consequence is not None:
        return f": {consequence.team} {consequence.what}"
    return f": {_standing(truth, after)}" if show.score_words(after) != show.score_words(before) else ""


def _standing(truth: Truth, state: State) -> str:
    words = show_of(truth.sport).score_words(state)
    return ", ".join(f"{team} {' '.join(each.split())}" for team, each in zip(truth.teams, words, strict=True))


def heading_of(truth: Truth, num_shown: int, num_moments: int) -> tuple[str, str]:
    """What a sheet shows and how the match stands at the end of the film; and how its captions are to be read."""
    first, second = truth.teams
    part = "" if num_shown == num_moments else f"; its first {num_shown} moments of {num_moments}"
    return (
        f"{label_of(truth.sport)} {truth.seed}: {first} v {second}, {truth.num_frames / truth.rate.fps:.0f} s{part}; "
        f"score at the end of the film ({show_of(truth.sport).score_unit}): {_standing(truth, truth.states[-1])}",
        "In green, events as the truth has them: time, what and who makes it; where in the picture, how many players make it, "
        "and what follows by the rules. In grey, the rest of the film.",
    )


def wrapped(text: str, width: float, length_of: Callable[[str], float]) -> list[str]:
    """A text in lines no longer than the width, parted between words.

    >>> wrapped("left, 2 players: red is rid of the attack", 20, len)
    ['left, 2 players: red', 'is rid of the attack']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and length_of(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def contact_sheet(broadcast: SimulatedBroadcast, max_moments: int = 60) -> Image:
    """The first moments of a broadcast as a picture, COLUMNS across, under a heading; events are framed in green."""
    from PIL import Image, ImageDraw, ImageFont

    every = moments_of(broadcast)
    moments = every[:max_moments]
    rows = -(-len(moments) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL[0] + _GAP, HEADING + rows * CELL[1] + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    title, legend = heading_of(broadcast.truth, len(moments), len(every))
    draw.text((_GAP + 2, _GAP), title, _INK, ImageFont.load_default(size=15))
    draw.text((_GAP + 2, _GAP + 20), legend, _FAINT, font)
    for number, moment in enumerate(moments):
        left, top = _GAP + number % COLUMNS * CELL[0], HEADING + number // COLUMNS * CELL[1]
        picture = Image.fromarray(broadcast.frame(moment.frame_index)).resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)
        sheet.paste(picture, (left, top))
        if moment.is_event:
            draw.rectangle((left, top, left + _WIDTH - 1, top + _HEIGHT - 1), outline=_GREEN, width=3)
        caption = f"{broadcast.rate.time_s(moment.frame_index):.1f} s  {moment.caption}"
        lines = [line for text in (caption, moment.more) for line in wrapped(text, _WIDTH - 2, font.getlength)]
        for row, text in enumerate(lines):
            draw.text((left + 2, top + _HEIGHT + 2 + row * _LINE), text, _GREEN if moment.is_event else _FAINT, font)
    return sheet.quantize(224, dither=Image.Dither.NONE)
