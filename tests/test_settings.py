"""Settings from the environment, and a log that keeps their secrets."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from deepsport.errors import UserError
from deepsport.log import redact, setup
from deepsport.settings import load_settings

KEY = "sesame-4711-open"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(__import__("os").environ):
        if name.upper().startswith("DEEPSPORT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_defaults_need_no_server_and_no_key() -> None:
    settings = load_settings()
    assert (settings.workspace, settings.device, settings.num_workers) == (Path("workspace"), "auto", 1)
    assert settings.teacher_base_url is None and settings.secrets() == []


def test_environment_wins_over_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEEPSPORT_DEVICE=cpu\nDEEPSPORT_NUM_WORKERS=3\nANOTHER_PROGRAM=1\n")
    monkeypatch.setenv("DEEPSPORT_DEVICE", "cuda:1")
    settings = load_settings()
    assert (settings.device, settings.num_workers) == ("cuda:1", 3)


def test_secrets_are_not_in_repr_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSPORT_TEACHER_API_KEY", KEY)
    settings = load_settings()
    assert settings.secrets() == [KEY]
    for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{settings.model_dump()}"):
        assert KEY not in shown


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DEEPSPORT_WORKSPCE", "x", "did you mean DEEPSPORT_WORKSPACE"),
        ("DEEPSPORT_DEVICE", "tpu", "DEEPSPORT_DEVICE: String should match pattern"),
        ("DEEPSPORT_NUM_WORKERS", "0", "greater than or equal to 1"),
        ("DEEPSPORT_TEACHER_BASE_URL", "localhost:8000", "full URL"),
        ("DEEPSPORT_LABEL_STUDIO_URL", f"http://kim:{KEY}@host", "must not hold a password"),
    ],
)
@pytest.mark.parametrize("in_file", [False, True])
def test_bad_settings_are_named_without_their_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str, in_file: bool
) -> None:
    if in_file:
        Path(".env").write_text(f"ANOTHER_PROGRAM=1\n{name}={value}\n")
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=message) as caught:
        load_settings()
    assert str(caught.value).startswith(name) and KEY not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("line", ['DEEPSPORT_WORKSPACE="other', "DEEPSPORT_WORKSPACE: other", "DEEPSPORT_WORKSPACE other"])
def test_a_line_that_sets_nothing_is_named(line: str) -> None:
    Path(".env").write_text(f"# mine\nDEEPSPORT_DEVICE=cpu\n{line}\n")
    with pytest.raises(UserError, match=r"^\.env: line 3 is not NAME=value") as told:
        load_settings()
    assert "other" not in str(told.value), "it may be a secret"


def test_a_file_of_settings_that_is_no_text_is_named() -> None:
    Path(".env").write_bytes("DEEPSPORT_DEVICE=cpu # für Kim".encode("latin-1"))
    with pytest.raises(UserError, match=r"^\.env: cannot be read .*it must be UTF-8 text"):
        load_settings()


@pytest.mark.parametrize("json_lines", [True, False])
def test_log_never_shows_a_secret(root_logger: logging.Logger, json_lines: bool) -> None:
    stream = io.StringIO()
    setup(json_lines=json_lines, secrets=[KEY], console=Console(file=stream, width=80))
    log = logging.getLogger("deepsport.anything")
    log.info("asked with %s", {"headers": {"Authorization": "Bearer abcdefgh.ijk"}, "key": KEY})
    try:
        raise ConnectionError(f"https://kim:{KEY}@host/?token=123&x=1 refused")
    except ConnectionError:
        log.warning("no answer", exc_info=True)
    shown = stream.getvalue()
    assert "asked with" in shown and "ConnectionError" in shown and "x=1 refused" in shown
    for secret in (KEY, "abcdefgh", "token=123"):
        assert secret not in shown


def test_json_log_is_one_object_a_line_whatever_the_message_holds(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    setup(json_lines=True, console=Console(file=stream, width=80))
    logging.getLogger("deepsport.feeds").info("team %s", 'Red\nERROR "forged"\x1b[31m Ü')
    setup(json_lines=True, console=Console(file=stream, width=80))  # a second call replaces the first
    logging.getLogger("deepsport.feeds").info("done")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["message"] == 'team Red\\nERROR "forged"\\x1b[31m Ü'
    assert (first["level"], first["logger"], second["message"]) == ("INFO", "deepsport.feeds", "done")


def test_console_log_does_not_read_markup_and_stays_on_one_line(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    setup(console=Console(file=stream, width=80))
    logging.getLogger("deepsport.clips").info("clip [red]17[/red] " + "x" * 300 + "\nsecond line")
    assert stream.getvalue().count("\n") == 1
    assert "clip [red]17[/red]" in stream.getvalue() and "\\nsecond line" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("x-api-key: abc def", "x-api-key: ********** def"),
        ('{"api_key": "abc", "n": 1}', '{"api_key": "**********", "n": 1}'),
        ("LABEL_STUDIO_TOKEN=abc", "LABEL_STUDIO_TOKEN=**********"),
        ("authorization='Token abc'", "authorization='**********'"),
        ("key sk-0123456789abcdefXYZ here", "key sk-********** here"),
        ("s3://host/a?X-Amz-Signature=ab12&n=1", "s3://host/a?X-Amz-Signature=**********&n=1"),
        ("https://host/a?sv=1&sig=a,b;c&n=1", "https://host/a?sv=1&sig=**********&n=1"),
        ("https://token@host/a", "https://**********@host/a"),
        ("used 512 tokens: fine, http://host:80/a@b", "used 512 tokens: fine, http://host:80/a@b"),
    ],
)
def test_shapes_of_keys_are_blacked_out(text: str, clean: str) -> None:
    assert redact(text) == clean
