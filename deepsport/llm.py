"""The one client of language models: OpenAI-compatible chat, JSON out by schema, every completion kept as a record.

A completion that did not come is a value: a Completion with its ``error`` set, so a run goes on and counts it. Network and
provider faults (no connection, time-out, 408, 409, 429, 5xx) are tried again; nothing else is. What a person must mend (a wrong
key, an unknown model) is a UserError. Keys never reach a record, a message or a log.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from deepsport.errors import UserError, first_complaint
from deepsport.ids import digest, make_id
from deepsport.records import Completion

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI
    from openai.types.chat import ChatCompletion

T = TypeVar("T", bound=BaseModel)

ChatMessage = dict[str, Any]
"""One message in the OpenAI shape. JSON edge."""


class LanguageModel:
    """A model behind an OpenAI-compatible endpoint (vLLM, SGLang, llama.cpp, a vendor). Threads may share it.

    on_completion is called once for every completion asked for, failed ones included. Completions given as ``known`` (from an
    earlier run) are served again instead of asked for, when model, messages and settings are the same. budget_tokens bounds
    prompt and completion tokens together over the life of the object; once it is spent every completion is an error.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: SecretStr | None = None,
        *,
        timeout_s: float = 120.0,
        max_retries: int = 3,
        budget_tokens: int | None = None,
        on_completion: Callable[[Completion], None] | None = None,
        known: Iterable[Completion] = (),
    ) -> None:
        self.model = model
        self.base_url = base_url
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._budget_tokens = budget_tokens
        self._on_completion = on_completion
        self._known = {c.prompt_sha256: c for c in known if c.error is None and c.model == model}
        self._lock = threading.Lock()
        self._spent_tokens = 0
        self._connection: OpenAI | None = None

    @property
    def spent_tokens(self) -> int:
        """Prompt and completion tokens used so far, as the server counted them."""
        return self._spent_tokens

    def complete(
        self,
        messages: Sequence[ChatMessage],
        purpose: str,
        *,
        max_tokens: int = 1024,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """One completion as text; its ``error`` is set when none came or it was cut.

        Raises: UserError when the endpoint refuses the key or does not know the model.
        """
        return self._ask(messages, purpose, {"max_tokens": max_tokens, "temperature": temperature, "seed": seed})

    def complete_json(
        self,
        schema: type[T],
        messages: Sequence[ChatMessage],
        purpose: str,
        *,
        max_tokens: int = 1024,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> tuple[T | None, Completion]:
        """One completion that fits the schema, validated here as well; None and the reason in ``error`` when it does not.

        Raises: UserError when the endpoint refuses the key or does not know the model.
        """
        form = {"name": schema.__name__, "schema": schema.model_json_schema(), "strict": True}
        settings: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
        settings["response_format"] = {"type": "json_schema", "json_schema": form}
        parsed: list[T] = []

        def check(text: str) -> str | None:
            try:
                parsed[:] = [schema.model_validate_json(text)]
            except ValidationError as error:
                return f"does not fit {schema.__name__}: {error.error_count()} faults, first: {first_complaint(error)}"
            return None

        completion = self._ask(messages, purpose, settings, check)
        return (parsed[0] if parsed and completion.error is None else None), completion

    def _ask(
        self,
        messages: Sequence[ChatMessage],
        purpose: str,
        settings: dict[str, Any],
        check: Callable[[str], str | None] = lambda text: None,
    ) -> Completion:
        prompt_sha256 = digest(self.model, list(messages), settings, length=64)
        known = self._known.get(prompt_sha256)
        if known is not None and check(known.text) is None:
            return known
        if self._budget_tokens is not None and self._spent_tokens >= self._budget_tokens:
            completion = self._record(
                purpose, prompt_sha256, "", "budget", error=f"token budget of {self._budget_tokens} is spent"
            )
        else:
            completion = self._fetch(messages, purpose, settings, prompt_sha256)
            if completion.error is None:
                completion = completion.model_copy(update={"error": check(completion.text)})
        if self._on_completion is not None:
            self._on_completion(completion)
        return completion

    def _fetch(self, messages: Sequence[ChatMessage], purpose: str, settings: dict[str, Any], prompt_sha256: str) -> Completion:
        import openai

        try:
            reply = self._send(messages, settings)
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise UserError(f"{self.base_url}: the key is refused ({error.status_code}); set DEEPSPORT_TEACHER_API_KEY") from None
        except openai.NotFoundError:
            raise UserError(f"{self.base_url}: no chat endpoint there, or no model {self.model!r}; mend URL or model") from None
        except openai.APIStatusError as error:
            return self._record(purpose, prompt_sha256, "", "error", error=self._said(error))
        except openai.APIError as error:  # time-outs and connection faults; the class says which, the text may hold secrets
            return self._record(purpose, prompt_sha256, "", "error", error=type(error).__name__)
        except json.JSONDecodeError:
            return self._record(purpose, prompt_sha256, "", "error", error="the reply is not JSON")
        if not getattr(reply, "choices", None):
            return self._record(purpose, prompt_sha256, "", "error", error="the reply holds no choice")
        choice: Any = reply.choices[0]
        used = (reply.usage.prompt_tokens, reply.usage.completion_tokens) if reply.usage else (0, 0)
        with self._lock:
            self._spent_tokens += sum(used)
        text, finish = _text_of(choice.message), choice.finish_reason or "unknown"
        error_text = None
        if getattr(choice.message, "refusal", None):
            error_text = "refused"
        elif finish == "length":
            error_text = f"cut after {settings['max_tokens']} tokens"
        elif finish == "content_filter":
            error_text = "filtered"
        elif not text.strip():
            error_text = "empty"
        return self._record(purpose, prompt_sha256, text, finish, used, error_text)

    def _send(self, messages: Sequence[ChatMessage], settings: dict[str, Any]) -> ChatCompletion:
        import openai
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        def worth_another_try(error: BaseException) -> bool:
            if isinstance(error, openai.APIStatusError):
                return error.status_code in (408, 409, 429) or error.status_code >= 500
            return isinstance(error, openai.APIConnectionError)  # APITimeoutError is one

        retrying = Retrying(
            retry=retry_if_exception(worth_another_try),
            stop=stop_after_attempt(self._max_retries + 1),
            wait=wait_random_exponential(multiplier=0.2, max=20.0),
            reraise=True,
        )
        create: Callable[..., ChatCompletion] = self._client().chat.completions.create
        return retrying(create, model=self.model, messages=list(messages), **settings)

    def _said(self, error: APIStatusError) -> str:
        """What the server gave as its reason, in short, and without the key if it repeats it."""
        key = self._api_key.get_secret_value() if self._api_key is not None else ""
        message = error.message.replace(key, "***") if key else error.message
        return f"status {error.status_code}: {message[:200]}"

    def _client(self) -> OpenAI:
        from openai import OpenAI

        with self._lock:
            if self._connection is None:
                key = self._api_key.get_secret_value() if self._api_key is not None else ""
                # Retries are ours alone: the client's own on top of them would multiply. A local server wants no key, the
                # client insists on one.
                self._connection = OpenAI(base_url=self.base_url, api_key=key or "none", timeout=self._timeout_s, max_retries=0)
            return self._connection

    def _record(
        self,
        purpose: str,
        prompt_sha256: str,
        text: str,
        finish_reason: str,
        used: tuple[int, int] = (0, 0),
        error: str | None = None,
    ) -> Completion:
        return Completion(
            completion_id=make_id("completion", self.model, purpose, prompt_sha256, text, finish_reason, error),
            model=self.model,
            purpose=purpose,
            prompt_sha256=prompt_sha256,
            text=text,
            finish_reason=finish_reason,
            prompt_tokens=used[0],
            completion_tokens=used[1],
            error=error,
        )


def _text_of(message: Any) -> str:
    """The words of a reply. Servers that split the reasoning off (reasoning_content) get it put back between think tags."""
    content = message.content or ""
    reasoning = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
    if isinstance(reasoning, str) and "<think>" not in content:
        return f"<think>{reasoning.strip()}</think>{content}"
    return str(content)
