"""Where and with whom: folders, servers, keys, device. From ``DEEPSPORT_…`` variables and ``.env``; no result depends on it."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from urllib.parse import urlsplit

from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from deepsport.errors import UserError, first_complaint

_PREFIX = "DEEPSPORT_"


class Settings(BaseSettings):
    """Settings of this machine and user; ``load_settings`` makes them. Keys are SecretStr: printing shows asterisks."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    workspace: Path = Path("workspace")
    """Folder of the dataset: tables, media, shards, checkpoints, reports."""
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    """Where models run: ``auto`` takes a GPU when there is one."""
    teacher_base_url: str | None = None
    """An OpenAI-compatible server, e.g. ``http://localhost:8000/v1``; none means the scripted teacher."""
    teacher_model: str | None = None
    teacher_api_key: SecretStr | None = None
    whisper_model: str | None = None
    """Folder with weights of a speech model, or its name; none means the small one that comes with ``deepsport[demo]``."""
    label_studio_url: str | None = None
    label_studio_token: SecretStr | None = None
    label_studio_venv: Path | None = None
    """Virtual environment that holds the Label Studio server; none means ``.venv-label-studio``."""
    num_workers: int = Field(default=1, ge=1, le=256)
    """Processes that work on items at once."""
    ray_address: str | None = None
    """A Ray cluster that works on items instead, ``auto`` or ``host:port`` of its head; none means processes of this machine."""
    real_data: Path | None = None
    """Folder of real broadcasts for the checks that need them; none skips those."""

    @field_validator("teacher_base_url", "label_studio_url")
    @classmethod
    def _plain_url(cls, url: str | None) -> str | None:
        if url is not None:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("must be a full URL such as http://localhost:8000")
            if parts.username or parts.password:
                raise ValueError("must not hold a password; put it into the key's own variable")
        return url

    def secrets(self) -> list[str]:
        """The values that must never be shown; for the log's filter."""
        values = [getattr(self, name) for name in type(self).model_fields]
        return [v.get_secret_value() for v in values if isinstance(v, SecretStr) and v.get_secret_value()]


def load_settings() -> Settings:
    """Settings from the environment and ``.env`` (the environment wins).

    Raises: UserError for a value that cannot be, and for a ``DEEPSPORT_…`` variable that does not exist.
    """
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    try:
        if (file := Path(".env")).is_file():
            with file.open(encoding="utf-8") as text:
                for line in parse_stream(text):  # which would only be grumbled at, and what it sets be lost
                    if line.error:
                        raise UserError(f".env: line {line.original.line} is not NAME=value; mend it")
        in_file = DotEnvSettingsSource(Settings, case_sensitive=True, env_ignore_empty=False).env_vars
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f".env: cannot be read ({error}); it must be UTF-8 text that you may read") from None
    for name in sorted({*os.environ, *in_file}):
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            raise UserError(f"{name}: no such setting; " + (f"did you mean {near[0]}?" if near else f"there are {sorted(known)}"))
    try:
        return Settings()
    except ValidationError as error:
        name = _PREFIX + str(error.errors(include_input=False, include_url=False)[0]["loc"][0]).upper()
        raise UserError(f"{name}: {first_complaint(error)}; set it in the environment or in .env") from None
