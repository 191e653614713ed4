"""Start and stop Label Studio, the server in which curators review questions.

    python -m annotate.label_studio up   --data-dir workspace/label-studio --media-root workspace/review --port 8080
    python -m annotate.label_studio down --data-dir workspace/label-studio

The server lives in a virtual environment of its own (its pins contradict ours: pyarrow, redis, pytz, python-json-logger), is
bound to 127.0.0.1, and calls no other host. All of its state is in the data directory; the clips it may serve are below the
media root. The first start makes an administrator with a random password and token, kept in ``credentials.json`` (readable by
its owner only). For a server that many reach, put Label Studio behind your own proxy and database; push and pull only need its
URL.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from deepsport.errors import UserError
from deepsport.settings import load_settings

VERSION = "1.23.2"
"""The release of Label Studio that push and pull are tested with."""

VENV_VARIABLE = "DEEPSPORT_LABEL_STUDIO_VENV"
DEFAULT_VENV = Path(".venv-label-studio")
MEDIA_FOLDER = "review"
"""Folder of the workspace that the server may serve clips from; push writes them there."""
START_TIMEOUT_S = 1200.0
"""An empty data directory takes about a minute of CPU time (migrations), a used one about 5 s."""


class Credentials(BaseModel):
    """The administrator that the first start makes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: str
    password: SecretStr
    token: SecretStr
    """The legacy token: it never expires, which suits a scheduled pull."""


class Server(BaseModel):
    """A running server, as written to ``server.json`` in its data directory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    pid: int
    media_root: str


def find_program(venv: Path) -> Path:
    """The label-studio program of a virtual environment. Raises: UserError when it is not installed there."""
    program = venv.absolute() / ("Scripts" if os.name == "nt" else "bin") / "label-studio"
    if not program.exists():
        raise UserError(
            f"{venv}: no Label Studio there; run `make label-studio-install`, or point {VENV_VARIABLE} at a virtual environment"
            f" with label-studio=={VERSION}"
        )
    return program


def credentials_of(data_dir: Path) -> Credentials:
    """The administrator of a data directory; made with random secrets if there is none yet.

    Raises: UserError when credentials.json is there but cannot be read.
    """
    path = data_dir / "credentials.json"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        fresh = {"email": "curator@deepsport.local", "password": secrets.token_urlsafe(12), "token": secrets.token_hex(20)}
        temporary = path.with_suffix(".part")
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(fresh, file)
        temporary.replace(path)
    try:
        return Credentials.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path}: not the credentials of a Label Studio; delete the data directory to start afresh") from error


def server_environment(data_dir: Path, media_root: Path, credentials: Credentials) -> dict[str, str]:
    """The variables the server is started with: local, silent towards other hosts, serving clips below media_root only."""
    return {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data_dir.absolute()),
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_USERNAME": credentials.email,
        "LABEL_STUDIO_PASSWORD": credentials.password.get_secret_value(),
        "LABEL_STUDIO_USER_TOKEN": credentials.token.get_secret_value(),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # else the token above is refused
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",  # further curators come by invitation
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(media_root.absolute()),
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _is_ours(server: Server, data_dir: Path) -> bool:
    """Whether the process still lives and is the server of this data directory (a pid may have been given away since)."""
    environment = Path(f"/proc/{server.pid}/environ")
    if Path("/proc/self/environ").exists():
        wanted = f"LABEL_STUDIO_BASE_DATA_DIR={data_dir.absolute()}".encode()
        try:
            return wanted in environment.read_bytes().split(b"\0")
        except OSError:
            return False
    return _is_healthy(server.url)


def running(data_dir: Path) -> Server | None:
    """The server of a data directory, or None when none runs."""
    path = data_dir / "server.json"
    if not path.exists():
        return None
    server = Server.model_validate_json(path.read_bytes())
    return server if _is_ours(server, data_dir) else None


def start(
    data_dir: Path,
    media_root: Path,
    *,
    port: int = 8080,
    venv: Path = DEFAULT_VENV,
    timeout_s: float = START_TIMEOUT_S,
) -> Server:
    """Start the server, wait until it answers, and leave it running; a server that runs already is returned as it is.

    Raises: UserError when it is not installed, when the port is taken, or when it does not answer within timeout_s.
    """
    known = running(data_dir)
    if known is not None and _is_healthy(known.url):
        return known
    program = find_program(venv)
    url = f"http://127.0.0.1:{port}"
    if _is_healthy(url):
        raise UserError(f"{url}: another Label Studio answers there; choose another --port")
    credentials = credentials_of(data_dir)
    media_root.mkdir(parents=True, exist_ok=True)
    log_path = data_dir / "label-studio.log"
    command = [str(program), "start", "--no-browser", "--internal-host", "127.0.0.1", "-p", str(port)]
    environment = os.environ | server_environment(data_dir, media_root, credentials)
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=data_dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    server = Server(url=url, pid=process.pid, media_root=str(media_root.absolute()))
    (data_dir / "server.json").write_text(server.model_dump_json())
    deadline = time.monotonic() + timeout_s
    while not _is_healthy(url):
        if process.poll() is not None:
            raise UserError(f"Label Studio ended with code {process.returncode}; see {log_path}")
        if time.monotonic() > deadline:
            stop(data_dir)
            raise UserError(f"{url}: no answer within {timeout_s:.0f} s; see {log_path}")
        time.sleep(0.5)
    return server


def stop(data_dir: Path, *, timeout_s: float = 20.0) -> bool:
    """Stop the server of a data directory; False when none was running."""
    server = running(data_dir)
    if server is not None:
        _signal(server.pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout_s
        while _is_ours(server, data_dir) and time.monotonic() < deadline:
            time.sleep(0.1)
        if _is_ours(server, data_dir):
            _signal(server.pid, signal.SIGKILL)
    (data_dir / "server.json").unlink(missing_ok=True)
    return server is not None


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
    try:
        os.waitpid(pid, os.WNOHANG)  # a child of this very process stays a zombie until it is waited for
    except ChildProcessError:
        return


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: ``up`` and ``down``; 2 and one line on a person's mistake."""
    parser = argparse.ArgumentParser(prog="python -m annotate.label_studio", description="Start or stop Label Studio.")
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--data-dir", type=Path, help="where the server keeps its state (workspace/label-studio)")
    parser.add_argument("--media-root", type=Path, help="below it lie the clips it may serve (workspace/review)")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--venv", type=Path, help=f"its virtual environment (${VENV_VARIABLE}, else {DEFAULT_VENV})")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        data_dir = options.data_dir or settings.workspace / "label-studio"
        media_root = options.media_root or settings.workspace / MEDIA_FOLDER
        if options.action == "down":
            stopped = stop(data_dir)
            sys.stdout.write("Label Studio stopped.\n" if stopped else "No Label Studio was running.\n")
            return 0
        venv = options.venv or settings.label_studio_venv or DEFAULT_VENV
        server = start(data_dir, media_root, port=options.port, venv=venv)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    secrets_path = data_dir / "credentials.json"
    sys.stdout.write(
        f"Label Studio answers at {server.url} (clips below {server.media_root}).\n"
        f"E-mail, password and API token of its administrator are in {secrets_path}. For push and pull:\n"
        f"  export DEEPSPORT_LABEL_STUDIO_URL={server.url}\n"
        f"  export DEEPSPORT_LABEL_STUDIO_TOKEN=$(python -c \"import json; print(json.load(open('{secrets_path}'))['token'])\")\n"
        f"Stop it with: python -m annotate.label_studio down --data-dir {data_dir}\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
