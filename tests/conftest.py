"""Fixtures that several rooms share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

# A busy machine is slow, not wrong: laws are checked without a deadline.
hypothesis.settings.register_profile("deepsport", deadline=None)
hypothesis.settings.load_profile("deepsport")

if TYPE_CHECKING:
    from annotate.label_studio import Server


@pytest.fixture(scope="session")
def label_studio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A running Label Studio on an empty data directory (about a minute), and that directory."""
    import os
    import socket

    from annotate import label_studio
    from deepsport.errors import UserError

    venv = Path(os.environ.get(label_studio.VENV_VARIABLE) or Path(__file__).parents[1] / label_studio.DEFAULT_VENV)
    try:
        label_studio.find_program(venv)
    except UserError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data_dir = tmp_path_factory.mktemp("label-studio")
    try:
        server = label_studio.start(data_dir, tmp_path_factory.mktemp("review"), port=port, venv=venv)
        yield server, data_dir
    finally:
        label_studio.stop(data_dir)


@pytest.fixture(scope="session")
def sports_world():
    """A function that makes a broadcast of plays as records: (sport, name, seed, num_plays) -> (clips, events). No media."""
    import random

    from deepsport.records import Clip, Event
    from deepsport.sports import sport_module
    from deepsport.timebase import FrameRate, Span

    def make(sport, name, seed=0, num_plays=12, first_share=0.2, last_share=0.8):
        rng = random.Random(f"{sport}/{name}/{seed}")
        teams = rng.sample(("red", "blue", "yellow", "white", "orange", "purple"), 2)
        rate, clips, events, frame = FrameRate(num=25), [], [], 0
        for number in range(num_plays):
            num_frames = rng.randint(125, 175)
            span = Span(start_s=rate.time_s(frame), end_s=rate.time_s(frame + num_frames))
            length = rng.randint(12, 18)
            first = frame + rng.randint(round(first_share * num_frames), round(last_share * num_frames) - length)
            clips.append(Clip(clip_id=f"clip-{name}-{number}", broadcast_id=name, sport=sport, span=span, first_frame=frame,
                              num_frames=num_frames, rate=rate))
            events.append(Event(
                event_id=f"event-{name}-{number}", broadcast_id=name, sport=sport,
                kind=rng.choice(sport_module(sport).core_kinds), time_s=rate.time_s(first),
                evidence=Span(start_s=rate.time_s(first), end_s=rate.time_s(first + length)),
                team=rng.choice(teams), zone=rng.choice(("left", "centre", "right")), num_players=rng.randint(1, 3)))
            frame += num_frames
        return clips, events

    return make


@pytest.fixture(scope="session")
def numbered_film():
    """Frames that carry their number as ten black or white squares: ``draw(number, width, height)`` and ``read(frame)``."""
    from types import SimpleNamespace

    import numpy as np

    def draw(number, width=64, height=48):
        frame = np.full((height, width, 3), 128, np.uint8)
        down, across = height // 2, width // 5
        for bit in range(10):
            row, column = divmod(bit, 5)
            value = 255 if number >> bit & 1 else 0
            frame[row * down : (row + 1) * down, column * across : (column + 1) * across] = value
        return frame

    def read(frame):
        down, across = frame.shape[0] // 2, frame.shape[1] // 5
        squares = frame[down // 2 :: down, across // 2 :: across][:2, :5].mean(-1).reshape(-1) > 128
        return int((squares << np.arange(10)).sum())

    return SimpleNamespace(draw=draw, read=read, frames=lambda count, *size: (draw(i, *size) for i in range(count)))
