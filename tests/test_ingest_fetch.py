"""ingest.fetch: media by URL is copied once and whole, whatever the network does, and a source that changes is noticed."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import ingest.fetch
from deepsport.errors import MediaError, UserError
from deepsport.store import Store
from deepsport.video import MissingMedia
from ingest.fetch import ChangedMedia, UnreachableMedia, fetch, list_files, steady, version_of

DATA = random.Random(0).randbytes(1_000_000)
BLOCK = 64 << 10


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest.fetch, "_BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(ingest.fetch, "_PAUSE_S", 0.001)


class Host(ThreadingHTTPServer):
    """A web server with ranges, and with whatever trouble a test makes for it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.data = DATA
        self.etag: str | None = "v1"
        self.ranges = True
        self.faults: list[object] = []
        """What befalls the next GETs: a status, a number of bytes after which the line breaks, or a call to make before."""
        self.asked: list[str] = []
        """The Range of each GET."""
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """A line that breaks is what is wanted here."""

    def url(self, name: str = "match.mp4") -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def served_bytes(self) -> int:
        spans = [span.removeprefix("bytes=").split("-") for span in self.asked]
        return sum(min(int(end), len(self.data) - 1) + 1 - int(start) for start, end in spans)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Host

    def log_message(self, *_: object) -> None:
        pass

    def head(self, status: int, length: int, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if self.server.etag:
            self.send_header("ETag", f'"{self.server.etag}"')
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_HEAD(self) -> None:
        status = 404 if "gone" in self.path else 503 if "down" in self.path else 403 if "secret" in self.path else 200
        self.head(status, len(self.server.data) if status == 200 else 0)

    def do_GET(self) -> None:
        host = self.server
        if self.path.split("/")[-1] in ("gone.mp4", "down.mp4", "secret.mp4"):
            return self.do_HEAD()
        span = self.headers.get("Range") or ""
        host.asked.append(span)
        fault = host.faults.pop(0) if host.faults else None
        if callable(fault):
            fault()
        if isinstance(fault, int) and 100 <= fault < 600:
            return self.head(fault, 0)
        body, status, extra = host.data, 200, {}
        if host.ranges and span:
            start, end = span.removeprefix("bytes=").split("-")
            body, status = host.data[int(start) : int(end) + 1], 206
            extra = {"Content_Range": f"bytes {start}-{int(start) + len(body) - 1}/{len(host.data)}"}
        self.head(status, len(body), **extra)
        if isinstance(fault, int):
            self.wfile.write(body[: fault // 1000])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return None
        self.wfile.write(body)
        return None


@pytest.fixture
def host() -> Iterator[Host]:
    server = Host()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "media")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_film_is_copied_once_with_its_sum(host: Host, store: Store) -> None:
    first = fetch(host.url(), store, ".mp4")
    assert first.path.read_bytes() == DATA and first.sha256 == sha256(DATA)
    assert first.path.parent.name == "incoming" and first.path.suffix == ".mp4"
    num_asked = len(host.asked)
    assert fetch(host.url(), store, ".mp4") == first
    assert len(host.asked) == num_asked == len(DATA) // BLOCK + 1
    assert not list(store.parts_dir.glob("*.part"))


def test_a_broken_line_is_gone_on_with_from_where_it_broke(host: Host, store: Store) -> None:
    host.faults = [None, None, 20_000_000, 503, 429, None, 1000]
    assert fetch(host.url(), store).sha256 == sha256(DATA)
    begins = [int(span.removeprefix("bytes=").split("-")[0]) for span in host.asked]
    assert begins == sorted(begins), "nothing that had come was asked for again"
    assert [begins.count(n * BLOCK) for n in range(5)] == [1, 1, 4, 2, 1]


def test_faults_in_a_row_without_a_byte_end_it_and_a_later_call_goes_on(host: Host, store: Store) -> None:
    host.faults = [None, None, *[503] * (ingest.fetch._ATTEMPTS + 1)]
    with pytest.raises(UnreachableMedia, match=r"match.mp4: cannot be fetched .*503.*; try again when its host answers"):
        fetch(host.url(), store)
    assert host.faults == []
    host.asked = []
    assert fetch(host.url(), store).sha256 == sha256(DATA)
    assert host.served_bytes() == len(DATA) - 2 * BLOCK


def fetch_slowly(url: str, root: str) -> None:
    ingest.fetch._BLOCK_BYTES = BLOCK
    fetch(url, Store(root))


def test_a_killed_copy_is_gone_on_with_by_the_next_process(host: Host, store: Store, tmp_path: Path) -> None:
    host.faults = [None] * 6 + [lambda: time.sleep(30)]
    process = multiprocessing.get_context("spawn").Process(target=fetch_slowly, args=(host.url(), str(tmp_path / "media")))
    process.start()
    while len(host.asked) < 7:
        assert process.is_alive()
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    (part,) = store.parts_dir.glob("*.part")
    assert part.stat().st_size == 6 * BLOCK and not list((tmp_path / "media").glob("incoming/*"))
    host.asked = []
    assert fetch(host.url(), store).sha256 == sha256(DATA)
    assert host.served_bytes() == len(DATA) - 6 * BLOCK


def test_a_source_that_changed_meanwhile_is_copied_from_the_beginning(host: Host, store: Store) -> None:
    host.faults = [None, None, *[503] * (ingest.fetch._ATTEMPTS + 1)]
    with pytest.raises(UnreachableMedia):
        fetch(host.url(), store)
    host.data, host.etag = DATA[::-1], "v2"
    assert fetch(host.url(), store).sha256 == sha256(DATA[::-1])


def test_a_source_that_changes_while_it_is_copied_is_never_taken(host: Host, store: Store) -> None:
    def change() -> None:
        host.data, host.etag = b"other" + DATA[5:], "v2"

    host.faults = [None, None, change]
    with pytest.raises(ChangedMedia, match="changed while it was copied; ingest it again"):
        fetch(host.url(), store)
    assert not list(store.parts_dir.glob("*.part"))
    assert fetch(host.url(), store).sha256 == sha256(host.data)


def test_a_source_that_becomes_shorter_while_it_is_copied_is_copied_from_the_beginning(host: Host, store: Store) -> None:
    def change() -> None:
        host.data = b"other" + DATA[5:-3]

    host.faults = [None, None, change]
    assert fetch(host.url(), store).sha256 == sha256(host.data)


def test_without_ranges_it_comes_in_one_stream_from_the_beginning(host: Host, store: Store) -> None:
    host.ranges = False
    host.faults = [None, None, 300_000_000]
    assert fetch(host.url(), store).sha256 == sha256(DATA)


def test_pythons_own_server_will_do(store: Store, tmp_path: Path) -> None:
    (tmp_path / "www" / "day 1").mkdir(parents=True)
    (tmp_path / "www" / "day 1" / "a.mp4").write_bytes(DATA)
    (tmp_path / "www" / "b.mp4").write_bytes(DATA[:7])

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "www"))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        urls = list_files(f"http://127.0.0.1:{server.server_port}/")
        assert [url.rsplit("/", 1)[1] for url in urls] == ["b.mp4", "a.mp4"]
        assert [fetch(url, store).sha256 for url in urls] == [sha256(DATA[:7]), sha256(DATA)]
        server.shutdown()


def test_two_that_fetch_one_film_make_one_copy(host: Host, store: Store) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(fetch(host.url(), store).sha256)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [sha256(DATA)] * 3
    assert host.served_bytes() == len(DATA)


def test_what_cannot_be_fetched_says_why(host: Host, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingMedia, match="nothing there; mend the URL"):
        fetch(host.url("gone.mp4"), store)
    with pytest.raises(UnreachableMedia, match="503"):
        fetch(host.url("down.mp4"), store)
    with pytest.raises(UnreachableMedia, match=r"access is refused.*check rights and credentials"):
        fetch(host.url("secret.mp4"), store)
    with pytest.raises(UnreachableMedia, match="try again"):
        fetch("http://127.0.0.1:9/a.mp4", store)
    with pytest.raises(MediaError, match="cannot be fetched"):
        fetch("gopher://example.org/a.mp4", store)
    monkeypatch.setitem(__import__("sys").modules, "aiohttp", None)
    with pytest.raises(UserError, match=r"pip install 'deepsport\[http\]'"):
        fetch("https://example.org/a.mp4", store)


def test_a_host_that_states_nothing_is_believed(host: Host, store: Store) -> None:
    host.etag = None
    assert version_of(host.url()) == f"{len(DATA)} "
    assert fetch(host.url(), store).sha256 == sha256(DATA)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of a local S3, as the environment names one."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{address}:{port}")
        import fsspec

        fsspec.filesystem("s3").mkdir("archive")
        yield "s3://archive"
    server.stop()


@pytest.mark.parametrize("kind", ["s3", "memory", "file"])
def test_object_stores_are_listed_copied_and_watched(
    kind: str, store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import fsspec

    root = {"memory": "memory://archive", "file": f"file://{tmp_path}/archive"}.get(kind) or request.getfixturevalue("bucket")
    filesystem, path = fsspec.url_to_fs(root)

    def put(data: bytes) -> None:
        filesystem.makedirs(f"{path}/2026", exist_ok=True)
        filesystem.pipe_file(f"{path}/2026/final.mp4", data)

    put(DATA)
    (url,) = list_files(f"{root}/")
    assert url.endswith("archive/2026/final.mp4")
    first, version = fetch(url, store, ".mp4"), version_of(url)
    assert first.sha256 == sha256(DATA) and fetch(url, store, ".mp4") == first
    put(DATA[::-1])
    assert version_of(url) != version
    second = fetch(url, store, ".mp4")
    assert second.sha256 == sha256(DATA[::-1]) and second.path != first.path
    with pytest.raises(MissingMedia):
        fetch(f"{root}/2026/none.mp4", store)
    with pytest.raises(MissingMedia, match="end the URL with /"):
        fetch(f"{root}/2026", store)


def test_a_file_that_changes_in_the_block_is_noticed(tmp_path: Path) -> None:
    film = tmp_path / "a.mp4"
    film.write_bytes(DATA)
    with steady(film) as found:
        os.utime(film, (0, 0))  # touched, not changed
    assert found == sha256(DATA)
    with pytest.raises(ChangedMedia, match=r"a\.mp4: changed while it was read"), steady(film), film.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ChangedMedia), steady(film):
        film.unlink()
        raise MediaError("a.mp4: a frame cannot be decoded")
    film.write_bytes(DATA)
    with pytest.raises(MediaError, match="a frame"), steady(film):
        raise MediaError("a.mp4: a frame cannot be decoded")
    with pytest.raises(MissingMedia), steady(tmp_path / "none.mp4"):
        pass
