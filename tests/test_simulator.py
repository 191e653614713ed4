"""The simulator: the same bytes for the same arguments, a truth that holds, and events that a tiny model can read."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from deepsport.errors import UserError
from deepsport.records import Event
from deepsport.sports import sport_module
from deepsport.taxonomy import Sport
from deepsport.timebase import FrameWindow
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.files import simulate
from ingest.simulator.looks import KITS
from ingest.simulator.schedule import FILMED, Scene, SimulatorConfig, show_of
from ingest.simulator.sound import SOUNDS_DIR, lines, speech
from ingest.simulator.truth import read_truth

SPORTS = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)
"""Whose pictures may never change without a purpose; FILMED are all that are played."""
ZONES = ("left", "centre", "right")


def evidence_of(broadcast: SimulatedBroadcast, event: Event) -> FrameWindow:
    window = broadcast.rate.window_of(event.evidence, broadcast.num_frames)
    assert window is not None
    return window


@pytest.mark.parametrize("sport", SPORTS)
def test_frames_depend_on_the_arguments_alone(sport: Sport) -> None:
    first, second = SimulatedBroadcast(sport, 4, 30), SimulatedBroadcast(sport, 4, 30)
    inside = evidence_of(first, first.events[1]).idx_start + 3
    wanted = [0, inside, 700, 333]
    forwards = {i: first.frame(i) for i in wanted}
    for index in reversed(wanted):
        assert forwards[index].shape == (360, 640, 3) and forwards[index].dtype == np.uint8
        assert np.array_equal(forwards[index], second.frame(index))
    assert not np.array_equal(forwards[0], SimulatedBroadcast(sport, 5, 30).frame(0))
    assert first.events == second.events and first.utterances == second.utterances


@pytest.mark.parametrize("sport", SPORTS)
def test_frames_are_drawn_the_same_on_any_machine(sport: Sport) -> None:
    """A seed's pictures may change only on purpose. Compared coarsely: another OpenCV may smooth an edge another way."""
    broadcast = SimulatedBroadcast(sport, 0, 20)
    frame = broadcast.frame(evidence_of(broadcast, broadcast.events[0]).idx_start + 5)
    coarse = frame.reshape(4, 90, 4, 160, 3).mean(axis=(1, 3))
    expected = json.loads((Path(__file__).parent / "data" / "simulator_frames.json").read_text())[sport]
    assert np.abs(coarse - np.array(expected)).max() < 1.5


def test_planning_a_broadcast_loads_no_drawing_library() -> None:
    program = (
        "import sys; from deepsport.taxonomy import Sport; from ingest.simulator.broadcast import SimulatedBroadcast;"
        "SimulatedBroadcast(Sport.TENNIS, 0, 60).utterances; print({'cv2', 'av', 'torch'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=True)
    assert result.stdout.strip() == "set()"


def test_a_frame_outside_the_broadcast_is_an_error() -> None:
    broadcast = SimulatedBroadcast(Sport.SOCCER, 0, 20)
    for index in (-1, broadcast.num_frames):
        with pytest.raises(IndexError, match="of a broadcast of 500 frames"):
            broadcast.frame(index)


def test_a_sport_it_does_not_play_and_a_broadcast_too_short_are_refused() -> None:
    with pytest.raises(UserError, match="does not play gymnastics"):
        SimulatedBroadcast(Sport.GYMNASTICS, 0, 20)
    with pytest.raises(UserError, match="holds no play"):
        SimulatedBroadcast(Sport.SOCCER, 0, 4)


@pytest.mark.parametrize("duration_s", [5.6, 9.96, 61.04, 300])
@pytest.mark.parametrize("sport", FILMED)
def test_shots_cover_the_broadcast_and_every_play_is_one_shot_with_its_event_inside(sport: Sport, duration_s: float) -> None:
    for seed in range(5):
        broadcast = SimulatedBroadcast(sport, seed, duration_s)
        spans = [shot.span for shot in broadcast.shots]
        assert spans[0].start_s == 0 and spans[-1].end_s == pytest.approx(duration_s, abs=1e-9)
        assert all(a.end_s == b.start_s for a, b in pairwise(spans))
        assert min(span.duration_s for span in spans) >= 0.6 - 1e-9
        assert len(broadcast.plays) == len(broadcast.events)
        for play, event in zip(broadcast.plays, broadcast.events, strict=True):
            assert play.span in spans and 5.6 - 1e-9 <= play.span.duration_s <= 7.6
            assert play.span.start_s + 0.9 < event.evidence.start_s <= event.time_s < event.evidence.end_s < play.span.end_s
            assert 0.44 - 1e-9 <= event.evidence.duration_s <= 0.52 + 1e-9


@pytest.mark.parametrize("sport", FILMED)
def test_the_kinds_are_the_core_kinds_of_the_sport_and_the_play_is_legal(sport: Sport) -> None:
    module = sport_module(sport)
    assert show_of(sport).kinds == module.core_kinds
    for seed in range(10):
        broadcast = SimulatedBroadcast(sport, seed, 240)
        assert module.legal_events(broadcast.events).drops == []
        assert all(event.team in broadcast.teams for event in broadcast.events)


def test_points_of_a_rally_sport_replay_to_the_score_that_the_bug_shows() -> None:
    for sport in (Sport.TENNIS, Sport.VOLLEYBALL):
        ledger = sport_module(sport).ledger
        for seed in range(10):
            broadcast = SimulatedBroadcast(sport, seed, 120)
            states = broadcast.schedule.states
            assert ledger.states(states[0], broadcast.events) == list(states[1:])


def test_only_goals_change_the_score_of_a_soccer_match() -> None:
    for seed in range(20):
        broadcast = SimulatedBroadcast(Sport.SOCCER, seed, 120)
        for event, before, after in zip(broadcast.events, broadcast.schedule.states, broadcast.schedule.states[1:], strict=False):
            scored = [after.score[i] - before.score[i] for i in (0, 1)]
            assert scored == [int(event.kind == "goal" and event.team == team) for team in broadcast.teams]


@pytest.mark.parametrize("sport", FILMED)
def test_nothing_about_an_event_can_be_guessed_from_the_rest(sport: Sport) -> None:
    """Kind, team, zone and number are even, and no two of them hang together (chi-square per degree of freedom near 1)."""
    broadcasts = [SimulatedBroadcast(sport, seed, 60) for seed in range(250)]
    events = [event for broadcast in broadcasts for event in broadcast.events]
    facts = {
        "kind": [e.kind for e in events],
        "side": [str(b.teams.index(str(e.team))) for b in broadcasts for e in b.events],
        "team": [str(e.team) for e in events],
        "zone": [str(e.zone) for e in events],
        "number": [str(e.num_players) for e in events],
    }
    for name, values in facts.items():
        counts = Counter(values)
        even = len(values) / len(counts)
        assert max(abs(c - even) for c in counts.values()) < 0.25 * even, name
    varied = [name for name in ("kind", "side", "zone", "number") if len(set(facts[name])) > 1]
    for one, other in combinations(varied, 2):
        pairs, a, b = Counter(zip(facts[one], facts[other], strict=True)), Counter(facts[one]), Counter(facts[other])
        expected = {(x, y): a[x] * b[y] / len(events) for x in a for y in b}
        freedom = (len(a) - 1) * (len(b) - 1)
        chi = sum((pairs[key] - e) ** 2 / e for key, e in expected.items()) / freedom
        # Five standard deviations: among so many pairs of so many sports, three will be passed by chance.
        assert chi < (3.0 if sport in SPORTS else 1 + 5 * (2 / freedom) ** 0.5), (one, other, chi)


@pytest.mark.parametrize("sport", FILMED)
def test_eight_frames_spread_over_a_play_show_the_event_about_half_of_the_time(sport: Sport) -> None:
    seen = []
    for seed in range(60):
        broadcast = SimulatedBroadcast(sport, seed, 120)
        for play, event in zip(broadcast.plays, broadcast.events, strict=True):
            window = broadcast.rate.window_of(play.span, broadcast.num_frames)
            assert window is not None
            seen.append(any(evidence_of(broadcast, event).contains(i) for i in window.uniform(8)))
    assert 0.45 < np.mean(seen) < 0.60


@pytest.mark.parametrize("sport", FILMED)
def test_the_event_is_on_the_frames_of_its_evidence_and_on_no_other(sport: Sport) -> None:
    broadcast = SimulatedBroadcast(sport, 8, 60, SimulatorConfig(noise=0, score_bug=False))
    most = 32 if sport is Sport.DIVING else 20  # a diver falls through a tile in a few frames
    for event in broadcast.events[:4]:
        window = evidence_of(broadcast, event)
        first, last = window.idx_start, window.idx_end

        def change(a: int, b: int) -> float:
            """Largest change of a tile of 40x40 pixels, in grey levels; a slow pan and small players change a tile little."""
            tiles = [broadcast.frame(i).reshape(9, 40, 16, 40, 3).mean(axis=(1, 3)) for i in (a, b)]
            return float(np.abs(tiles[0] - tiles[1]).max())

        appears, vanishes = change(first - 1, first), change(last, last + 1)
        assert min(appears, vanishes) > 40
        assert max(change(first - 2, first - 1), change(last + 1, last + 2)) < most
        assert max(change(i, i + 1) for i in range(first + 2, last - 2)) < most


@pytest.mark.parametrize("sport", FILMED)
def test_lines_are_spoken_after_their_events_and_never_overlap(sport: Sport) -> None:
    kind_of = {line.text: line.kind for line in lines()}
    num_events = num_told = 0
    for seed in range(10):
        broadcast = SimulatedBroadcast(sport, seed, 120)
        utterances = broadcast.utterances
        assert all(a.span.end_s + 0.2 < b.span.start_s for a, b in pairwise(utterances))
        assert utterances[-1].span.end_s <= 120
        for utterance in utterances:
            if (kind := kind_of[utterance.text]) is not None:
                lags = {e.kind: utterance.span.start_s - e.time_s for e in broadcast.events if e.time_s < utterance.span.start_s}
                assert 0.3 - 1e-9 <= lags[kind] <= 1.0 + 1e-9  # the latest event of that kind
                num_told += 1
        num_events += len(broadcast.events)
    assert num_told > 0.95 * num_events


def test_speech_stands_out_of_the_crowd_just_where_the_truth_says() -> None:
    broadcast = SimulatedBroadcast(Sport.TENNIS, 2, 60)
    sound, quiet = broadcast.audio(), SimulatedBroadcast(Sport.TENNIS, 2, 60, SimulatorConfig(commentary=False)).audio()
    assert sound.dtype == np.float32 and sound.shape == (60 * 16_000,) and np.abs(sound).max() <= 1
    level = lambda samples: float(np.sqrt(np.mean(samples**2)))  # noqa: E731
    assert 0.003 < level(quiet) < 0.05
    spoken = np.zeros(len(sound), bool)
    for utterance in broadcast.utterances:
        start, end = (round(s * 16_000) for s in (utterance.span.start_s, utterance.span.end_s))
        spoken[start:end] = True
        assert level(sound[start:end]) > 3 * level(quiet[start:end])
    assert level((sound - quiet)[~spoken]) < 0.01 * level((sound - quiet)[spoken]) + 1e-4


def test_every_line_of_the_bank_is_there_as_its_index_says() -> None:
    assert len(lines()) >= 300 and len({line.voice for line in lines()}) >= 6
    counts = Counter((line.sport, line.kind) for line in lines() if line.kind)
    assert set(counts) == {(sport, kind) for sport in FILMED for kind in show_of(sport).kinds} and min(counts.values()) >= 8
    for line in lines():
        assert hashlib.sha256((SOUNDS_DIR / f"{line.name}.opus").read_bytes()).hexdigest() == line.sha256, line.name
    assert {path.stem for path in SOUNDS_DIR.glob("*.opus")} == {line.name for line in lines()}
    for line in lines()[::13]:
        assert len(speech(line.name)) / 16_000 == pytest.approx(line.duration_s, abs=0.03)


def test_files_are_the_same_bytes_again_and_hold_the_truth(tmp_path: Path) -> None:
    from deepsport.video import FrameReader, probe, read_audio

    config = SimulatorConfig(noise=3)
    files = simulate(Sport.VOLLEYBALL, 3, 12, tmp_path / "a", config)
    again = simulate(Sport.VOLLEYBALL, 3, 12, tmp_path / "b", config)
    assert [path.name for path in files] == ["volleyball-3.mp4", "volleyball-3.feed.json", "volleyball-3.truth.json"]
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]
    before = files.video.stat().st_mtime_ns
    simulate(Sport.VOLLEYBALL, 3, 12, tmp_path / "a", config)
    assert files.video.stat().st_mtime_ns == before  # nothing was written again

    broadcast = SimulatedBroadcast(Sport.VOLLEYBALL, 3, 12, config)
    feed = json.loads(files.feed.read_text())
    assert read_truth(files.video) == broadcast.truth
    assert read_truth(files.video).states == broadcast.schedule.states
    assert [e["kind"] for e in feed["events"]] == [e.kind for e in broadcast.events]
    info = probe(files.video)
    assert (info.width, info.height, info.rate, info.num_frames) == (640, 360, broadcast.rate, 300)
    with FrameReader(files.video, size=(640, 360)) as reader:
        for index in (0, 150, 299):
            difference = np.abs(reader.frames([index])[0].astype(int) - broadcast.frame(index))
            assert difference.mean() < 6
    assert len(read_audio(files.video)) == pytest.approx(12 * 16_000, abs=2048)


def test_a_truth_that_is_missing_or_of_another_version_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="only simulated videos have a truth"):
        read_truth(tmp_path / "match.mp4")
    (tmp_path / "match.truth.json").write_text('{"format": "deepsport-truth-1"}')
    with pytest.raises(UserError, match="make the broadcast again"):
        read_truth(tmp_path / "match.mp4")


def test_the_score_bug_can_be_switched_off() -> None:
    with_bug = SimulatedBroadcast(Sport.SOCCER, 1, 20).frame(10).astype(int)
    without = SimulatedBroadcast(Sport.SOCCER, 1, 20, SimulatorConfig(score_bug=False)).frame(10)
    changed = np.argwhere(np.abs(with_bug - without).max(axis=2) > 12)
    assert len(changed) > 500 and changed.max(axis=0)[0] < 60 and changed.max(axis=0)[1] < 160


def test_cutaways_show_neither_players_nor_events_and_can_be_left_out() -> None:
    broadcast = SimulatedBroadcast(Sport.SOCCER, 6, 300)
    assert {Scene.CROWD, Scene.COACH} <= {shot.scene for shot in broadcast.schedule.shots}
    plain = SimulatedBroadcast(Sport.SOCCER, 6, 300, SimulatorConfig(cutaway_probability=0))
    assert {shot.scene for shot in plain.schedule.shots[:-1]} == {Scene.WIDE}


def labelled_frames(sports: tuple[Sport, ...], num_frames: int, first_seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames (N, 64, 64, 3) inside and outside evidence, and labels (N, 5): shown?, kind, team, zone, number; -1 where none."""
    import cv2

    rng = np.random.default_rng(first_seed)
    kinds = [kind for sport in sports for kind in show_of(sport).kinds]
    frames, labels = [], []
    seed = first_seed
    while len(frames) < num_frames:
        for sport in sports:
            broadcast = SimulatedBroadcast(sport, seed, 60)
            windows = [evidence_of(broadcast, event) for event in broadcast.events]
            wanted: list[tuple[int, tuple[int, ...]]] = []
            for event, window in zip(broadcast.events, windows, strict=True):
                label = (1, kinds.index(event.kind), list(KITS).index(str(event.team)), ZONES.index(str(event.zone)),
                         int(event.num_players or 0) - 1)
                wanted.append((int(rng.integers(window.idx_start, window.idx_end + 1)), label))
            nothing = (0, -1, -1, -1, -1)
            edges = [windows[0].idx_start - 1, windows[0].idx_end + 1]
            others = [int(i) for i in rng.integers(0, broadcast.num_frames, 7)]
            wanted += [(i, nothing) for i in edges + others if not any(w.contains(i) for w in windows)]
            for index, label in wanted:
                frames.append(cv2.resize(broadcast.frame(index), (64, 64), interpolation=cv2.INTER_AREA))
                labels.append(label)
        seed += 1
    return np.stack(frames[:num_frames]), np.array(labels[:num_frames])


@pytest.mark.parametrize(
    ("num_train", "least"),
    [(2400, (0.99, 0.98, 0.97, 0.98, 0.98)), pytest.param(6000, (0.998, 0.995, 0.99, 0.995, 0.995), marks=pytest.mark.slow)],
)
def test_a_tiny_probe_reads_events_on_broadcasts_it_never_saw(num_train: int, least: tuple[float, ...]) -> None:
    """The eye of the tiny model: 64x64 frames as four patches of 32x32, each linearly mapped to 64 numbers, then one layer."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    sports = (Sport.SOCCER, Sport.TENNIS)
    frames, labels = labelled_frames(sports, num_train, 0)
    held_out, truth = labelled_frames(sports, 600, 100_000)
    mean = frames.mean(axis=0)

    def tensor(batch: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(((batch - mean) / 100).astype(np.float32)).permute(0, 3, 1, 2)

    sizes = [2, 8, 6, 3, 3]
    probe = nn.Sequential(
        nn.Conv2d(3, 64, 32, 32), nn.Flatten(), nn.GELU(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, sum(sizes))
    )
    num_steps = 12 * num_train // 64
    optimiser = torch.optim.AdamW(probe.parameters(), 2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=num_steps)
    inputs, targets = tensor(frames), torch.from_numpy(labels)
    for _ in range(num_steps):
        rows = torch.randint(0, num_train, (64,))
        heads = probe(inputs[rows]).split(sizes, 1)
        loss = sum(nn.functional.cross_entropy(head, targets[rows, i], ignore_index=-1) for i, head in enumerate(heads))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        heads = [head.argmax(1).numpy() for head in probe(tensor(held_out)).split(sizes, 1)]
    shown = truth[:, 0] == 1
    accuracy = [float((heads[0] == truth[:, 0]).mean())]
    accuracy += [float((heads[i] == truth[:, i])[shown].mean()) for i in range(1, 5)]
    print("event, kind, team, zone, number:", *(f"{a:.4f}" for a in accuracy))
    assert all(a >= b for a, b in zip(accuracy, least, strict=True)), accuracy
