"""A contact sheet: one picture with a captioned frame for all that a viewer of a simulated broadcast gets to see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from deepsport.sports.base import describe
from deepsport.taxonomy import Transition
from deepsport.timebase import Span
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import GraphicKind, Scene

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = 6
_WIDTH, _HEIGHT, _LABEL, _GAP = 256, 144, 20, 6
_INK, _FAINT, _GREEN = (30, 34, 40), (110, 116, 124), (22, 130, 66)


_SCENES = {Scene.CROWD: "the crowd", Scene.COACH: "a coach", Scene.CLOSE: "a player", Scene.GRAPHIC: "a graphic"}


class Moment(NamedTuple):
    """A frame worth showing."""

    frame_index: int
    caption: str
    is_event: bool = False


def moments_of(broadcast: SimulatedBroadcast) -> list[Moment]:
    """Every shot, event, replayed event, gradual transition, graphic over play and flash, each by one frame, in order of time."""
    truth = broadcast.truth

    def middle(span: Span) -> int:
        return truth.rate.frame_at((span.start_s + span.end_s) / 2)

    moments = [Moment(middle(event.evidence), describe(event), is_event=True) for event in truth.events]
    moments += [
        Moment(middle(replay.evidence), f"replay: {describe(truth.events[replay.event_index])}", is_event=True)
        for replay in truth.replays
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


def contact_sheet(broadcast: SimulatedBroadcast, max_moments: int = 60) -> Image:
    """The first moments of a broadcast as a picture, COLUMNS across; events are framed in green."""
    from PIL import Image, ImageDraw, ImageFont

    moments = moments_of(broadcast)[:max_moments]
    rows = -(-len(moments) // COLUMNS)
    cell = _WIDTH + _GAP, _HEIGHT + _LABEL + _GAP
    sheet = Image.new("RGB", (COLUMNS * cell[0] + _GAP, rows * cell[1] + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for number, moment in enumerate(moments):
        left, top = _GAP + number % COLUMNS * cell[0], _GAP + number // COLUMNS * cell[1]
        picture = Image.fromarray(broadcast.frame(moment.frame_index)).resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)
        sheet.paste(picture, (left, top))
        if moment.is_event:
            draw.rectangle((left, top, left + _WIDTH - 1, top + _HEIGHT - 1), outline=_GREEN, width=3)
        caption = f"{broadcast.rate.time_s(moment.frame_index):.1f} s  {moment.caption}"
        draw.text((left + 2, top + _HEIGHT + 2), caption, _GREEN if moment.is_event else _FAINT, font)
    return sheet.quantize(224, dither=Image.Dither.NONE)
