"""Push and pull against a real Label Studio, with reviews written the way curators write them: through the API, as themselves."""

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from pydantic import SecretStr

from annotate import label_studio, review
from annotate.review_server import ReviewServer, connect
from deepsport.errors import UserError
from deepsport.records import Broadcast, Clip, Question, Utterance
from deepsport.taxonomy import DIMENSION_OF, KIND_OF, AnswerKind, DropReason, Sport, Task, Verdict
from deepsport.timebase import FrameRate, FrameWindow, Span
from deepsport.video import cut_clip, probe, write_video

pytestmark = [pytest.mark.service, pytest.mark.timeout(1800)]

RATE = FrameRate(num=25)
NUM_FRAMES = 130


class World(NamedTuple):
    broadcast: Broadcast
    clips: list[Clip]
    questions: list[Question]
    utterances: list[Utterance]
    proxy: Path


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    proxy = tmp_path_factory.mktemp("proxy") / "proxy.mp4"
    frames = (np.full((90, 160, 3), 40 + i % 200, dtype=np.uint8) for i in range(2 * NUM_FRAMES))
    write_video(proxy, frames, RATE, np.zeros(int(16000 * 2 * NUM_FRAMES / 25), dtype=np.float32))
    broadcast = Broadcast(
        broadcast_id="broadcast-1", sport=Sport.SOCCER, title="Cup <b>final</b>", source_uri="a.mp4", media_sha256="0",
        size_bytes=1, duration_s=10.4, width=160, height=90, source_rate=RATE, proxy_key="proxy.mp4", proxy_rate=RATE,
        proxy_num_frames=2 * NUM_FRAMES, has_audio=True,
    )  # fmt: skip
    clips = [
        Clip(
            clip_id=f"clip-{i}", broadcast_id="broadcast-1", sport=Sport.SOCCER, num_frames=NUM_FRAMES, rate=RATE,
            span=Span(start_s=5.2 * i, end_s=5.2 * (i + 1)), first_frame=NUM_FRAMES * i,
        )
        for i in range(2)
    ]  # fmt: skip
    tasks = [Task.EVENT_RECOGNITION, Task.TEAM_RECOGNITION, Task.COUNTING, Task.LOCALISATION, Task.COMMENTARY]
    answers = ["goal", "red", "3", "12-40", "red;goal"]
    kinds = [*(KIND_OF[task] for task in tasks[:3]), AnswerKind.WINDOW, AnswerKind.TEXT]  # a window, as a person may ask for it
    questions = [
        Question(
            question_id=f"question-{i}", clip_id=f"clip-{i % 2}", broadcast_id="broadcast-1", sport=Sport.SOCCER, task=task,
            dimension=DIMENSION_OF[task], text=f"In frames 10-50, {task}?", answer_kind=kind,
            options=("goal", "foul", "red", "blue") if i < 2 else (), answers=(answer,),
            evidence=FrameWindow(idx_start=12 + i, idx_end=40), event_ids=("event-1",), template_id="t",
        )
        for i, (task, answer, kind) in enumerate(zip(tasks, answers, kinds, strict=True))
    ]  # fmt: skip
    utterances = [
        Utterance(utterance_id="u", broadcast_id="broadcast-1", span=Span(start_s=1, end_s=3), text="What a <i>goal</i>!",
                  avg_logprob=-0.1, no_speech_prob=0)
    ]  # fmt: skip
    return World(broadcast, clips, questions, utterances, proxy)


class Studio(NamedTuple):
    admin: ReviewServer
    curator: ReviewServer
    media_root: Path


@pytest.fixture(scope="session")
def studio(label_studio_server: tuple[label_studio.Server, Path]) -> Studio:
    server, data_dir = label_studio_server
    token = label_studio.credentials_of(data_dir).token
    admin = connect(server.url, token)
    second = invite(server.url, token, "second@deepsport.local")
    return Studio(admin, connect(server.url, second), Path(server.media_root))


def invite(url: str, token: SecretStr, email: str) -> SecretStr:
    """A further curator, who joins by the administrator's invitation as a person would; gives their token."""
    headers = {"Authorization": f"Token {token.get_secret_value()}"}
    path = httpx.get(f"{url}/api/invite", headers=headers, timeout=300, trust_env=False).json()["invite_url"]
    with httpx.Client(base_url=url, timeout=300, follow_redirects=True, trust_env=False) as client:
        page = client.get(path).text
        csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert csrf is not None
        form = {"csrfmiddlewaretoken": csrf[1], "email": email, "password": "long-enough-1", "allow_newsletters": "false"}
        assert client.post(path, data=form, headers={"Referer": url}).status_code == 200
        return SecretStr(client.get("/api/current-user/token").json()["token"])


def push(studio: Studio, world: World, title: str, questions: Sequence[Question] | None = None) -> review.PushReport:
    return review.push(
        studio.admin, world.questions if questions is None else questions, world.clips, [world.broadcast],
        media_root=studio.media_root, cut=review.clip_cutter(lambda key: world.proxy.parent / key, [world.broadcast]),
        utterances=world.utterances, project_title=title,
    )  # fmt: skip


def project_id(studio: Studio, title: str) -> int:
    (found,) = [p.id for p in studio.admin.client.projects.list(title=title) if p.title == title]
    return int(found)


def tasks(studio: Studio, title: str) -> dict[str, Any]:
    listed = studio.admin.client.tasks.list(project=project_id(studio, title))
    return {task.data["external_id"]: task for task in listed}


def form(verdict: str, *, window: tuple[int, int] | None = None, corrected: str = "", reasons: Sequence[str] = ()) -> list[Any]:
    result: list[Any] = [{"from_name": "verdict", "to_name": "question", "type": "choices", "value": {"choices": [verdict]}}]
    if window:
        value = {"ranges": [{"start": window[0], "end": window[1]}], "timelinelabels": ["evidence"]}
        result.append({"from_name": "evidence", "to_name": "video", "type": "timelinelabels", "value": value})
    if corrected:
        typed = {"text": [corrected]}
        result.append({"from_name": "corrected_answer", "to_name": "question", "type": "textarea", "value": typed})
    if reasons:
        chosen = {"choices": list(reasons)}
        result.append({"from_name": "reject_reason", "to_name": "question", "type": "choices", "value": chosen})
    return result


def test_pushing_twice_makes_no_second_task(studio: Studio, world: World) -> None:
    first = push(studio, world, "push twice")
    assert (first.created, first.already, first.drops) == (5, 0, [])
    second = push(studio, world, "push twice")
    assert (second.created, second.already) == (0, 5)
    assert tasks(studio, "push twice").keys() == {q.question_id for q in world.questions}


def test_only_what_is_missing_is_pushed(studio: Studio, world: World) -> None:
    push(studio, world, "missing ones", world.questions[:2])
    studio.admin.client.tasks.delete(str(tasks(studio, "missing ones")["question-1"].id))
    report = push(studio, world, "missing ones")
    assert (report.created, report.already) == (4, 1)


def test_the_clip_is_served_in_ranges_to_curators_only(studio: Studio, world: World) -> None:
    push(studio, world, "clips")
    url = studio.curator.url + tasks(studio, "clips")["question-1"].data["video"]
    token = studio.curator.client._client_wrapper.get_headers()["Authorization"]
    part = httpx.get(url, headers={"Authorization": token, "Range": "bytes=100-199"}, timeout=300, trust_env=False)
    assert (part.status_code, part.headers["content-type"], len(part.content)) == (206, "video/mp4", 100)
    assert httpx.get(url, timeout=300, trust_env=False).status_code == 401


def test_review_clips_hold_exactly_the_clips_frames_and_its_sound(studio: Studio, world: World) -> None:
    push(studio, world, "clips")
    info = probe(studio.media_root / "clips" / "clip-1.mp4")
    assert (info.num_frames, info.rate, info.has_audio, info.start_s) == (NUM_FRAMES, RATE, True, 0)
    assert not list((studio.media_root / "clips").glob(".*"))


def test_a_question_whose_broadcast_cannot_be_read_is_dropped_and_the_rest_pushed(studio: Studio, world: World) -> None:
    lost = [clip.model_copy(update={"clip_id": "clip-lost"}) for clip in world.clips[:1]]
    questions = [world.questions[0].model_copy(update={"clip_id": "clip-lost"}), world.questions[1]]

    def cut(clip: Clip, out: Path) -> None:
        where = world.proxy if clip.clip_id != "clip-lost" else world.proxy.with_name("gone.mp4")
        cut_clip(where, FrameWindow(idx_start=0, idx_end=4), out)

    report = review.push(
        studio.admin, questions, [*lost, *world.clips], [world.broadcast], media_root=studio.media_root, cut=cut,
        project_title="lost media",
    )  # fmt: skip
    assert report.created == 1
    assert [(drop.item, drop.reason) for drop in report.drops] == [("question-0", DropReason.MISSING_FILE)]


def test_reviews_come_back_once_and_the_broken_one_is_quarantined(studio: Studio, world: World) -> None:
    title = "reviews"
    push(studio, world, title)
    task = tasks(studio, title)
    write = studio.curator.client.annotations.create
    write(task["question-0"].id, result=form("accept", window=(21, 35)))
    write(task["question-1"].id, result=form("fix", corrected="D"))
    write(task["question-2"].id, result=form("reject", reasons=["not visible", "bad clip"]))
    write(task["question-3"].id, result=form("perhaps"))  # the server takes it without a murmur
    write(task["question-4"].id, result=[], was_cancelled=True)  # skipped

    def pull(since: str | None = None, known: Sequence[str] = ()) -> Any:
        return review.pull(studio.admin, world.questions, world.clips, project_title=title, since=since, known=known)

    kept = pull()
    by_question = {r.question_id: r for r in kept.items}
    assert by_question.keys() == {"question-0", "question-1", "question-2"}
    assert {r.curator for r in kept.items} == {"second@deepsport.local"}
    assert by_question["question-0"].verdict is Verdict.ACCEPT
    assert by_question["question-0"].evidence == FrameWindow(idx_start=20, idx_end=34)
    assert (by_question["question-1"].verdict, by_question["question-1"].corrected_answer) == (Verdict.FIX, "blue")
    assert by_question["question-2"].reasons == ("not visible", "bad clip")
    (drop,) = kept.drops
    assert (drop.item, drop.reason) == ("question-3", DropReason.BAD_REVIEW)
    assert "Invalid value for control 'verdict'" in drop.detail

    known = [r.review_id for r in kept.items] + [drop.drop_id]
    since = review.watermark(kept.items, title)
    assert pull() == kept
    assert pull(since, known) == ([], [])

    write(task["question-4"].id, result=form("accept"))
    assert [r.question_id for r in pull(since, known).items] == ["question-4"]


def test_the_watermark_spares_reading_what_is_known(studio: Studio, world: World) -> None:
    title = "watermark"
    push(studio, world, title)
    annotation = studio.curator.client.annotations.create(tasks(studio, title)["question-0"].id, result=form("accept"))
    assert annotation.updated_at is not None
    later = annotation.updated_at.timestamp() + 61  # the overlap is 60 s
    since = time.strftime("%Y-%m-%dT%H:%M:%S.999999Z", time.gmtime(later))
    arguments = {"project_title": title, "since": since}
    assert review.pull(studio.admin, world.questions, world.clips, **arguments) == ([], [])  # type: ignore[arg-type]


def test_of_one_curator_the_latest_review_counts_and_of_two_both(studio: Studio, world: World) -> None:
    title = "two curators"
    push(studio, world, title)
    task_id = tasks(studio, title)["question-0"].id
    first = studio.admin.client.annotations.create(task_id, result=form("accept"))
    studio.curator.client.annotations.create(task_id, result=form("accept"))
    studio.curator.client.annotations.create(task_id, result=form("reject", reasons=["ambiguous"]))
    kept = review.pull(studio.admin, world.questions, world.clips, project_title=title)
    assert sorted((r.curator, r.verdict) for r in kept.items) == [
        ("curator@deepsport.local", Verdict.ACCEPT), ("second@deepsport.local", Verdict.REJECT),
    ]  # fmt: skip

    assert first.id is not None
    studio.admin.client.annotations.update(first.id, result=form("fix", corrected="foul"))
    known = [r.review_id for r in kept.items]
    (changed,) = review.pull(studio.admin, world.questions, world.clips, project_title=title, known=known).items
    assert (changed.curator, changed.verdict) == ("curator@deepsport.local", Verdict.FIX)


def test_nobody_reviews_in_anothers_name(studio: Studio, world: World) -> None:
    title = "names"
    push(studio, world, title)
    admin_id = studio.admin.client.users.whoami().id
    studio.curator.client.annotations.create(
        tasks(studio, title)["question-0"].id, result=form("accept"), completed_by=admin_id, updated_by=admin_id
    )
    (found,) = review.pull(studio.admin, world.questions, world.clips, project_title=title).items
    assert found.curator == "second@deepsport.local"


def test_annotations_imported_as_a_file_have_no_author_and_do_not_count(studio: Studio, world: World) -> None:
    title = "imported"
    push(studio, world, title, world.questions[:1])
    data = tasks(studio, title)["question-0"].data
    annotation = {"result": form("accept"), "completed_by": studio.admin.client.users.whoami().id}
    studio.curator.client.projects.import_tasks(project_id(studio, title), request=[{"data": data, "annotations": [annotation]}])  # type: ignore[list-item]
    kept = review.pull(studio.admin, world.questions, world.clips, project_title=title)
    assert kept.items == []
    assert [drop.detail.split(": ")[1][:27] for drop in kept.drops] == ["the server notes no author;"]


def test_deleted_tasks_and_strange_ones_do_not_stop_a_pull(studio: Studio, world: World) -> None:
    title = "strange"
    push(studio, world, title)
    task = tasks(studio, title)
    write = studio.curator.client.annotations.create
    for question_id in ("question-0", "question-1", "question-2"):
        write(task[question_id].id, result=form("accept"))
    studio.admin.client.tasks.delete(str(task["question-1"].id))
    alien = {**task["question-2"].data, "external_id": "question-of-another-dataset"}
    foreign = studio.admin.client.tasks.create(project=project_id(studio, title), data=alien)
    assert foreign.id is not None
    write(foreign.id, result=form("accept"))
    write(task["question-3"].id, result=[])
    kept = review.pull(studio.admin, world.questions, world.clips, project_title=title)
    assert {r.question_id for r in kept.items} == {"question-0", "question-2"}
    assert sorted((drop.item, drop.detail.split(": ")[1]) for drop in kept.drops) == [
        ("question-3", "no verdict"), ("question-of-another-dataset", "the task belongs to no question of this dataset"),
    ]  # fmt: skip


def test_many_tasks_are_read_page_by_page(studio: Studio, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotate.review_server._PAGE_SIZE", 2)
    push(studio, world, "pages")
    assert push(studio, world, "pages").already == 5
    for task in tasks(studio, "pages").values():
        studio.curator.client.annotations.create(task.id, result=form("accept"))
    assert len(review.pull(studio.admin, world.questions, world.clips, project_title="pages").items) == 5


def test_markup_from_outside_reaches_the_task_as_plain_data(studio: Studio, world: World) -> None:
    push(studio, world, "markup")
    data = tasks(studio, "markup")["question-0"].data
    assert data["title"].startswith("soccer, event recognition: Cup <b>final</b>")
    assert data["transcript"][0]["text"] == "What a <i>goal</i>!"


def test_a_project_with_another_form_is_left_alone(studio: Studio, world: World) -> None:
    other = '<View><Text name="t" value="$t"/><Choices name="c" toName="t"><Choice value="x"/></Choices></View>'
    made = studio.admin.client.projects.create(title="theirs", label_config=other)
    assert made.id is not None
    with pytest.raises(UserError, match="'theirs' has another form"):
        push(studio, world, "theirs")
    assert studio.admin.client.projects.get(made.id).label_config == other


def test_a_folder_the_server_may_not_serve_is_named_with_the_remedy(studio: Studio, world: World, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot serve .*LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"):
        review.push(studio.admin, [], [], [], media_root=tmp_path, cut=lambda clip, out: None, project_title="elsewhere")


def test_pulling_from_a_project_that_does_not_exist_is_a_users_mistake(studio: Studio, world: World) -> None:
    with pytest.raises(UserError, match="no project called 'nowhere'"):
        review.pull(studio.admin, world.questions, world.clips, project_title="nowhere")


def test_a_wrong_token_is_refused(studio: Studio) -> None:
    with pytest.raises(UserError, match="refuses the token"):
        connect(studio.admin.url, SecretStr("0" * 40))


def test_starting_a_server_that_runs_gives_the_same_one(
    label_studio_server: tuple[label_studio.Server, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    server, data_dir = label_studio_server
    assert label_studio.start(data_dir, Path(server.media_root)) == server
    assert label_studio.main(["up", "--data-dir", str(data_dir), "--media-root", server.media_root]) == 0
    printed = capsys.readouterr().out
    secret = json.loads((data_dir / "credentials.json").read_text())
    assert server.url in printed
    assert secret["token"] not in printed and secret["password"] not in printed
