import json
import threading
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from deepsport.errors import UserError
from deepsport.llm import LanguageModel
from deepsport.records import Completion

ASK = [{"role": "user", "content": "How many?"}]
PATH = "/v1/chat/completions"


class Count(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int


def reply(text: str | None, finish: str = "stop", **message: object) -> dict[str, object]:
    return {
        "id": "x", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    }  # fmt: skip


@pytest.fixture
def kept() -> list[Completion]:
    return []


@pytest.fixture
def model(httpserver: HTTPServer, kept: list[Completion]) -> Iterator[LanguageModel]:
    url = httpserver.url_for("/v1")
    yield LanguageModel(url, "m", SecretStr("sk-hush"), timeout_s=60, max_retries=2, on_completion=kept.append)


def test_json_out_is_asked_for_by_schema_and_checked_on_receipt(httpserver: HTTPServer, model: LanguageModel) -> None:
    httpserver.expect_oneshot_request(PATH, method="POST").respond_with_json(reply('{"number": 3}'))
    answer, completion = model.complete_json(Count, ASK, "count")
    assert answer == Count(number=3)
    assert (completion.error, completion.prompt_tokens, completion.completion_tokens) == (None, 7, 5)
    sent = httpserver.log[0][0].get_json()
    assert sent["response_format"]["json_schema"]["schema"] == Count.model_json_schema()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (reply('{"number": "many"}'), "does not fit Count"),
        (reply('{"number": 3, "why": "x"}'), "does not fit Count"),
        (reply("three"), "does not fit Count"),
        (reply('{"number": 3', finish="length"), "cut after"),
        (reply('{"number": 3}', finish="length"), "cut after"),
        (reply(None), "empty"),
        (reply("", refusal="I cannot."), "refused"),
        (reply("x", finish="content_filter"), "filtered"),
        ({"choices": []}, "no choice"),
    ],
)
def test_an_unusable_reply_is_a_completion_with_its_reason(
    httpserver: HTTPServer, model: LanguageModel, kept: list[Completion], body: dict[str, object], error: str
) -> None:
    httpserver.expect_request(PATH).respond_with_json(body)
    answer, completion = model.complete_json(Count, ASK, "count")
    assert answer is None and completion.error is not None and error in completion.error
    assert kept == [completion]
    assert len(httpserver.log) == 1, "nothing but network and provider faults is tried again"


def test_a_server_fault_is_tried_again_and_a_bad_request_is_not(httpserver: HTTPServer, model: LanguageModel) -> None:
    for status in (503, 429):
        httpserver.expect_ordered_request(PATH).respond_with_json({"error": "busy"}, status=status)
    httpserver.expect_ordered_request(PATH).respond_with_json(reply("ok"))
    assert model.complete(ASK, "count").text == "ok"
    assert len(httpserver.log) == 3
    httpserver.clear()
    httpserver.expect_request(PATH).respond_with_json({"error": {"message": "too long, sk-hush"}}, status=400)
    refused = str(model.complete(ASK, "count").error)
    assert "status 400" in refused and "too long" in refused and "sk-hush" not in refused
    assert len(httpserver.log) == 1


def test_retries_end(httpserver: HTTPServer, model: LanguageModel) -> None:
    httpserver.expect_request(PATH).respond_with_json({"error": "busy"}, status=500)
    assert str(model.complete(ASK, "count").error).startswith("status 500")
    assert len(httpserver.log) == 3


def test_a_server_that_sleeps_is_a_time_out(httpserver: HTTPServer) -> None:
    awake = threading.Event()

    def sleep(request: Request) -> Response:
        awake.wait(600)
        return Response("{}")

    httpserver.expect_request(PATH).respond_with_handler(sleep)
    slow = LanguageModel(httpserver.url_for("/v1"), "m", timeout_s=0.2, max_retries=0)
    try:
        assert slow.complete(ASK, "count").error == "APITimeoutError"
    finally:
        awake.set()


def test_no_server_is_a_completion_with_its_reason() -> None:
    nobody = LanguageModel("http://127.0.0.1:9/v1", "m", timeout_s=60, max_retries=0)
    assert nobody.complete(ASK, "count").error == "APIConnectionError"


@pytest.mark.parametrize(("status", "remedy"), [(401, "TEACHER_API_KEY"), (403, "TEACHER_API_KEY"), (404, "no model 'm'")])
def test_what_a_person_must_mend_is_a_user_error_without_the_key(
    httpserver: HTTPServer, model: LanguageModel, status: int, remedy: str
) -> None:
    httpserver.expect_request(PATH).respond_with_json({"error": {"message": "bad key sk-hush"}}, status=status)
    with pytest.raises(UserError, match=remedy) as caught:
        model.complete(ASK, "count")
    assert "sk-hush" not in str(caught.value) and caught.value.__cause__ is None


def test_the_key_reaches_the_server_and_no_record(httpserver: HTTPServer, model: LanguageModel, kept: list[Completion]) -> None:
    httpserver.expect_request(PATH).respond_with_json(reply("ok"))
    model.complete(ASK, "count")
    assert httpserver.log[0][0].headers["Authorization"] == "Bearer sk-hush"
    assert "sk-hush" not in kept[0].model_dump_json() + repr(vars(model))


def test_a_spent_budget_asks_no_more(httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_json(reply("ok"))
    model = LanguageModel(httpserver.url_for("/v1"), "m", budget_tokens=13)
    errors = [model.complete(ASK, "count", seed=seed).error for seed in range(3)]
    assert errors[:2] == [None, None] and errors[2] is not None and "budget" in errors[2]
    assert (len(httpserver.log), model.spent_tokens) == (2, 24)


def test_a_completion_of_an_earlier_run_is_not_paid_for_twice(
    httpserver: HTTPServer, model: LanguageModel, kept: list[Completion]
) -> None:
    httpserver.expect_request(PATH).respond_with_json(reply('{"number": 3}'))
    model.complete_json(Count, ASK, "count")
    again = LanguageModel(httpserver.url_for("/v1"), "m", known=kept)
    assert again.complete_json(Count, ASK, "count")[0] == Count(number=3)
    assert len(httpserver.log) == 1
    again.complete_json(Count, ASK, "count", seed=1)
    assert len(httpserver.log) == 2, "another seed is another completion"


def test_reasoning_that_the_server_split_off_comes_back_in_its_tags(httpserver: HTTPServer, model: LanguageModel) -> None:
    httpserver.expect_request(PATH).respond_with_json(reply("<answer>goal</answer>", reasoning_content="\nIt is red.\n"))
    assert model.complete(ASK, "play").text == "<think>It is red.</think><answer>goal</answer>"


def test_a_reply_that_is_not_json_is_a_completion_with_its_reason(httpserver: HTTPServer, model: LanguageModel) -> None:
    for content_type in ("text/html", "application/json"):
        httpserver.clear()
        httpserver.expect_request(PATH).respond_with_data("<html>gateway</html>", content_type=content_type)
        completion = model.complete(ASK, "count")
        assert completion.error is not None and completion.text == ""
    assert json.loads(completion.model_dump_json())["error"]
