"""Fixtures that several rooms share."""

from __future__ import annotations

import html.parser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

# A busy machine is slow, not wrong: laws are checked without a deadline.
# The same examples each time: a build must not fail for luck. `pytest --hypothesis-profile=default` looks for new ones.
hypothesis.settings.register_profile("deepsport", deadline=None, derandomize=True)
hypothesis.settings.load_profile("deepsport")

if TYPE_CHECKING:
    from annotate.label_studio import Server
    from flows.recipe import Recipe
    from flows.workspace import Workspace


class Page(html.parser.HTMLParser):
    """An HTML page: its tags with their attributes, and all text. Every element must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._said: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in {"meta", "img", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self._said.append(data)

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    @property
    def attributes(self) -> list[tuple[str, str]]:
        return [pair for _, attributes in self.elements for pair in attributes.items()]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._said).split())

    def all_of(self, tag: str, style: str = "") -> list[dict[str, str]]:
        """Attributes of every such element, of those with that class if one is named."""
        found = [attributes for name, attributes in self.elements if name == tag]
        return [attributes for attributes in found if not style or style in attributes.get("class", "").split()]


@pytest.fixture(scope="session")
def parse() -> Callable[[str], Page]:
    """Reads an HTML page."""
    return Page


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
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Ray cluster of one node with two CPUs on this machine."""
    pytest.importorskip("ray")
    import os
    import socket
    import subprocess
    import sys
    import tempfile
    import time
    from contextlib import closing

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Ray's sockets need a short path.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"]
        command += ["--node-ip-address=127.0.0.1", "--num-cpus=2", "--num-gpus=0", "--include-dashboard=false"]
        command += ["--object-store-memory=100000000", f"--temp-dir={folder}", "--disable-usage-stats"]
        log = tmp_path_factory.mktemp("ray") / "log"
        with log.open("wb") as out:
            node = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"})
        try:
            deadline = time.monotonic() + 300
            while "Ray runtime started" not in log.read_text():
                assert node.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            with closing(socket.create_connection(("127.0.0.1", port), timeout=60)):
                yield f"127.0.0.1:{port}"
        finally:
            node.terminate()
            node.wait(120)


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


@pytest.fixture(scope="session")
def write_film(numbered_film) -> Callable[[Path, int], Path]:
    """Writes a film of so many frames; another number makes another film."""
    from deepsport.timebase import FrameRate
    from deepsport.video import write_video

    def write(path: Path, num_frames: int) -> Path:
        path.parent.mkdir(exist_ok=True)
        write_video(path, numbered_film.frames(num_frames, 320, 180), FrameRate(num=25))
        return path

    return write


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Ingests without listening, however many films are bad. Test files that need another have their own."""
    from flows.recipe import load_recipe

    path = tmp_path_factory.mktemp("recipe") / "bare.toml"
    path.write_text('name = "bare"\nmax_failure_share = 1.0\n[ingest]\ntranscription = false\n')
    return load_recipe(str(path))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty one."""
    from flows.workspace import open_workspace

    return open_workspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def train_world(tmp_path_factory):
    """Four lessons on clips of 40 frames and all that trains on them: shards, episode, tiny models that are made when asked for.

    The picture is green, and in the evidence, frames 14-19, red or blue: which of the two is the question. Its teacher guesses:
    each lesson has a trajectory that looks and is right, one that looks and is wrong, and one that answers at once. So a model
    taught on them calls the tool often, answers differently from rollout to rollout, and cannot do it by heart.
    """
    import io
    from types import SimpleNamespace

    import numpy as np
    from PIL import Image

    from deepsport.agent.environment import Episode, EpisodeConfig
    from deepsport.agent.protocol import question_prompt, render_answer, render_call
    from deepsport.agent.tools import ArrayFrames
    from deepsport.records import Clip, Lesson, Made, Question
    from deepsport.taxonomy import AnswerKind, Band, Dimension, Split, Sport, Task
    from deepsport.timebase import FrameRate, FrameWindow, Span
    from deepsport.video import write_video
    from export.manifest import manifest_path
    from export.samples import LessonSample, frames_sample
    from export.shards import Sample, write_shards

    root = tmp_path_factory.mktemp("train-world")
    episode = EpisodeConfig(initial_frames=4, frames_per_call=3, max_turns=3, max_frames=16)
    evidence, rate, colours = (
        FrameWindow(idx_start=14, idx_end=19),
        FrameRate(num=25),
        {"red": (200, 30, 30), "blue": (30, 30, 200)},
    )
    rl, sft = [], []
    for number in range(4):
        right, wrong = ("red", "blue") if number % 2 else ("blue", "red")
        frames = np.full((40, 64, 64, 3), (30, 160 + 10 * number, 30), np.uint8)
        frames[evidence.idx_start : evidence.idx_end + 1] = colours[right]
        path = root / f"{number}.mp4"
        write_video(path, list(frames), rate)
        clip = Clip(
            clip_id=f"clip-{number}",
            broadcast_id="b",
            sport=Sport.SOCCER,
            span=Span(start_s=0, end_s=1.6),
            first_frame=0,
            num_frames=40,
            rate=rate,
        )
        question = Question(
            question_id=f"question-{number}",
            clip_id=clip.clip_id,
            broadcast_id="b",
            sport=Sport.SOCCER,
            task=Task.TEAM_RECOGNITION,
            dimension=Dimension.RECOGNITION,
            text="In frames 12-20, which team?",
            answer_kind=AnswerKind.CHOICE,
            options=("red", "blue"),
            answers=(right,),
            evidence=evidence,
            event_ids=(),
            template_id="t",
        )
        lesson = Lesson(
            lesson_id=f"lesson-{number}",
            question_id=question.question_id,
            broadcast_id="b",
            sport=Sport.SOCCER,
            task=question.task,
            split=Split.TRAIN,
            band=Band.GLANCE if number == 3 else Band.LOOK,
            initial_pass_rate=0.0,
            evidence_pass_rate=1.0,
            rank=number,
        )
        look = render_call("Look.", FrameWindow(idx_start=12, idx_end=20))
        for name, turns in {"look": (look, right), "guess": (look, wrong), "glance": (right,)}.items():
            played = Episode(question, ArrayFrames(frames), episode)
            for turn in turns:
                played.step(turn if turn == look else render_answer("Seen.", turn))
            content = LessonSample(
                lesson=lesson, question=question, clip=clip, trajectory=played.trajectory(name, Made(step="t"))
            )
            sft.append(Sample(f"{number}-{name}", content.model_dump(mode="json"), {"mp4": path.read_bytes()}))
        rl.append(Sample(lesson.lesson_id, content.model_dump(mode="json", exclude={"trajectory"}), {"mp4": path.read_bytes()}))

    stills = []
    for number in range(30):
        colour = ("red", "blue")[number % 2]
        jpeg = io.BytesIO()
        Image.new("RGB", (64, 64), colours[colour]).save(jpeg, "JPEG")
        content = {"caption": f"{colour} team."}
        if number % 5 == 0:
            prompt, reply = question_prompt(question, 40), render_answer("Seen.", colour)
            caption = f"{colour} team."
            content = {"prompt": prompt, "looks": [[3, 9]], "captions": [[caption, caption]], "replies": [reply]}
        stills.append(frames_sample(f"still-{number}", content, [jpeg.getvalue()] * (2 if number % 5 == 0 else 1)))
    for number, colour in enumerate(("red", "blue")):
        told = {
            "prompt": question_prompt(question, 40),
            "looks": [[3, 9], [12, 16]],
            "captions": [["play", "play"], ["play", f"{colour} team."]],
            "replies": [render_answer("Look.", "not visible"), render_answer("Seen.", colour)],
        }
        stills.append(frames_sample(f"told-{number}", told, []))
    for name, samples in {"rl": rl, "sft": sft, "perception": stills}.items():
        write_shards(samples, root / "shards", name, inputs=[name])

    def tiny(family="qwen3_vl"):
        from train.config import TinyConfig

        return TinyConfig(family=family, hidden_size=32, num_layers=1, vision_size=32, vocabulary_size=768)

    words = [
        f"<|im_start|>user\nFrame 12: {question_prompt(question, 40)}<|im_end|>\n<|im_start|>assistant\n",
        *(turn.text for sample in sft for turn in LessonSample.model_validate(sample.content).trajectory.turns),
    ]

    def base(family="qwen3_vl"):
        from train.models import build_tiny, save

        if not (root / f"base-{family}").exists():
            save(build_tiny(words, tiny(family), seed=0), root / f"base-{family}")
        return root / f"base-{family}"

    def taught(family="qwen3_vl"):
        from train.config import SFTConfig
        from train.sft import run_sft

        config = SFTConfig(num_steps=50, batch_size=6, learning_rate=1e-2, warmup_steps=4)
        out = root / f"taught-{family}"
        return run_sft(config, base(family), manifests["sft"], out, episode=episode, frame_size=(64, 64))

    manifests = {name: manifest_path(root / "shards", name) for name in ("rl", "sft", "perception")}
    return SimpleNamespace(**manifests, episode=episode, frame_size=(64, 64), words=words, tiny=tiny, base=base, taught=taught)
