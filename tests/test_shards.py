"""Shards round-trip, have the same bytes for the same input, and never lose a sample without a word."""

from __future__ import annotations

import pickle
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepsport.errors import UserError
from deepsport.records import Broadcast, Clip, Lesson, Question, StopReason, Trajectory, Turn
from deepsport.taxonomy import AnswerKind, Band, Dimension, DropReason, Split, Sport, Task
from deepsport.timebase import FrameRate, FrameWindow, Span
from export.manifest import manifest_path, read_manifest
from export.samples import count_drops, frames_sample, read_lesson, rl_samples, sft_samples
from export.shards import Sample, ShardConfig, ShardReader, write_shards


def make_samples(count: int, size: int = 700) -> list[Sample]:
    return [Sample(key=f"k{i:03d}", content={"i": i, "a": "é"}, blobs={"mp4": bytes([i]) * (size + i)}) for i in range(count)]


def broadcast(index: int, exportable: bool = True) -> Broadcast:
    return Broadcast(
        broadcast_id=f"broadcast-{index}",
        sport=Sport.SOCCER,
        title="t",
        source_uri="x",
        media_sha256="0",
        size_bytes=1,
        duration_s=10,
        width=640,
        height=360,
        source_rate=FrameRate(num=25),
        proxy_key="p",
        proxy_rate=FrameRate(num=25),
        proxy_num_frames=250,
        has_audio=False,
        exportable=exportable,
        licence="CC0-1.0" if exportable else "all rights reserved",
    )


def thread_of_records(num_lessons: int = 3) -> tuple[list[Lesson], list[Question], list[Trajectory], list[Clip], list[Broadcast]]:
    lessons, questions, trajectories, clips = [], [], [], []
    for i in range(num_lessons):
        owner = f"broadcast-{i % 2}"
        clips.append(
            Clip(
                clip_id=f"clip-{i}",
                broadcast_id=owner,
                sport=Sport.SOCCER,
                span=Span(start_s=0, end_s=6),
                first_frame=0,
                num_frames=150,
                rate=FrameRate(num=25),
            )
        )
        questions.append(
            Question(
                question_id=f"question-{i}",
                clip_id=f"clip-{i}",
                broadcast_id=owner,
                sport=Sport.SOCCER,
                task=Task.COUNTING,
                dimension=Dimension.RECOGNITION,
                text="How many?",
                answer_kind=AnswerKind.NUMBER,
                answers=("2",),
                evidence=FrameWindow(idx_start=3, idx_end=9),
                event_ids=("e",),
                template_id="t",
            )
        )
        trajectories.append(
            Trajectory(
                trajectory_id=f"trajectory-{i}",
                question_id=f"question-{i}",
                clip_id=f"clip-{i}",
                policy="p",
                initial_frames=(0, 9),
                turns=(Turn(text="<think>x</think><answer>2</answer>"),),
                stop=StopReason.ANSWERED,
                answer="2",
                accuracy=1,
            )
        )
        lessons.append(
            Lesson(
                lesson_id=f"lesson-{i}",
                question_id=f"question-{i}",
                broadcast_id=owner,
                sport=Sport.SOCCER,
                task=Task.COUNTING,
                split=Split.TRAIN,
                band=Band.LOOK,
                initial_pass_rate=0,
                evidence_pass_rate=1,
                rank=num_lessons - 1 - i,
            )
        )
    return lessons, questions, trajectories, clips, [broadcast(0), broadcast(1)]


def clip_bytes(clip: Clip) -> bytes:
    return f"mp4 of {clip.clip_id}".encode()


def test_samples_come_back_in_the_order_written(tmp_path: Path) -> None:
    samples = make_samples(7)
    manifest = write_shards(samples, tmp_path, "set", config=ShardConfig(max_samples_per_shard=3))
    assert [shard.num_samples for shard in manifest.shards] == [3, 3, 1]
    reader = ShardReader(manifest_path(tmp_path, "set"))
    assert reader.keys == tuple(sample.key for sample in samples)
    assert len(reader) == 7
    for sample in reversed(samples):
        assert reader.json(sample.key) == sample.content
        assert reader.blob(sample.key, "mp4") == sample.blobs["mp4"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True), st.binary(max_size=1600), max_size=12),
    st.integers(1, 5),
)
def test_any_set_of_bytes_round_trips(blobs: dict[str, bytes], per_shard: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        samples = [Sample(key=key, content={"key": key}, blobs={"bin": blob}) for key, blob in blobs.items()]
        write_shards(samples, Path(folder), "s", config=ShardConfig(max_samples_per_shard=per_shard))
        reader = ShardReader(manifest_path(Path(folder), "s"))
        assert {key: reader.blob(key, "bin") for key in reader.keys} == blobs
        reader.close()


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_shards(make_samples(5), tmp_path / "a", "set")
    second = write_shards(make_samples(5), tmp_path / "b", "set")
    assert first == second
    for shard in first.shards:
        assert (tmp_path / "a" / shard.file).read_bytes() == (tmp_path / "b" / shard.file).read_bytes()


def test_tarfile_sees_plain_ustar_members_without_time_or_owner(tmp_path: Path) -> None:
    write_shards([frames_sample("f", {"n": 2}, [b"one", b"two"])], tmp_path, "set")
    with tarfile.open(tmp_path / "set-000000.tar") as tar:
        members = tar.getmembers()
        assert [member.name for member in members] == ["f.json", "f.0000.jpg", "f.0001.jpg"]
        assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}
        extracted = tar.extractfile("f.0001.jpg")
        assert extracted is not None and extracted.read() == b"two"


def test_webdataset_reads_the_shards(tmp_path: Path) -> None:
    import webdataset

    write_shards(make_samples(5), tmp_path, "set", config=ShardConfig(max_samples_per_shard=2))
    write_shards([frames_sample("f", {}, [b"one", b"two"])], tmp_path, "frames")
    urls = [str(path) for path in sorted(tmp_path.glob("set-*.tar"))]
    got = list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False).decode())
    assert [(sample["__key__"], sample["json"]["i"], len(sample["mp4"])) for sample in got] == [
        (f"k{i:03d}", i, 700 + i) for i in range(5)
    ]
    frames = next(iter(webdataset.WebDataset([str(tmp_path / "frames-000000.tar")], shardshuffle=False, empty_check=False)))
    assert (frames["0000.jpg"], frames["0001.jpg"]) == (b"one", b"two")


def test_a_second_run_asks_for_no_sample_and_writes_nothing(tmp_path: Path) -> None:
    first = write_shards(make_samples(4), tmp_path, "set", inputs=["a", "b"], stage_hash="s")
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    second = write_shards(iter(()), tmp_path, "set", inputs=["a", "b"], stage_hash="s")
    assert second == first
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times


@pytest.mark.parametrize(
    "change", [{"inputs": ["a", "c"]}, {"stage_hash": "t"}, {"config": ShardConfig(max_samples_per_shard=9)}]
)
def test_other_inputs_or_settings_are_written_again(tmp_path: Path, change: dict[str, object]) -> None:
    same: dict[str, object] = {"inputs": ["a", "b"], "stage_hash": "s"}
    write_shards(make_samples(4), tmp_path, "set", **same)  # type: ignore[arg-type]
    assert write_shards(make_samples(2), tmp_path, "set", **{**same, **change}).num_samples == 2  # type: ignore[arg-type]


def test_shards_that_are_no_longer_listed_are_removed(tmp_path: Path) -> None:
    write_shards(make_samples(6), tmp_path, "set", config=ShardConfig(max_samples_per_shard=2))
    write_shards(make_samples(6), tmp_path, "set-2", config=ShardConfig(max_samples_per_shard=2))
    write_shards(make_samples(1), tmp_path, "set")
    assert sorted(path.name for path in tmp_path.glob("set-0*.tar")) == ["set-000000.tar"]
    assert len(ShardReader(manifest_path(tmp_path, "set-2"))) == 6


def test_a_damaged_shard_is_written_again(tmp_path: Path) -> None:
    first = write_shards(make_samples(4), tmp_path, "set", inputs=["a"])
    shard = tmp_path / first.shards[0].file
    shard.write_bytes(shard.read_bytes()[:-700])
    assert write_shards(make_samples(4), tmp_path, "set", inputs=["a"]) == first
    assert len(ShardReader(manifest_path(tmp_path, "set"))) == 4


def test_an_error_in_the_middle_leaves_the_old_set_and_no_temporary_file(tmp_path: Path) -> None:
    write_shards(make_samples(2), tmp_path, "set")

    def broken() -> bytes:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        write_shards([*make_samples(3), Sample(key="x", content={}, blobs={"mp4": broken})], tmp_path, "set")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set-000000.tar", "set.manifest.json"]
    assert len(ShardReader(manifest_path(tmp_path, "set"))) == 2


def test_a_cut_shard_is_named_and_not_skipped(tmp_path: Path) -> None:
    manifest = write_shards(make_samples(6), tmp_path, "set", config=ShardConfig(max_samples_per_shard=3))
    shard = tmp_path / manifest.shards[1].file
    shard.write_bytes(shard.read_bytes()[:-1024])
    for verify in (True, False):
        with pytest.raises(UserError, match=r"set-000001\.tar.*deepsport export"):
            ShardReader(manifest_path(tmp_path, "set"), verify=verify)


def test_one_altered_byte_is_found(tmp_path: Path) -> None:
    manifest = write_shards(make_samples(3), tmp_path, "set")
    shard = tmp_path / manifest.shards[0].file
    data = bytearray(shard.read_bytes())
    data[1600] ^= 1
    shard.write_bytes(data)
    with pytest.raises(UserError, match="sha256"):
        ShardReader(manifest_path(tmp_path, "set"))


def test_an_altered_header_is_found_even_without_the_hash(tmp_path: Path) -> None:
    manifest = write_shards(make_samples(3), tmp_path, "set")
    shard = tmp_path / manifest.shards[0].file
    data = bytearray(shard.read_bytes())
    data[0] ^= 1
    shard.write_bytes(data)
    with pytest.raises(UserError, match="no tar header at byte 0"):
        ShardReader(manifest_path(tmp_path, "set"), verify=False)


def test_a_missing_manifest_or_shard_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="deepsport export"):
        ShardReader(manifest_path(tmp_path, "set"))
    manifest = write_shards(make_samples(3), tmp_path, "set")
    (tmp_path / manifest.shards[0].file).unlink()
    with pytest.raises(UserError, match="missing"):
        ShardReader(manifest_path(tmp_path, "set"))


def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    write_shards(make_samples(1), tmp_path, "set")
    path = manifest_path(tmp_path, "set")
    path.write_text(path.read_text().replace("set-000000.tar", "../set-000000.tar"))
    with pytest.raises(UserError, match="outside"):
        ShardReader(path)


def test_a_reader_can_be_pickled(tmp_path: Path) -> None:
    write_shards(make_samples(3), tmp_path, "set")
    reader = ShardReader(manifest_path(tmp_path, "set"))
    reader.blob("k001", "mp4")
    copy = pickle.loads(pickle.dumps(reader))
    assert copy.blob("k002", "mp4") == reader.blob("k002", "mp4")


@pytest.mark.parametrize("key", ["a.b", "", "../x", "a/b", "x" * 81])
def test_a_key_that_tar_or_webdataset_would_misread_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        write_shards([Sample(key=key, content={}, blobs={})], tmp_path, "set")


def test_a_key_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="twice"):
        write_shards([*make_samples(2), *make_samples(1)], tmp_path, "set")


def test_sft_samples_follow_the_curriculum_and_carry_the_trajectory(tmp_path: Path) -> None:
    lessons, questions, trajectories, clips, broadcasts = thread_of_records()
    kept = sft_samples(lessons, questions, trajectories, clips, broadcasts, clip_bytes)
    manifest = write_shards(kept.items, tmp_path, "sft")
    reader = ShardReader(manifest_path(tmp_path, "sft"))
    assert reader.keys == ("trajectory-2", "trajectory-1", "trajectory-0")
    sample = read_lesson(reader, "trajectory-1")
    assert (sample.lesson, sample.question, sample.clip) == (lessons[1], questions[1], clips[1])
    assert sample.trajectory == trajectories[1]
    assert reader.blob("trajectory-1", "mp4") == b"mp4 of clip-1"
    assert manifest.licences == {"CC0-1.0": 3}


def test_rl_samples_carry_no_trajectory(tmp_path: Path) -> None:
    lessons, questions, _, clips, broadcasts = thread_of_records()
    kept = rl_samples(lessons, questions, clips, broadcasts, clip_bytes)
    write_shards(kept.items, tmp_path, "rl")
    reader = ShardReader(manifest_path(tmp_path, "rl"))
    assert set(reader.json("lesson-0")) == {"lesson", "question", "clip", "title", "licence", "rights"}
    assert read_lesson(reader, "lesson-0").trajectory is None


def test_a_broadcast_that_may_not_leave_is_dropped_with_its_reason(tmp_path: Path) -> None:
    lessons, questions, trajectories, clips, broadcasts = thread_of_records()
    broadcasts[0] = broadcast(0, exportable=False)
    for kept in (
        sft_samples(lessons, questions, trajectories, clips, broadcasts, clip_bytes),
        rl_samples(lessons, questions, clips, broadcasts, clip_bytes),
    ):
        assert len(kept.items) == 1
        assert count_drops(kept.drops) == {DropReason.NO_LICENCE: 2}
        manifest = write_shards(kept.items, tmp_path, "set", drops=count_drops(kept.drops))
        assert manifest.licences == {"CC0-1.0": 1}
        assert read_manifest(manifest_path(tmp_path, "set")).drops == {DropReason.NO_LICENCE: 2}


def test_no_sample_at_all_gives_an_empty_set(tmp_path: Path) -> None:
    assert write_shards([], tmp_path, "set").shards == ()
    assert len(ShardReader(manifest_path(tmp_path, "set"))) == 0
