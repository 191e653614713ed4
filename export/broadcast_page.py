"""A broadcast as ingest understood it: shots, words, events and clips on one clock, as an HTML page that opens offline.

Made to be looked through by a person who wants to know whether to trust it. It has no script, asks no other host for anything,
and escapes all text from outside. The same records and pictures give the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from deepsport.records import Broadcast, Clip, ClockFit, Drop, Event, Shot, Utterance
from deepsport.sports.base import describe
from deepsport.timebase import Span
from export.report import clock, page_environment

_STRIP_LENGTHS_S = (30, 60, 120, 300, 600)
"""How much of the film a strip of the timeline shows: the least of these that makes no more strips than `_MAX_STRIPS`."""
_MAX_STRIPS = 20
_WIDTH, _LEFT = 1000.0, 62.0
_LANES = (("shots", 8.0, 22.0), ("speech", 36.0, 12.0), ("events", 54.0, 16.0), ("clips", 76.0, 10.0))
"""Name, top and height of each lane of a strip."""
_HEIGHT = 104.0
_MAX_LEFT_OUT = 200


@dataclass(frozen=True, slots=True)
class BroadcastView:
    """All that is known of one broadcast; every sequence in the order of time."""

    broadcast: Broadcast
    shots: Sequence[Shot]
    utterances: Sequence[Utterance]
    events: Sequence[Event]
    clips: Sequence[Clip]
    clock_fits: Sequence[ClockFit]
    drops: Sequence[Drop]
    pictures: Mapping[str, bytes]
    """A JPEG of each shot by its id; a shot without one shows none."""


@dataclass(frozen=True, slots=True)
class _ShotCard:
    shot: Shot
    jpeg: bytes | None
    original: Shot | None
    """What a replay shows again."""
    lines: tuple[tuple[str, str, str], ...]
    """(``event`` or ``said``, time, text) of what happens and is said from its start to the next one's."""


def render_broadcast(view: BroadcastView) -> str:
    """The page as text."""
    return (
        page_environment()
        .get_template("broadcast.html.jinja")
        .render(
            view=view,
            broadcast=view.broadcast,
            strips=[_strip(view, span) for span in strips_of(view.broadcast.duration_s)],
            cards=list(_cards(view)),
            reasons=Counter(drop.reason.value for drop in view.drops).most_common(),
            left_out=view.drops[:_MAX_LEFT_OUT],
            num_words=sum(len(said.text.split()) for said in view.utterances),
        )
    )


def strips_of(duration_s: float) -> list[Span]:
    """The film in stretches of one length, the last one as long as the others.

    >>> [span.end_s for span in strips_of(70)]
    [30.0, 60.0, 90.0]
    """
    length_s = next((s for s in _STRIP_LENGTHS_S if duration_s <= s * _MAX_STRIPS), _STRIP_LENGTHS_S[-1])
    return [Span(start_s=i * length_s, end_s=(i + 1) * length_s) for i in range(max(1, -int(-duration_s // length_s)))]


def _cards(view: BroadcastView) -> Iterator[_ShotCard]:
    by_id = {shot.shot_id: shot for shot in view.shots}
    moments = [(event.time_s, "event", describe(event)) for event in view.events]
    moments += [(said.span.start_s, "said", said.text) for said in view.utterances]
    moments.sort()
    place = 0
    for number, shot in enumerate(view.shots):
        first, is_last = place, number == len(view.shots) - 1
        while place < len(moments) and (is_last or moments[place][0] < shot.span.end_s):
            place += 1
        yield _ShotCard(
            shot=shot,
            jpeg=view.pictures.get(shot.shot_id),
            original=by_id.get(shot.replay_of or ""),
            lines=tuple((kind, clock(time_s), text) for time_s, kind, text in moments[first:place]),
        )


def _strip(view: BroadcastView, strip: Span) -> Markup:
    """A stretch of the film as an SVG element; what lies behind the film's end is not drawn."""

    def at(time_s: float) -> float:
        return _LEFT + (time_s - strip.start_s) / strip.duration_s * (_WIDTH - _LEFT)

    def bar(lane: int, span: Span, style: str, says: str) -> None:
        seen = span.clipped(strip)
        if seen is None:
            return
        _, top, height = _LANES[lane]
        width = max(1.0, at(seen.end_s) - at(seen.start_s) - 0.6)
        parts.append(
            f'<rect class="{style}" x="{at(seen.start_s):.1f}" y="{top:g}" width="{width:.1f}" height="{height:g}" rx="1.5">'
            f"<title>{escape(says)}</title></rect>"
        )

    parts = [f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{clock(strip.start_s)} to {clock(strip.end_s)}">']
    for step in range(7):
        time_s = strip.start_s + step * strip.duration_s / 6
        anchor = "end" if step == 6 else "middle" if step else "start"
        parts.append(f'<line class="grid" x1="{at(time_s):.1f}" x2="{at(time_s):.1f}" y1="4" y2="{_HEIGHT - 16:g}"/>')
        parts.append(f'<text x="{at(time_s):.1f}" y="{_HEIGHT - 3:g}" text-anchor="{anchor}">{clock(time_s)[:-2]}</text>')
    for name, top, height in _LANES:
        parts.append(f'<text x="0" y="{top + height / 2 + 4:g}">{name}</text>')
    for shot in view.shots:
        style = f"k-{shot.camera.value}" + (" replay" if shot.replay else "")
        bar(0, shot.span, style, f"{clock(shot.span.start_s)} {shot.transition.value}, {shot.camera.value}")
    for said in view.utterances:
        bar(1, said.span, "said", f"{clock(said.span.start_s)} {said.text}")
    for event in view.events:
        if strip.start_s <= event.time_s < strip.end_s:
            _, top, height = _LANES[2]
            parts.append(
                f'<circle class="event" cx="{at(event.time_s):.1f}" cy="{top + height / 2:g}" r="5">'
                f"<title>{clock(event.time_s)} {escape(describe(event))}</title></circle>"
            )
    for clip in view.clips:
        bar(3, clip.span, "clip", f"{clock(clip.span.start_s)} clip {clip.clip_id}")
    return Markup("".join([*parts, "</svg>"]))
