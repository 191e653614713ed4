"""The review form and its two directions, without a server: what a task holds, what a filled form may say, what goes wrong."""

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_sdk.label_interface import LabelInterface
from pydantic import SecretStr
from pytest_httpserver import HTTPServer

from annotate import label_studio
from annotate.label_config import (
    BadForm,
    RejectReason,
    form_fields,
    labelling_config,
    range_of_window,
    read_form,
    task_of,
    window_of_range,
)
from annotate.review import watermark
from annotate.review_server import connect
from deepsport.errors import UserError
from deepsport.records import Broadcast, Clip, Question, Review, Trajectory, Turn, Utterance
from deepsport.taxonomy import DIMENSION_OF, KIND_OF, AnswerKind, Sport, StopReason, Task, Verdict
from deepsport.timebase import FrameRate, FrameWindow, Span

BROADCAST = Broadcast(
    broadcast_id="broadcast-1", sport=Sport.SOCCER, title="Cup <final>", source_uri="a.mp4", media_sha256="0", size_bytes=1,
    duration_s=60, width=640, height=360, source_rate=FrameRate(num=25), proxy_key="p.mp4", proxy_rate=FrameRate(num=25),
    proxy_num_frames=1500, has_audio=True,
)  # fmt: skip
CLIP = Clip(
    clip_id="clip-1", broadcast_id="broadcast-1", sport=Sport.SOCCER, span=Span(start_s=10, end_s=16), first_frame=250,
    num_frames=150, rate=FrameRate(num=25),
)  # fmt: skip


def question(
    task: Task = Task.EVENT_RECOGNITION, answers: tuple[str, ...] = ("goal",), kind: AnswerKind | None = None
) -> Question:
    """One with three options, or as its task is asked; of another kind where a person made it so."""
    kind = kind or KIND_OF[task]
    return Question(
        question_id="question-1", clip_id="clip-1", broadcast_id="broadcast-1", sport=Sport.SOCCER, task=task,
        dimension=DIMENSION_OF[task], text="In frames 48-76, what happens?", answer_kind=kind,
        options=("corner kick", "goal", "foul") if kind is AnswerKind.CHOICE else (), answers=answers,
        evidence=FrameWindow(idx_start=59, idx_end=74), event_ids=("event-1",), template_id="t",
    )  # fmt: skip


A_WINDOW = question(Task.LOCALISATION, ("12-40",), AnswerKind.WINDOW)


def choices(name: str, *values: str) -> dict[str, object]:
    return {"from_name": name, "to_name": "question", "type": "choices", "value": {"choices": list(values)}}


def text(name: str, *values: str) -> dict[str, object]:
    return {"from_name": name, "to_name": "question", "type": "textarea", "value": {"text": list(values)}}


def rating(stars: int) -> dict[str, object]:
    return {"from_name": "difficulty", "to_name": "question", "type": "rating", "value": {"rating": stars}}


def region(start: float, end: float) -> dict[str, object]:
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": ["evidence"]}
    return {"from_name": "evidence", "to_name": "video", "type": "timelinelabels", "value": value}


def test_the_players_frame_60_is_our_frame_59() -> None:
    # measured with burned-in frame numbers: the player's region 60 to 90 says it lasts 31 frames and starts at source frame 59
    assert window_of_range(60, 90, 300) == FrameWindow(idx_start=59, idx_end=89)
    assert window_of_range(60, 90, 300).num_frames == 31
    assert window_of_range(1, 300, 300) == FrameWindow(idx_start=0, idx_end=299)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1), st.integers(0, n - 1))))
def test_windows_survive_the_way_to_the_player_and_back(drawn: tuple[int, int, int]) -> None:
    num_frames, one, other = drawn
    window = FrameWindow(idx_start=min(one, other), idx_end=max(one, other))
    shown = range_of_window(window)
    assert window_of_range(shown["start"], shown["end"], num_frames) == window


def test_an_end_one_frame_past_the_clip_is_its_last_frame() -> None:
    assert window_of_range(140, 151, 150) == FrameWindow(idx_start=139, idx_end=149)


@pytest.mark.parametrize(
    ("start", "end"), [(0, 5), (6, 5), (140, 152), (151, 151), (1.5, 3), (1, float("nan")), (1, float("inf")), (-3, 4)]
)
def test_ranges_outside_the_clip_are_refused(start: float, end: float) -> None:
    with pytest.raises(BadForm, match="evidence"):
        window_of_range(start, end, 150)


def test_the_form_is_a_valid_labelling_configuration() -> None:
    LabelInterface(labelling_config()).validate()


def test_the_forms_choices_are_our_vocabularies() -> None:
    form = LabelInterface(labelling_config())
    assert set(form.get_control("verdict").labels) == set(Verdict)
    assert set(form.get_control("reject_reason").labels) == set(RejectReason)
    assert form.get_control("difficulty").attr["maxRating"] == "5"


def test_hotkeys_of_the_form_are_distinct() -> None:
    import re

    hotkeys = re.findall(r'hotkey="(.)"', labelling_config())
    assert len(hotkeys) == len(set(hotkeys)) == 10


def test_the_page_for_curators_names_every_key_of_the_form() -> None:
    import re

    page = (Path(__file__).parents[1] / "docs" / "review.md").read_text()
    choices_of_form = re.findall(r'<Choice value="([^"]+)" hotkey="(.)"', labelling_config())
    assert len(choices_of_form) == 9
    for value, key in choices_of_form:
        assert f"`{key}` {value}" in page or f"| `{key}` | **{value}**" in page


def test_a_task_fills_every_field_of_the_form_and_no_other_than_the_id() -> None:
    task = task_of(question(), CLIP, BROADCAST, video_path="clips/clip-1.mp4")
    assert form_fields() == task["data"].keys() - {"external_id"}
    assert LabelInterface(labelling_config()).validate_task({"data": task["data"]})


def test_a_task_proposes_the_evidence_and_never_a_verdict() -> None:
    (prediction,) = task_of(question(), CLIP, BROADCAST, video_path="clips/clip-1.mp4")["predictions"]
    assert [r["from_name"] for r in prediction["result"]] == ["evidence"]
    assert prediction["result"][0]["value"]["ranges"] == [{"start": 60, "end": 75}]


def test_a_task_shows_the_transcript_on_the_clips_clock() -> None:
    def said(start: float, end: float, words: str, broadcast_id: str = "broadcast-1") -> Utterance:
        return Utterance(
            utterance_id=words, broadcast_id=broadcast_id, span=Span(start_s=start, end_s=end), text=words, avg_logprob=0,
            no_speech_prob=0,
        )  # fmt: skip

    utterances = [said(15, 19, "later"), said(9, 11, "first"), said(2, 4, "before"), said(12, 13, "elsewhere", "broadcast-2")]
    data = task_of(question(), CLIP, BROADCAST, video_path="c.mp4", utterances=utterances)["data"]
    assert [(line["text"], line["start"], line["end"]) for line in data["transcript"]] == [("first", 0, 1), ("later", 5, 6)]


def test_a_task_shows_the_reasoning_with_the_frames_that_were_really_shown() -> None:
    played = Trajectory(
        trajectory_id="t", question_id="question-1", clip_id="clip-1", policy="p", initial_frames=(0, 149),
        turns=(Turn(text="<think>look</think>", window=FrameWindow(idx_start=60, idx_end=62), frame_indices=(60, 61, 62)),
               Turn(text="<answer>goal</answer>")),
        stop=StopReason.ANSWERED, answer="goal", accuracy=1.0,
    )  # fmt: skip
    data = task_of(question(), CLIP, BROADCAST, video_path="c.mp4", trajectory=played)["data"]
    assert data["reasoning_trace"].split("\n\n") == [
        "[shown at first: frames 0, 149]", "<think>look</think>", "[shown: frames 60, 61, 62]", "<answer>goal</answer>",
    ]  # fmt: skip
    assert data["judge_score"] == "1.00"


def test_a_task_letters_the_options_and_gives_the_true_rate() -> None:
    ntsc = CLIP.model_copy(update={"rate": FrameRate(num=30000, den=1001)})
    data = task_of(question(), ntsc, BROADCAST, video_path="clips/a b.mp4")["data"]
    assert data["options_text"] == "A. corner kick\nB. goal\nC. foul"
    assert data["fps"] == pytest.approx(29.97002997)
    assert data["video"] == "/data/local-files/?d=clips/a%20b.mp4"


def test_an_accepted_form_is_read() -> None:
    form = read_form([choices("verdict", "accept"), rating(3), region(61, 70), text("note", " clear ")], question(), CLIP)
    assert form == (Verdict.ACCEPT, None, (), 3, FrameWindow(idx_start=60, idx_end=69), "clear")


@pytest.mark.parametrize(
    ("asked", "typed", "stored"),
    [
        (question(), "C", "foul"),
        (question(), " Corner Kick ", "corner kick"),
        (question(), "a) corner kick", "corner kick"),
        (question(Task.COUNTING, ("3",)), "two", "2"),
        (A_WINDOW, "48 to 76", "48-76"),
        (question(Task.COMMENTARY, ("red;goal",)), "blue;goal", "blue;goal"),
    ],
)
def test_a_correction_is_stored_in_the_form_of_a_key(asked: Question, typed: str, stored: str) -> None:
    assert read_form([choices("verdict", "fix"), text("corrected_answer", typed)], asked, CLIP).corrected_answer == stored


def test_a_rejection_keeps_its_reasons_and_drops_what_belongs_to_other_verdicts() -> None:
    result = [choices("verdict", "reject"), choices("reject_reason", "ambiguous", "bad clip"), text("corrected_answer", "foul")]
    form = read_form(result, question(), CLIP)
    assert (form.verdict, form.reasons, form.corrected_answer) == (Verdict.REJECT, ("ambiguous", "bad clip"), None)
    leftover = read_form([choices("verdict", "accept"), choices("reject_reason", "ambiguous")], question(), CLIP)
    assert leftover.reasons == ()


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        ([], "no verdict"),
        (None, "must be a list"),
        ([choices("verdict", "perhaps")], "Invalid value for control 'verdict'"),
        ([choices("verdict", "accept", "reject")], "2 verdicts"),
        ([choices("verdict", "accept"), choices("verdict", "accept")], "2 verdicts"),
        ([choices("opinion", "accept")], "'opinion' not found"),
        ([choices("verdict", "fix")], "without the corrected answer"),
        ([choices("verdict", "fix"), text("corrected_answer", "  ")], "without the corrected answer"),
        ([choices("verdict", "fix"), text("corrected_answer", "offside")], "none of the options"),
        ([choices("verdict", "reject")], "without a reason"),
        ([choices("verdict", "reject"), choices("reject_reason", "boring")], "Invalid value for control 'reject_reason'"),
        ([choices("verdict", "accept"), region(149, 160)], "no stretch of a clip of 150 frames"),
        ([choices("verdict", "accept"), region(1, 5), region(9, 12)], "2 evidence regions"),
        ([choices("verdict", "accept"), rating(6)], "Invalid value for control 'difficulty'"),
        ([choices("verdict", "accept"), rating(2), rating(3)], "2 ratings"),
    ],
)
def test_a_form_that_cannot_be_used_says_why(result: object, complaint: str) -> None:
    with pytest.raises(BadForm, match=complaint):
        read_form(result, question(), CLIP)


@pytest.mark.parametrize(
    ("asked", "typed"),
    [(question(Task.COUNTING, ("3",)), "2 or 3"), (A_WINDOW, "140-160"),
     (A_WINDOW, "40")],
)  # fmt: skip
def test_corrections_of_the_wrong_kind_are_refused(asked: Question, typed: str) -> None:
    with pytest.raises(BadForm, match="corrected answer"):
        read_form([choices("verdict", "fix"), text("corrected_answer", typed)], asked, CLIP)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 400) | st.floats() | st.sampled_from(["accept", "fix", "goal", "evidence"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["choices", "text", "rating", "ranges", "start", "end", "timelinelabels"]), inner),
    max_leaves=6,
)
_REGION = st.fixed_dictionaries(
    {
        "from_name": st.sampled_from(["verdict", "difficulty", "evidence", "corrected_answer", "reject_reason", "note", "x"]),
        "to_name": st.sampled_from(["question", "video"]),
        "type": st.sampled_from(["choices", "textarea", "rating", "timelinelabels", "relation"]),
        "value": _JSON,
    }
)


_GOOD = st.sampled_from([choices("verdict", "accept"), choices("verdict", "fix"), region(3, 9)])


@given(st.lists(_REGION | _GOOD, max_size=4) | _JSON)
def test_any_result_is_read_or_refused(result: object) -> None:
    try:
        form = read_form(result, question(), CLIP)
    except BadForm:
        return
    assert form.verdict in Verdict


def test_the_watermark_is_the_latest_review_of_its_project() -> None:
    def review(updated_at: str, project: str) -> Review:
        return Review(
            review_id=updated_at + project, question_id="q", curator="c", verdict=Verdict.ACCEPT, updated_at=updated_at,
            project=project,
        )  # fmt: skip

    reviews = [review("2026-01-02T00:00:00.000000Z", "a"), review("2026-01-03T00:00:00.000000Z", "b")]
    assert watermark(reviews, "a") == "2026-01-02T00:00:00.000000Z"
    assert watermark([], "a") is None


def test_a_server_that_is_not_there_is_named_with_the_remedy() -> None:
    with pytest.raises(UserError, match=r"127\.0\.0\.1:9: no Label Studio answers.*annotate\.label_studio up") as caught:
        connect("http://127.0.0.1:9", SecretStr("s3cret"), timeout_s=2)
    assert "s3cret" not in str(caught.value)


def test_a_refused_token_is_not_repeated(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/current-user/whoami").respond_with_json({"detail": "Invalid token."}, status=401)
    with pytest.raises(UserError, match=r"refuses the token.*DEEPSPORT_LABEL_STUDIO_TOKEN") as caught:
        connect(httpserver.url_for("/"), SecretStr("s3cret"))
    assert "s3cret" not in str(caught.value)


def test_another_server_is_not_taken_for_label_studio(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/current-user/whoami").respond_with_json({"hello": "world"})
    with pytest.raises(UserError, match="no Label Studio"):
        connect(httpserver.url_for("/"), SecretStr("s3cret"))


@pytest.mark.parametrize(
    ("url", "token", "missing"),
    [(None, SecretStr("t"), "DEEPSPORT_LABEL_STUDIO_URL"), ("http://x", None, "DEEPSPORT_LABEL_STUDIO_TOKEN"),
     ("http://x", SecretStr(""), "DEEPSPORT_LABEL_STUDIO_TOKEN"), ("localhost:8080", SecretStr("t"), "http://")],
)  # fmt: skip
def test_missing_settings_are_named(url: str | None, token: SecretStr | None, missing: str) -> None:
    with pytest.raises(UserError, match=missing):
        connect(url, token)


def test_credentials_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    first = label_studio.credentials_of(tmp_path / "data")
    assert label_studio.credentials_of(tmp_path / "data") == first
    assert stat.S_IMODE((tmp_path / "data" / "credentials.json").stat().st_mode) == 0o600
    assert first.token.get_secret_value() not in repr(first)
    assert len(json.loads((tmp_path / "data" / "credentials.json").read_text())["token"]) == 40


def test_starting_without_an_installed_server_is_one_line_and_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = label_studio.main(["up", "--data-dir", str(tmp_path), "--venv", str(tmp_path / "none"), "--port", "9"])
    assert code == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path / 'none'}: no Label Studio there; run `make label-studio-install`, or point DEEPSPORT_LABEL_STUDIO_VENV at a"
        " virtual environment with label-studio==1.23.2"
    ]


def test_stopping_leaves_a_process_alone_that_got_the_old_pid(tmp_path: Path) -> None:
    import os

    server = label_studio.Server(url="http://127.0.0.1:9", pid=os.getpid(), media_root="m")
    (tmp_path / "server.json").write_text(server.model_dump_json())
    assert label_studio.stop(tmp_path) is False
    assert not (tmp_path / "server.json").exists()
