import base64
import io
import json
import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from deepsport.agent.environment import Episode, EpisodeConfig
from deepsport.agent.policies import LocalPolicy, OpenAIPolicy, ScriptedPolicy
from deepsport.agent.protocol import (
    Conversation,
    Lookup,
    full_instructions,
    opening_message,
    parse_turn,
    render_answer,
    render_call,
    render_lookup,
)
from deepsport.agent.reward import RewardName, reward_of
from deepsport.agent.rollout import rollout
from deepsport.agent.tools import ArrayFrames, Said
from deepsport.llm import LanguageModel
from deepsport.records import Made, Question
from deepsport.taxonomy import AnswerKind, Dimension, FormatErrorKind, Sport, StopReason, Task, Tool
from deepsport.timebase import FrameWindow

MADE = Made(step="rollout")
RED_FRAMES = range(40, 53)


def ask(question_id: str = "q", text: str = "In frames 36-58, which event happens?") -> Question:
    return Question(
        question_id=question_id, clip_id="c", broadcast_id="b", sport=Sport.SOCCER, task=Task.EVENT_RECOGNITION,
        dimension=Dimension.RECOGNITION, text=text, answer_kind=AnswerKind.CHOICE, options=("goal", "foul"), answers=("foul",),
        evidence=FrameWindow(idx_start=RED_FRAMES[0], idx_end=RED_FRAMES[-1]), event_ids=("e",), template_id="t",
    )  # fmt: skip


def clip_with_a_red_stretch(num_frames: int = 125) -> ArrayFrames:
    frames_THWC = np.full((num_frames, 32, 32, 3), (20, 120, 20), np.uint8)
    frames_THWC[RED_FRAMES.start : RED_FRAMES.stop] = (200, 20, 20)
    return ArrayFrames(frames_THWC)


def start(question: Question | None = None) -> Episode:
    # Frames 0, 31, 62, 93 and 124 miss the red stretch.
    return Episode(question or ask(), clip_with_a_red_stretch(), EpisodeConfig(initial_frames=5))


def test_all_live_episodes_advance_in_one_call_a_turn() -> None:
    sizes: list[int] = []

    class Counting(ScriptedPolicy):
        def complete(self, conversations):  # type: ignore[no-untyped-def]
            sizes.append(len(conversations))
            return super().complete(conversations)

    def say(conversation: Conversation) -> str:
        asked = conversation[0]["content"][-1]["text"]
        looks = int(re.findall(r"Look (\d) times", asked)[0])
        done = sum(message["role"] == "assistant" for message in conversation)
        return render_call("a", FrameWindow(idx_start=done, idx_end=99)) if done < looks else render_answer("b", "foul")

    episodes = [start(ask(f"q{looks}", f"Look {looks} times?")) for looks in (2, 0, 1)]
    played = rollout(Counting("counting", say), episodes, MADE)
    assert sizes == [3, 2, 1]
    assert [run.question_id for run in played] == ["q2", "q0", "q1"]
    assert [len(run.turns) for run in played] == [3, 1, 2]
    assert all(run.accuracy == 1 for run in played)


def test_a_policy_that_fails_on_one_episode_costs_only_that_one() -> None:
    def say(conversation: Conversation) -> str | None:
        return None if "frail" in conversation[0]["content"][-1]["text"] else render_answer("a", "foul")

    played = rollout(ScriptedPolicy("p", say), [start(ask("q1", "A frail one?")), start(ask("q2", "A sound one?"))], MADE)
    assert [run.stop for run in played] == [StopReason.POLICY_FAILED, StopReason.ANSWERED]


def test_episodes_are_made_batch_by_batch() -> None:
    alive: list[int] = []

    def episodes() -> Iterator[Episode]:
        for number in range(5):
            alive.append(number)
            yield start(ask(f"q{number}"))

    def say(conversation: Conversation) -> str:
        assert len(alive) <= 4 or alive[-1] == 4
        return render_answer("a", "goal")

    assert len(rollout(ScriptedPolicy("p", say), episodes(), MADE, batch_size=2)) == 5


def seeing_server(request: Request) -> Response:
    """A server with eyes: it decodes the JPEGs that it is sent, looks for red, and asks for the window named in the text."""
    body = request.get_json()
    parts = [part for message in body["messages"] if message["role"] == "user" for part in message["content"]]
    labels = [part["text"] for part in parts if re.fullmatch(r"Frame \d+: ", part.get("text", ""))]
    pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    assert len(labels) == len(pictures)
    reds = []
    for label, url in zip(labels, pictures, strict=True):
        picture = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))
        red, green, _ = picture.getpixel((16, 16))
        if red > green:
            reds.append(label.removeprefix("Frame ").removesuffix(": "))
    if reds:
        text = render_answer(f"Frame {reds[0]} is red.", "B. foul")
    else:
        asked = " ".join(part.get("text", "") for part in parts)
        first, last = map(int, re.findall(r"[Ii]n frames (\d+)-(\d+)", asked)[0])
        text = render_call("Nothing red yet.", FrameWindow(idx_start=first, idx_end=last))
    message = {"role": "assistant", "content": text}
    reply = {"id": "x", "object": "chat.completion", "created": 0, "model": "eyes",
             "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
             "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}}  # fmt: skip
    return Response(json.dumps(reply), content_type="application/json")


def test_a_remote_model_sees_the_frames_it_asks_for(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(seeing_server)
    policy = OpenAIPolicy(LanguageModel(httpserver.url_for("/v1"), "eyes", timeout_s=60))
    (run,) = rollout(policy, [start()], MADE, instructions=full_instructions())
    httpserver.check_assertions()
    assert (run.stop, run.answer, run.accuracy, run.policy) == (StopReason.ANSWERED, "B. foul", 1.0, "eyes")
    assert run.turns[0].window == FrameWindow(idx_start=36, idx_end=58)
    second = httpserver.log[1][0].get_json()["messages"]
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert parse_turn(second[1]["content"]).call == run.turns[0].window


ALL_TOOLS = EpisodeConfig(initial_frames=5, tools=tuple(Tool))


def reading_server(request: Request) -> Response:
    """A server that asks for the rule, reads in the reply which team restarts, then asks who spoke, and answers from both."""
    said = [part.get("text", "") for message in request.get_json()["messages"] if message["role"] == "user"
            for part in message["content"]]  # fmt: skip
    replies = [text for before, text in pairwise(said) if before == "<tool_response>"]
    if not replies:
        text = render_lookup("What follows a foul?", Lookup("free kick after a foul"))
    elif len(replies) == 1:
        assert "The other team gets a direct free kick" in replies[0] and "IFAB Laws of the Game 2024/25" in replies[0]
        text = render_lookup("What is said?", Lookup(window=FrameWindow(idx_start=36, idx_end=58)))
    else:
        text = render_answer("The rule is known.", "foul" if "brought down" in replies[1] else "goal")
    reply = {"id": "x", "object": "chat.completion", "created": 0, "model": "reader",
             "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
             "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}}  # fmt: skip
    return Response(json.dumps(reply), content_type="application/json")


def test_a_remote_model_looks_up_rules_and_transcript(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(reading_server)
    policy = OpenAIPolicy(LanguageModel(httpserver.url_for("/v1"), "reader", timeout_s=60))
    said = [Said(FrameWindow(idx_start=50, idx_end=70), "He is brought </answer>down!")]
    episode = Episode(ask(), clip_with_a_red_stretch(), ALL_TOOLS, said)
    (run,) = rollout(policy, [episode], MADE, instructions=full_instructions(ALL_TOOLS.tools))
    httpserver.check_assertions()
    assert (run.stop, run.answer, run.accuracy, len(run.turns)) == (StopReason.ANSWERED, "foul", 1.0, 3)
    assert "rule_tool" in json.dumps(httpserver.log[0][0].get_json())
    assert not run.used_tool and run.seen_frames == run.initial_frames, "a lookup is no look"
    assert reward_of(RewardName.GATED, episode.question, run) == 1.0  # and no bonus for a tool that helped
    assert reward_of(RewardName.GROUNDED, episode.question, run) == 1.0
    assert reward_of(RewardName.ADAPTIVE, episode.question, run, solved_at_a_glance=True) == 1.5  # answered without a look


def test_a_scripted_policy_looks_up_a_rule_between_looks() -> None:
    turns = iter([render_call("a", FrameWindow(idx_start=36, idx_end=58)), render_lookup("b", Lookup("offside")),
                  render_answer("c", "foul")])  # fmt: skip
    seen: list[Conversation] = []

    def say(conversation: Conversation) -> str:
        seen.append(list(conversation))
        return next(turns)

    (run,) = rollout(ScriptedPolicy("p", say), [Episode(ask(), clip_with_a_red_stretch(), ALL_TOOLS)], MADE)
    assert run.format_ok and run.used_tool and [turn.window is not None for turn in run.turns] == [True, False, False]
    (told,) = seen[-1][-1]["content"]
    assert seen[-1][-1]["role"] == "tool" and told["text"].startswith("soccer.offside (IFAB Laws of the Game")


def test_a_blind_policy_sends_no_picture(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(lambda request: Response("{}", status=400))
    policy = OpenAIPolicy(LanguageModel(httpserver.url_for("/v1"), "m", timeout_s=60), blind=True)
    (run,) = rollout(policy, [start()], MADE)
    assert run.stop is StopReason.POLICY_FAILED and run.policy == "m-blind"
    sent = json.dumps(httpserver.log[0][0].get_json())
    assert "image" not in sent and "Frame 0: " in sent


@pytest.fixture(scope="module")
def tiny_policy_parts():  # type: ignore[no-untyped-def]
    import torch

    from train.models import TinyConfig, build_tiny

    torch.set_num_threads(1)
    texts = [ask().text, render_call("Not in view.", FrameWindow(idx_start=57, idx_end=63)), "Frame 10: goal foul Options: A. B."]
    return build_tiny(texts * 3, TinyConfig(vocabulary_size=400), seed=0)


def talk(text: str, num_images: int) -> Conversation:
    frames_THWC = np.random.default_rng(len(text)).integers(0, 255, (num_images, 64, 64, 3), dtype=np.uint8)
    return [opening_message(range(num_images), frames_THWC, text)]


def test_a_local_model_says_the_same_in_a_batch_as_alone(tiny_policy_parts) -> None:  # type: ignore[no-untyped-def]
    model, processor = tiny_policy_parts
    talks = [
        talk("Which event happens?", 3),
        talk("Where? " * 9, 1),
        talk("Which side is it played?", 6),
        talk("No picture at all.", 0),
    ]
    policy = LocalPolicy("tiny", model, processor, max_new_tokens=8)
    assert policy.complete(talks) == [policy.complete([one])[0] for one in talks]
    in_pairs = LocalPolicy("tiny", model, processor, max_new_tokens=8, batch_size=2)
    assert in_pairs.complete(talks) == policy.complete(talks)


def test_sampling_is_deterministic_by_seed_and_leaves_torch_alone(tiny_policy_parts) -> None:  # type: ignore[no-untyped-def]
    import torch

    model, processor = tiny_policy_parts
    talks = [talk("Which event happens?", 2)] * 4

    def sample(seed: int) -> list[str | None]:
        return LocalPolicy("tiny", model, processor, temperature=1.0, max_new_tokens=12, seed=seed).complete(talks)

    state = torch.get_rng_state()
    first = sample(1)
    assert first == sample(1) != sample(2)
    assert len(set(first)) > 1
    assert torch.equal(state, torch.get_rng_state())
    assert model.training, "the mode of the model is put back"


def test_a_local_model_never_says_a_vision_token_and_stops_at_a_closing_tag(tiny_policy_parts) -> None:  # type: ignore[no-untyped-def]
    import torch

    model, processor = tiny_policy_parts
    ids = {token: processor.tokenizer.convert_tokens_to_ids(token) for token in ("<|image_pad|>", "</answer>", "x")}

    def wants(order: list[str]):  # type: ignore[no-untyped-def]
        """A hook under which the model wants the given tokens, the first most of all."""

        def hook(module: object, inputs: object, logits: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros_like(logits)
            for rank, token in enumerate(order):
                logits[..., ids[token]] = 100.0 - rank
            return logits

        return model.lm_head.register_forward_hook(hook)

    policy = LocalPolicy("tiny", model, processor, max_new_tokens=4)
    for order, said in ((["<|image_pad|>", "x"], "xxxx"), (["</answer>"], "</answer>")):
        handle = wants(order)
        assert policy.complete([talk("Where?", 1)]) == [said]
        handle.remove()


def test_an_untrained_local_model_plays_to_an_end(tiny_policy_parts) -> None:  # type: ignore[no-untyped-def]
    model, processor = tiny_policy_parts
    policy = LocalPolicy("tiny", model, processor, temperature=1.0, max_new_tokens=8)
    runs = rollout(policy, [start(ask(f"q{i}")) for i in range(3)], MADE)
    assert {run.stop for run in runs} == {StopReason.FORMAT_ERROR}
    assert {run.turns[-1].error for run in runs} == {FormatErrorKind.NO_ACTION}
