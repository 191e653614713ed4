"""``deepsport show``: a page of what ingest made of a broadcast tells all of it once, opens offline, and runs nothing."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from deepsport.records import Broadcast, Clip, ClockFit, Event, Shot, Utterance
from deepsport.taxonomy import CameraKind, DropReason, Sport, Transition
from deepsport.timebase import FrameRate, Span
from deepsport.video import write_video
from export.broadcast_page import BroadcastView, render_broadcast, strips_of
from export.report import clock, encode_picture
from flows.cli import main
from flows.simulation import make_broadcasts
from ingest.probe import drop_of
from ingest.simulator.schedule import SimulatorConfig
from ingest.simulator.truth import read_truth

NASTY = "<script>alert(1)</script>\" onload='x' & {{ 617*4 }}"
RATE = FrameRate(num=25)
GREY = encode_picture(np.full((90, 160, 3), 128, np.uint8))


def broadcast(duration_s: float = 60.0, **given: object) -> Broadcast:
    return Broadcast(
        broadcast_id="b1",
        sport=Sport.SOCCER,
        title=NASTY,
        source_uri=f"/films/{NASTY}",
        media_sha256="0" * 64,
        size_bytes=1,
        duration_s=duration_s,
        width=1280,
        height=720,
        source_rate=RATE,
        proxy_key="proxies/b1.mp4",
        proxy_rate=RATE,
        proxy_num_frames=round(25 * duration_s),
        has_audio=True,
        **given,
    )


def shot(number: int, start_s: float, end_s: float, **given: object) -> Shot:
    transition = given.pop("transition", Transition.CUT)
    span = Span(start_s=start_s, end_s=end_s)
    return Shot(shot_id=f"s{number}", broadcast_id="b1", shot_index=number, span=span, transition=transition, **given)


def view(**given: object) -> BroadcastView:
    shots = (
        shot(0, 0, 20, transition=Transition.START, camera=CameraKind.WIDE),
        shot(1, 20, 31, camera=CameraKind.CLOSE),
        shot(2, 31, 60, transition=Transition.WIPE, replay=True, replay_of="s0"),
    )
    said = Utterance(
        utterance_id="u1", broadcast_id="b1", span=Span(start_s=21, end_s=23), text=NASTY, avg_logprob=-0.2, no_speech_prob=0.1
    )
    event = Event(
        event_id="e1",
        broadcast_id="b1",
        sport=Sport.SOCCER,
        kind="foul",
        time_s=20.0,
        evidence=Span(start_s=19.8, end_s=20.4),
        team=NASTY,
    )
    fit = ClockFit(
        clock_fit_id="f1",
        broadcast_id="b1",
        feed_uri=NASTY,
        period=None,
        offset_s=1.5,
        rate=1.005,
        num_events=9,
        num_matched=7,
        residual_s=None,
        residual_p90_s=None,
        uncertainty_s=0.1,
        chance=0.0,
        rival=0.9,
        commentary_lag_s=None,
        evidence=("cuts",),
        refusal=NASTY,
    )
    clip = Clip(
        clip_id="c1",
        broadcast_id="b1",
        sport=Sport.SOCCER,
        span=Span(start_s=10, end_s=40),
        first_frame=250,
        num_frames=750,
        rate=RATE,
    )
    drops = [drop_of("transcribe", f"b1@{i}", DropReason.LOW_CONFIDENCE_SPEECH, NASTY) for i in range(203)]
    whole = {
        "broadcast": broadcast(repairs=(NASTY,), feed_uri=NASTY, licence=NASTY, exportable=False),
        "shots": shots,
        "utterances": (said,),
        "events": (event,),
        "clips": (clip,),
        "clock_fits": (fit,),
        "drops": drops,
        "pictures": {"s0": GREY, "s1": GREY},
    }
    return BroadcastView(**(whole | given))


def test_the_page_tells_everything_and_runs_nothing(parse: Callable[[str], Any]) -> None:
    text = render_broadcast(view())
    assert text == render_broadcast(view()), "the same bytes each time"
    page = parse(text)
    assert not page.all_of("script") and not page.all_of("link") and "<script>" not in text
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    sources = [attrs["src"] or "" for attrs in page.all_of("img")]
    assert [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).width for source in sources] == [160, 160]
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert [attrs["href"] for attrs in page.all_of("a")] == ["#s0"], "nothing leads outside"
    assert len(page.all_of("div", "none")) == 1, "a shot without a picture has its place"
    for told in ("0:20.0 cut · close · 11.0 s", "0:31.0 wipe · other · 29.0 s · replay of 0:00.0", "low confidence speech 203",
                 "… and 3 more", f"no: {NASTY}", f"Put right on the way in: {NASTY}", "not for export", "+0.50 %",
                 "7 of 9"):  # fmt: skip
        assert told in page.text, told
    assert "{{ 617*4 }}" in page.text and "2468" not in page.text


def test_what_happens_and_is_said_stands_at_its_shot_once() -> None:
    figures = re.findall(r"<figure id=\"(s\d)\">(.*?)</figure>", render_broadcast(view()), re.DOTALL)
    lines = {name: re.findall(r"<p class=\"(\w+)\"><time>([\d:.]+)", figure) for name, figure in figures}
    assert lines == {"s0": [], "s1": [("event", "0:20.0"), ("said", "0:21.0")], "s2": []}


def test_the_timeline_draws_each_thing_in_every_strip_that_it_lies_in(parse: Callable[[str], Any]) -> None:
    page = parse(render_broadcast(view()))
    assert len(page.all_of("svg")) == 2, "two strips of 30 s"
    kinds = {"k-wide": 1, "k-close": 2, "k-other": 1, "replay": 1, "said": 1, "clip": 2}
    assert {kind: len(page.all_of("rect", kind)) for kind in kinds} == kinds
    assert len(page.all_of("circle", "event")) == 1
    left = {attrs["class"]: float(attrs["x"] or 0) for attrs in page.all_of("rect")[:2]}
    assert left["k-close"] - left["k-wide"] == pytest.approx(938 * 20 / 30, abs=0.2)


def test_a_broadcast_without_anything_has_a_page(parse: Callable[[str], Any]) -> None:
    nothing = dict.fromkeys(("shots", "utterances", "events", "clips", "clock_fits", "drops"), ())
    page = parse(render_broadcast(view(broadcast=broadcast(0.0), pictures={}, **nothing)))
    assert "it came without a feed" in page.text and "Left out" not in page.text


@given(st.floats(0, 1e5))
def test_strips_cover_the_film_without_gap_and_are_few(duration_s: float) -> None:
    strips = strips_of(duration_s)
    assert strips[0].start_s == 0 and strips[-1].end_s >= duration_s > (strips[-1].start_s if duration_s else -1)
    assert all(one.end_s == other.start_s for one, other in pairwise(strips))
    assert len(strips) <= 20 or strips[0].duration_s == 600


@given(st.floats(0, 1e5))
def test_a_clock_reads_the_seconds(seconds: float) -> None:
    parts = [float(part) for part in clock(seconds).split(":")]
    assert sum(part * 60**power for power, part in enumerate(reversed(parts))) == pytest.approx(seconds, abs=0.0501)
    assert all(part < 60 for part in parts[1:])


# ------------------------------------------------------------------------------------------------------------ the command


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_the_command_shows_a_film_as_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], parse: Callable[[str], Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPSPORT_WORKSPACE", str(tmp_path / "w"))
    quiet = ("--set", "ingest.transcription=false")
    (tmp_path / "w").mkdir()
    assert call("show", *quiet) == 2
    assert "nothing was ingested with recipe tiny as it is set; begin with deepsport ingest FOLDER" in capsys.readouterr().err
    manifest = make_broadcasts(tmp_path / "films", {Sport.TENNIS: 1}, 15.0, 3, SimulatorConfig(commentary=False))
    write_video(tmp_path / "films" / "grey.mp4", [np.full((90, 160, 3), i, np.uint8) for i in range(150)], RATE)
    assert call("ingest", str(manifest), str(tmp_path / "films"), *quiet) == 0
    capsys.readouterr()
    assert call("show", "w/../films/tennis-3.mp4", "tennis 3", *quiet) == 0
    shown = capsys.readouterr().out.strip()
    path = Path(shown.partition(": ")[2])
    assert shown.count("\n") == 0 and list(path.parent.iterdir()) == [path], "named twice, shown once"
    page, truth = parse(path.read_text()), read_truth(tmp_path / "films" / "tennis-3.mp4")
    assert len(page.all_of("circle", "event")) == len(truth.events) > 0
    assert len(page.all_of("img")) == len(page.all_of("figure")) > 1
    assert call("show", *quiet) == 0
    assert len(list(path.parent.iterdir())) == 2 and "grey: " in capsys.readouterr().out
    (tmp_path / "link").symlink_to(tmp_path / "films")
    assert call("show", "link/grey.mp4", *quiet) == 0 and capsys.readouterr().out.startswith("grey: ")
    assert call("show", "grey", *quiet, "--set", "ingest.proxy.gop=2") == 2
    assert "name the recipe and settings of what there is" in capsys.readouterr().err
    assert call("show", "final", *quiet) == 2
    assert "final: no broadcast of that id, title or path was ingested; there are grey, tennis" in capsys.readouterr().err
    page_of_grey = next(page for page in path.parent.iterdir() if page != path)
    page_of_grey.unlink()
    page_of_grey.mkdir()
    assert call("show", "grey", *quiet) == 2 and "move away what is in its way" in capsys.readouterr().err
    page_of_grey.rmdir()
    tennis = next((tmp_path / "w" / "media" / "proxies").glob(f"{path.stem}-*.mp4"))
    size = tennis.stat().st_size
    with tennis.open("r+b") as file:
        file.truncate(size - size // 5)
    assert call("show", "tennis 3", *quiet) == 0
    assert re.search(r"tennis 3: without [1-9] of \d+ pictures", capsys.readouterr().err)
    assert parse(path.read_text()).all_of("img"), "what lies before the cut is shown"
    for proxy in (tmp_path / "w" / "media" / "proxies").iterdir():
        proxy.unlink()
    assert call("show", "grey", *quiet) == 0
    told = capsys.readouterr()
    assert re.search(r"grey: without (\d+) of \1 pictures: .* is lost or damaged; delete it and ingest again", told.err)
    assert parse(Path(told.out.strip().partition(": ")[2]).read_text()).all_of("div", "none")
