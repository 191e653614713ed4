"""Broadcasts filmed and cut as on television: what the truth says of cuts, mixes, replays and flashes is what the pixels show."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from deepsport.errors import UserError
from deepsport.sports import sport_module
from deepsport.taxonomy import CameraKind, Sport, Transition
from deepsport.timebase import FrameRate, FrameWindow, Span
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.files import simulate
from ingest.simulator.schedule import FILMED, NTSC, GraphicKind, Production, Scene, SimulatorConfig, show_of
from ingest.simulator.sheet import CELL, COLUMNS, HEADING, contact_sheet, heading_of, moments_of, wrapped
from ingest.simulator.truth import Truth, read_truth

SPORTS = (Sport.SOCCER, Sport.TENNIS, Sport.VOLLEYBALL)
CLEAN = SimulatorConfig(production=Production.BROADCAST, noise=0, score_bug=False)


@lru_cache(maxsize=8)
def filmed(sport: Sport, seed: int, duration_s: float, config: SimulatorConfig = CLEAN) -> SimulatedBroadcast:
    return SimulatedBroadcast(sport, seed, duration_s, config)


def many(duration_s: float = 120, config: SimulatorConfig = CLEAN) -> list[SimulatedBroadcast]:
    return [filmed(sport, seed, duration_s, config) for sport in SPORTS for seed in range(6)]


def window(broadcast: SimulatedBroadcast | Truth, span: Span) -> FrameWindow:
    found = broadcast.rate.window_of(span, broadcast.num_frames)
    assert found is not None
    return found


def small(broadcast: SimulatedBroadcast, index: int) -> np.ndarray:
    """A frame as 9x16 tiles of 40x40 pixels, their mean colours as floats."""
    return broadcast.frame(index).reshape(9, 40, 16, 40, 3).mean(axis=(1, 3))


def change(broadcast: SimulatedBroadcast, a: int, b: int) -> float:
    """Largest change of a tile, in grey levels."""
    return float(np.abs(small(broadcast, a) - small(broadcast, b)).max())


def test_the_same_arguments_give_the_same_truth_and_pictures_in_any_order() -> None:
    config = SimulatorConfig(production=Production.BROADCAST)
    first, second = (SimulatedBroadcast(Sport.TENNIS, 6, 60, config) for _ in range(2))
    assert first.truth.model_dump_json() == second.truth.model_dump_json()
    mixes = [frames.idx_start + 3 for _, frames in first.truth.gradual]
    wanted = [0, *mixes, window(first, first.replays[0].evidence).idx_start, 1499]
    forwards = {index: first.frame(index) for index in wanted}
    assert all(np.array_equal(forwards[index], second.frame(index)) for index in reversed(wanted))


def test_shots_cover_the_broadcast_and_begin_in_the_middle_of_their_mixes() -> None:
    seen = set()
    for broadcast in many():
        truth = broadcast.truth
        assert truth.shots[0].span.start_s == 0 and truth.shots[-1].span.end_s == pytest.approx(120, abs=1e-9)
        mixed_until = -1
        for before, shot in pairwise(truth.shots):
            assert before.span.end_s == shot.span.start_s and shot.span.duration_s > 1
            assert (shot.transition_span is None) == (shot.transition is Transition.CUT)
            if shot.transition_span is not None:
                frames = window(broadcast, shot.transition_span)
                begin = broadcast.rate.frame_at(shot.span.start_s)
                assert abs(frames.idx_start + frames.idx_end - 2 * begin) <= 1 and 10 <= frames.num_frames <= 26
                assert frames.idx_start > mixed_until + 5  # something of every shot is shown by itself
                mixed_until = frames.idx_end
            seen.add(shot.transition)
        assert truth.scenes.count(Scene.REPLAY) == len(truth.replays)
        seen |= set(truth.scenes) | {graphic.kind for graphic in truth.graphics}
    assert seen >= {Transition.CUT, Transition.DISSOLVE, Transition.FADE, Transition.WIPE} | set(Scene) | set(GraphicKind)


def test_mixes_flashes_and_graphics_keep_clear_of_events_and_of_one_another() -> None:
    for broadcast in many():
        truth = broadcast.truth
        shown = [event.evidence for event in truth.events] + [replay.evidence for replay in truth.replays]
        mixes = [shot.transition_span for shot in truth.shots if shot.transition_span is not None]
        drawn = [graphic.span for graphic in truth.graphics if graphic.kind is not GraphicKind.FULL_SCREEN]
        for spans in (mixes + drawn + list(truth.flashes), shown + mixes):
            ordered = sorted(spans, key=lambda span: span.start_s)
            assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(ordered))
        for other in mixes + drawn + list(truth.flashes):
            assert not any(other.overlaps(evidence) for evidence in shown)
        for flash in truth.flashes:  # a flash is no cut: it lies within one shot
            assert any(shot.span.start_s < flash.start_s and flash.end_s < shot.span.end_s for shot in truth.shots)


def test_a_replay_is_linked_to_its_live_shot_and_shows_its_event_between_wipes() -> None:
    num_replays = 0
    for broadcast in many():
        truth = broadcast.truth
        by_id = {shot.shot_id: shot for shot in truth.shots}
        for replay in truth.replays:
            shot, event = truth.shots[replay.shot_index], truth.events[replay.event_index]
            assert shot.replay and shot.replay_of is not None and shot.transition is Transition.WIPE
            live = by_id[shot.replay_of]
            assert live.span.start_s < event.evidence.start_s < event.evidence.end_s < live.span.end_s <= shot.span.start_s
            assert shot.span.start_s < replay.evidence.start_s < replay.evidence.end_s < shot.span.end_s
            slowed = event.evidence.duration_s / replay.speed
            assert replay.evidence.duration_s == pytest.approx(slowed, abs=0.05) and replay.speed in (0.5, 1.0)
            assert truth.shots[replay.shot_index + 1].transition is Transition.WIPE
            num_replays += 1
        replays = {replay.shot_index for replay in truth.replays}
        assert all(shot.replay_of is None and not shot.replay for n, shot in enumerate(truth.shots) if n not in replays)
    assert num_replays > 20


@pytest.mark.parametrize("sport", SPORTS)
def test_an_event_is_seen_in_its_evidence_and_in_its_replay_and_nowhere_else(sport: Sport) -> None:
    """Where its object stands (centre of its third, above the players) nothing jumps but when the truth says so."""
    broadcast = filmed(sport, 3, 36)
    truth = broadcast.truth
    shown = [window(broadcast, event.evidence) for event in truth.events]
    shown += [window(broadcast, replay.evidence) for replay in truth.replays]
    for frames in shown:
        first, last = frames.idx_start, frames.idx_end
        assert min(change(broadcast, first - 1, first), change(broadcast, last, last + 1)) > 40
        assert max(change(broadcast, first - 3, first - 1), change(broadcast, last + 1, last + 3)) < 25
        assert change(broadcast, first + 3, last - 3) < 36
    known = [*shown, *(frames for _, frames in truth.gradual)]
    known += [window(broadcast, span) for span in (*truth.flashes, *(graphic.span for graphic in truth.graphics))]
    starts = [broadcast.rate.frame_at(shot.span.start_s) for shot in truth.shots]
    near = lambda i: any(w.idx_start - 1 <= i <= w.idx_end + 1 for w in known) or any(abs(i - s) <= 1 for s in starts)  # noqa: E731
    quiet = [i for i in range(1, truth.num_frames, 3) if not near(i)]
    assert len(quiet) > 100
    assert max(change(broadcast, i - 1, i) for i in quiet[::3]) < 25


def test_a_cut_jumps_and_a_flash_comes_back() -> None:
    broadcast = filmed(Sport.SOCCER, 5, 60)
    truth = broadcast.truth
    for cut in truth.cuts:
        assert change(broadcast, cut - 1, cut) > 25
    assert len(truth.flashes) >= 2
    for flash in truth.flashes:
        frames = window(broadcast, flash)
        assert frames.num_frames == 2
        assert broadcast.frame(frames.idx_start).mean() > broadcast.frame(frames.idx_start - 1).mean() + 60
        assert change(broadcast, frames.idx_start - 1, frames.idx_end + 1) < 25


@pytest.mark.parametrize(("sport", "seed"), [(Sport.SOCCER, 5), (Sport.TENNIS, 6)])
def test_mixed_frames_look_like_their_kind(sport: Sport, seed: int) -> None:
    broadcast = filmed(sport, seed, 60)
    kinds = set()
    for kind, frames in broadcast.truth.gradual:
        first, last = frames.idx_start, frames.idx_end
        before, after = broadcast.frame(first - 1).astype(float), broadcast.frame(last + 1).astype(float)
        middle = broadcast.frame((first + last) // 2).astype(float)
        if kind is Transition.DISSOLVE:
            share = ((first + last) // 2 - first + 1) / (frames.num_frames + 1)
            expected = (1 - share) * before + share * after
            assert np.abs(middle - expected).mean() < 0.35 * np.abs(before - after).mean()
        elif kind is Transition.FADE:
            assert middle.mean() < 0.2 * min(before.mean(), after.mean())
        else:  # the new picture on the left, the old one on the right of the band
            assert kind is Transition.WIPE
            left, right = slice(0, 160), slice(480, 640)
            assert np.abs(middle[:, left] - after[:, left]).mean() < np.abs(middle[:, left] - before[:, left]).mean() + 1
            assert np.abs(middle[:, right] - before[:, right]).mean() < np.abs(middle[:, right] - after[:, right]).mean() + 1
        steps = [np.abs(broadcast.frame(i).astype(float) - broadcast.frame(i - 1)).mean() for i in range(first, last + 2)]
        assert max(steps) < 0.6 * sum(steps)  # no single step is a cut
        kinds.add(kind)
    assert len(kinds) >= 2


def test_cameras_and_play_are_as_a_viewer_would_say() -> None:
    for broadcast in many():
        truth = broadcast.truth
        assert sport_module(broadcast.sport).legal_events(truth.events).drops == []
        assert len(truth.plays) == len(truth.events) == len(truth.states) - 1
        for shot, scene in zip(truth.shots, truth.scenes, strict=True):
            wide = scene in (Scene.WIDE, Scene.REPLAY)
            assert (shot.camera is CameraKind.WIDE) == wide
            assert (shot.camera is CameraKind.GRAPHIC) == (scene is Scene.GRAPHIC)


def test_a_broadcast_at_29_97_runs_at_the_true_rate() -> None:
    config = SimulatorConfig(production=Production.BROADCAST, rate=NTSC)
    broadcast = SimulatedBroadcast(Sport.VOLLEYBALL, 1, 60, config)
    assert broadcast.rate == FrameRate(num=30000, den=1001) and broadcast.num_frames == 1798
    assert broadcast.duration_s == pytest.approx(1798 * 1001 / 30000)
    assert all(event.evidence.start_s * 30000 / 1001 == pytest.approx(window(broadcast, event.evidence).idx_start)
               for event in broadcast.events)
    assert len(broadcast.audio()) == round(broadcast.duration_s * 16_000)


def test_settings_of_a_plain_broadcast_count_as_they_did_before_there_was_another() -> None:
    assert {"production", "rate"}.isdisjoint(SimulatorConfig().model_dump())
    assert {"production", "rate"} <= SimulatorConfig(production=Production.BROADCAST, rate=NTSC).model_dump().keys()


def test_any_part_of_the_sound_is_a_part_of_the_whole() -> None:
    broadcast = filmed(Sport.TENNIS, 2, 30, SimulatorConfig())
    whole = broadcast.audio()
    for start, end in ((0, 1), (15_990, 48_013), (479_000, 500_000)):
        assert np.array_equal(broadcast.sound.part(start, end), whole[start:end])


def test_the_file_holds_the_frames_and_the_sound(tmp_path: Path) -> None:
    from deepsport.video import FrameReader, probe, read_audio

    config = SimulatorConfig(production=Production.BROADCAST, rate=NTSC)
    files = simulate(Sport.TENNIS, 6, 9, tmp_path, config)
    broadcast = SimulatedBroadcast(Sport.TENNIS, 6, 9, config)
    info = probe(files.video)
    assert (info.width, info.height, info.rate, info.num_frames) == (640, 360, NTSC, 270)
    with FrameReader(files.video, size=(640, 360)) as reader:
        for index in (0, 70, 150, 269):
            assert np.abs(reader.frames([index])[0].astype(float) - broadcast.frame(index)).mean() < 6
    heard, said = read_audio(files.video), broadcast.audio()
    length = min(len(heard), len(said))
    assert length > 8.9 * 16_000 and np.corrcoef(heard[:length], said[:length])[0, 1] > 0.95
    assert read_truth(files.video) == broadcast.truth


def test_a_film_of_somebody_else_is_left_alone_and_a_killed_run_is_done_again(tmp_path: Path) -> None:
    config = SimulatorConfig(commentary=False)
    video = tmp_path / "tennis-0.mp4"
    video.write_bytes(b"a film of yours")
    with pytest.raises(UserError, match="was not simulated"):
        simulate(Sport.TENNIS, 0, 6, tmp_path, config)
    assert video.read_bytes() == b"a film of yours"
    files = simulate(Sport.TENNIS, 1, 6, tmp_path, config)
    whole = files.video.read_bytes()
    files.truth.unlink()  # as when it was killed just before
    assert simulate(Sport.TENNIS, 1, 6, tmp_path, config) == files and files.video.read_bytes() == whole
    with pytest.raises(UserError, match="a file has that name"):
        simulate(Sport.TENNIS, 1, 6, video / "folder", config)
    for duration_s in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UserError, match="cannot last"):
            simulate(Sport.TENNIS, 1, duration_s, tmp_path, config)


def test_the_contact_sheet_shows_everything_once() -> None:
    broadcast = filmed(Sport.TENNIS, 6, 60)
    truth, moments = broadcast.truth, moments_of(broadcast)
    assert sum(moment.is_event for moment in moments) == len(truth.events) + len(truth.replays)
    captions = [moment.caption for moment in moments]
    assert all(captions.count(str(kind)) == [k for k, _ in truth.gradual].count(kind) for kind in Transition)
    assert captions.count("flash") == len(truth.flashes)
    sheet = contact_sheet(broadcast, max_moments=COLUMNS + 1)
    assert sheet.size == (COLUMNS * CELL[0] + 6, HEADING + 2 * CELL[1] + 6) and np.asarray(sheet.convert("RGB")).std() > 30


@pytest.mark.parametrize("sport", FILMED)
def test_the_contact_sheet_says_what_numbers_mean_and_who_won(sport: Sport) -> None:
    broadcast = filmed(sport, 3, 120)
    truth = broadcast.truth
    show = show_of(sport)
    events = [moment for moment in moments_of(broadcast) if moment.is_event and not moment.caption.startswith("replay")]
    for index, (event, moment) in enumerate(zip(truth.events, events, strict=True)):
        assert str(event.team) in moment.caption and str(event.zone) in moment.more
        assert event.num_players is None or f"{event.num_players} player" in moment.more
        won = show.ledger.apply(truth.states[index], event).winner
        assert won is None or moment.more.endswith(f": {truth.teams[won]} wins the match")
        changed = show.score_words(truth.states[index]) != show.score_words(truth.states[index + 1])
        assert not changed or ": " in moment.more, "the score moves and nobody says for whom"
    font = ImageFont.load_default(size=13)
    for moment in moments_of(broadcast):
        lines = [wrapped(text, 254, font.getlength) for text in (f"999.9 s  {moment.caption}", moment.more)]
        assert sum(map(len, lines)) <= 3 and all(font.getlength(line) <= 254 for part in lines for line in part)
        assert " ".join(lines[1]) == moment.more  # in full
    title, legend = heading_of(truth, 5, 9)
    assert show.score_unit in title and all(team in title for team in truth.teams) and "first 5 moments of 9" in title
    assert "what and who" in legend


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from deepsport.taxonomy import Sport;"
        "from ingest.simulator.files import simulate; from ingest.simulator.schedule import SimulatorConfig;"
        "simulate(Sport.TENNIS, 0, float(sys.argv[1]), Path(sys.argv[2]), SimulatorConfig(production='broadcast'));"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )

    def peak_mb(seconds: float) -> float:
        command = [sys.executable, "-c", program, str(seconds), str(tmp_path / f"{seconds:g}")]
        return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout) / 1024

    short, long = peak_mb(40), peak_mb(160)
    assert long < 300 and long - short < 40, (short, long)  # spoken lines are kept once decoded: about 20 MB
