import json
import re
import threading
from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from annotate.teacher import judge_reasoning, word_question, word_questions, wording_fault
from annotate.templates import ask_questions
from deepsport.llm import LanguageModel
from deepsport.records import Clip, Completion, Event, Question, Trajectory, Turn
from deepsport.taxonomy import DropReason, Sport, StopReason, Task
from deepsport.timebase import FrameRate, Span

PATH = "/v1/chat/completions"
CLIP = Clip(clip_id="c", broadcast_id="b", sport=Sport.SOCCER, span=Span(start_s=10, end_s=16), first_frame=250, num_frames=150,
            rate=FrameRate(num=25))  # fmt: skip
EVENTS = [
    Event(event_id="e", broadcast_id="b", sport=Sport.SOCCER, kind="foul", time_s=12, evidence=Span(start_s=11.8, end_s=12.4),
          team="red", zone="left", num_players=2),
    Event(event_id="f", broadcast_id="b", sport=Sport.SOCCER, kind="goal", time_s=92, evidence=Span(start_s=91.8, end_s=92.4),
          team="blue", zone="left", num_players=1),
]  # fmt: skip
ASKED = {question.task: question for question in ask_questions(CLIP, EVENTS).items}


def teach(httpserver: HTTPServer, *replies: str) -> LanguageModel:
    """A real server that gives the replies in order, and a client for it."""
    waiting = iter(replies)

    def respond(request: Request) -> Response:
        message = {"role": "assistant", "content": next(waiting)}
        body = {"id": "x", "object": "chat.completion", "created": 0, "model": "m",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}  # fmt: skip
        return Response(json.dumps(body), content_type="application/json")

    httpserver.expect_request(PATH).respond_with_handler(respond)
    return LanguageModel(httpserver.url_for("/v1"), "m", timeout_s=60, max_retries=0)


def stretch(question: Question) -> str:
    """``frames 48-76``, as the question names them."""
    return re.search(r"frames \d+-\d+", question.text)[0]


def test_a_sound_rewording_is_a_new_question_with_the_same_key(httpserver: HTTPServer) -> None:
    question = ASKED[Task.TEAM_RECOGNITION]
    wording = f"Looking at what happens in {stretch(question)}, which team makes the play here?"
    (worded,), drops = word_question(question, teach(httpserver, json.dumps({"question": wording})))
    assert drops == [] and worded.text == wording
    assert worded.question_id != question.question_id and question.question_id in worded.made.inputs
    assert (
        worded.model_copy(update={"text": question.text, "question_id": question.question_id, "made": question.made}) == question
    )
    sent = httpserver.log[0][0].get_json()["messages"][0]["content"]
    assert question.text in sent and all(option not in sent for option in question.options)


def test_a_rewording_is_refused_for_each_fault() -> None:
    team, count = ASKED[Task.TEAM_RECOGNITION], ASKED[Task.COUNTING]
    frames = stretch(team)
    first, last = re.findall(r"\d+", frames)
    faults = {
        f"In {frames}, which team makes the play.": "not one question",
        f"Which team? In {frames}, which team?": "not one question",
        f"In {frames}, which team makes the play" + ", and so on" * 20 + "?": "too long",
        "Which team makes the play?": "other numbers",
        f"In {frames}, which team makes play 3?": "other numbers",
        f"In frames {last}-{first}, which team makes the play?": "other stretches of frames",
        f"From second {first} to {last}, which team makes the play?": "other stretches of frames",
        f"In {frames}, who makes the play?": "lost 'which team'",
        f"In {frames}, which team does not make the play?": "brought in 'not'",
        f"In {frames}, which team, red or not, makes the play?": "brought in 'not'",
        f"In {frames}, which team in red makes the play?": "gives away 'red'",
    }
    assert {wording: wording_fault(team, wording) for wording in faults} == faults
    assert wording_fault(count, count.text.replace("players", "of the two players")) == "gives away '2'"
    where = ASKED[Task.LOCALISATION]
    one, two = re.findall(r"\d+-\d+", where.text)
    swapped = where.text.replace(one, "X").replace(two, one).replace("X", two)
    assert wording_fault(where, swapped) == "other stretches of frames", "the first would be the second"
    assert wording_fault(where, where.text.split(". ")[0] + ", or where?") == "lost 'first'"
    assert wording_fault(team, f"Between frames {first} and {last}, which team makes the play?") is None, "the same stretch"
    assert wording_fault(team, team.text) is None
    assert wording_fault(team, team.text, keep=("makes the play",)) is None
    assert wording_fault(team, f"In {frames}, which team acts?", keep=("makes the play",)) == "lost 'makes the play'"


def test_the_text_of_every_template_stands_for_itself() -> None:
    assert {task: wording_fault(question, question.text) for task, question in ASKED.items()} == dict.fromkeys(ASKED)
    assert len(ASKED) >= 6


def test_a_rewording_from_which_the_key_cannot_be_proved_leaves_the_template(httpserver: HTTPServer) -> None:
    question = ASKED[Task.RULE_CONSEQUENCE]
    wording = f"After what happens in {stretch(question)}, which team wins the match?"
    assert wording_fault(question, wording) is None, "the form is right, only the ledger knows better"
    kept, drops = word_questions([question], [CLIP], EVENTS, teach(httpserver, json.dumps({"question": wording})))
    assert kept == [question]
    assert [(drop.reason, drop.item) for drop in drops] == [(DropReason.TEACHER_NONSENSE, question.question_id)]


@pytest.mark.parametrize(
    "reply", ["Sure! Here it is.", '{"question": 3}', '{"question": "What is the answer?"}', '{"query": "a"}']
)
def test_nonsense_leaves_the_template_and_a_drop_with_its_reason(httpserver: HTTPServer, reply: str) -> None:
    question = ASKED[Task.EVENT_RECOGNITION]
    kept, (drop,) = word_question(question, teach(httpserver, reply))
    assert kept == [question]
    assert (drop.reason, drop.item, drop.step) == (DropReason.TEACHER_NONSENSE, question.question_id, "word_question")
    assert drop.detail


@pytest.fixture
def asleep(httpserver: HTTPServer) -> Iterator[LanguageModel]:
    awake = threading.Event()

    def sleep(request: Request) -> Response:
        awake.wait(5)
        return Response("{}")

    httpserver.expect_request(PATH).respond_with_handler(sleep)
    yield LanguageModel(httpserver.url_for("/v1"), "m", timeout_s=0.2, max_retries=0)
    awake.set()


def test_a_teacher_that_times_out_leaves_the_template_and_says_so(asleep: LanguageModel) -> None:
    question = ASKED[Task.EVENT_RECOGNITION]
    kept, (drop,) = word_question(question, asleep)
    assert kept == [question]
    assert drop.reason is DropReason.TEACHER_FAILED and "Timeout" in drop.detail


def played(*texts: str) -> Trajectory:
    question = ASKED[Task.EVENT_RECOGNITION]
    return Trajectory(
        trajectory_id="t" + texts[0], question_id=question.question_id, clip_id="c", policy="p", initial_frames=(0,),
        turns=tuple(Turn(text=text) for text in texts), stop=StopReason.ANSWERED, answer="foul", accuracy=1.0,
    )  # fmt: skip


def test_only_reasoning_that_the_judge_finds_sound_is_kept(httpserver: HTTPServer) -> None:
    question = ASKED[Task.EVENT_RECOGNITION]
    runs = [played(f"<think>{i}</think>") for i in range(3)]
    model = teach(httpserver, '{"sound": true, "fault": ""}', '{"sound": false, "fault": "it is blue"}', "no idea")
    kept, drops = judge_reasoning([question], runs, model)
    assert kept == runs[:1]
    assert [(drop.reason, drop.item) for drop in drops] == [
        (DropReason.UNSUPPORTED, runs[1].trajectory_id),
        (DropReason.TEACHER_FAILED, runs[2].trajectory_id),
    ]
    prompts = [request.get_json()["messages"][0]["content"] for request, _ in httpserver.log]
    sent = next(prompt for prompt in prompts if "<think>0</think>" in prompt)  # a late request of another test may be before it
    assert "Reference answer: foul" in sent


def test_completions_are_kept_for_the_record(httpserver: HTTPServer) -> None:
    model = teach(httpserver, "{}")
    kept: list[Completion] = []
    model._on_completion = kept.append
    word_question(ASKED[Task.EVENT_RECOGNITION], model)
    assert [(completion.purpose, completion.text, completion.error is None) for completion in kept] == [
        ("word_question", "{}", False)
    ]
