"""ingest.fetch: media by URL is copied once and whole, whatever the network does, and a source that changes is noticed."""

from __future__ import annotations

import base64
import hashlib
import multiprocessing
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import ingest.fetch
from deepsport.errors import MediaError, UserError
from deepsport.store import Store
from deepsport.video import MissingMedia
from ingest.fetch import ChangedMedia, UnreachableMedia, fetch, list_files, public_url, read_file, steady, version_of

DATA = random.Random(0).randbytes(1_000_000)
_BASIC = "Basic " + base64.b64encode(b"kim:secret@pw").decode()


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest.fetch, "_BLOCK_BYTES", 64 << 10)
    monkeypatch.setattr(ingest.fetch, "_PAUSE_S", 0.001)


class Host(ThreadingHTTPServer):
    """A web server with ranges, and with whatever trouble a test makes for it."""

    daemon_threads = True

    def __init__(self, parts_dir: Path) -> None:
        self.parts_dir = parts_dir
        self.data = DATA
        self.etag: str | None = "v1"
        self.ranges = True
        self.faults: list[int | Callable[[_Handler], object] | None] = []
        """What befalls the next GETs: a status, or what becomes of the answer's body; None is nothing."""
        self.pages: dict[str, str] = {}
        """Pages of HTML, by path."""
        self.begins: list[int] = []
        """From which byte on each GET asked."""
        self.asked: list[str] = []
        """Path and credentials of each GET."""
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """A line that breaks is what is wanted here."""

    def url(self, name: str = "match.mp4") -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


def broken_after(num_bytes: int, meanwhile: Callable[[], object] = lambda: None) -> Callable[[_Handler], object]:
    """The line breaks after so many bytes, when they have come to be on disk."""

    def send(answer: _Handler) -> None:
        answer.send_some(num_bytes)
        meanwhile()
        raise ConnectionAbortedError

    return send


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
        statuses = {"gone": 404, "/empty ": 404, "down": 503, "refused": 403}
        status = next((status for part, status in statuses.items() if part in f"{self.path} "), 200)
        self.head(status, len(self.server.data) if status == 200 else 0)

    def do_GET(self) -> None:
        host = self.server
        host.asked.append(f"{self.path} {self.headers.get('Authorization', '')}")
        if self.path.partition("?")[0] in ("/gone.mp4", "/down.mp4", "/refused.mp4", "/empty") or "/gone/" in self.path:
            return self.do_HEAD()
        if self.path in host.pages:
            page = host.pages[self.path].encode()
            self.head(200, len(page), Content_Type="text/html")
            self.wfile.write(page)
            return None
        span = self.headers.get("Range") if host.ranges else None
        begin = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
        host.begins.append(begin)
        fault = host.faults.pop(0) if host.faults else None
        if isinstance(fault, int):
            return self.head(fault, 0)
        end = len(host.data) - 1
        self.begin, self.body = begin, host.data[begin:]
        self.head(206 if span else 200, len(self.body), **({"Content_Range": f"bytes {begin}-{end}/{end + 1}"} if span else {}))
        if fault is not None:
            fault(self)
        self.wfile.write(self.body)
        return None

    def send_some(self, num_bytes: int) -> None:
        self.wfile.write(self.body[:num_bytes])
        self.wfile.flush()
        self.body = self.body[num_bytes:]
        due, deadline = self.begin + num_bytes, time.monotonic() + 60
        while not [part for part in self.server.parts_dir.glob("*.part") if part.stat().st_size == due]:
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.fixture
def host(store: Store) -> Iterator[Host]:
    server = Host(store.parts_dir)
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
    assert fetch(host.url(), store, ".mp4") == first
    assert host.begins == [0]
    assert not list(store.parts_dir.glob("*.part"))


def test_a_broken_line_is_gone_on_with_from_where_it_broke(host: Host, store: Store) -> None:
    host.faults = [broken_after(300_000), 503, 429, broken_after(1), 503, 503, 503, broken_after(200_000)]
    assert fetch(host.url(), store).sha256 == sha256(DATA)
    assert host.begins == [0, 300_000, 300_000, 300_000, 300_001, 300_001, 300_001, 300_001, 500_001]


def test_a_host_that_breaks_off_every_time_is_gone_on_with_as_long_as_it_gives_anything(host: Host, store: Store) -> None:
    host.data = DATA[:296_708]

    def give_a_third(answer: _Handler) -> None:
        answer.wfile.write(answer.body[: len(answer.body) // 3 + 1])
        raise ConnectionAbortedError

    host.faults = [give_a_third] * 100
    assert fetch(host.url(), store).sha256 == sha256(host.data)
    begins = [0]
    while (missing := 296_708 - begins[-1]) > 1:
        begins.append(begins[-1] + missing // 3 + 1)
    assert host.begins == begins, "nothing that came was asked for again"


def test_faults_in_a_row_without_a_byte_end_it_and_a_later_call_goes_on(host: Host, store: Store) -> None:
    host.faults = [broken_after(300_000), *[503] * ingest.fetch._ATTEMPTS]
    with pytest.raises(UnreachableMedia, match=r"match.mp4: cannot be fetched .*503.*; try again when its host answers"):
        fetch(host.url(), store)
    assert host.faults == []
    host.begins = []
    assert fetch(host.url(), store).sha256 == sha256(DATA)
    assert host.begins == [300_000]


def fetch_into(url: str, root: str) -> None:
    fetch(url, Store(root))


def test_a_killed_copy_is_gone_on_with_by_the_next_process(host: Host, store: Store, tmp_path: Path) -> None:
    sent, going = threading.Event(), threading.Event()

    def hang(answer: _Handler) -> None:
        answer.send_some(400_000)
        sent.set()
        going.wait(60)
        raise ConnectionAbortedError

    host.faults = [hang]
    process = multiprocessing.get_context("spawn").Process(target=fetch_into, args=(host.url(), str(tmp_path / "media")))
    process.start()
    assert sent.wait(60)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    going.set()
    assert not list((tmp_path / "media").glob("incoming/*"))
    assert fetch(host.url(), store).sha256 == sha256(DATA)
    assert host.begins == [0, 400_000]


def test_a_source_that_changed_meanwhile_is_copied_from_the_beginning(host: Host, store: Store) -> None:
    host.faults = [broken_after(300_000), *[503] * ingest.fetch._ATTEMPTS]
    with pytest.raises(UnreachableMedia):
        fetch(host.url(), store)
    host.data, host.etag, host.begins = DATA[::-1], "v2", []
    assert fetch(host.url(), store).sha256 == sha256(DATA[::-1])
    assert host.begins == [0]


def test_a_source_that_changes_while_it_is_copied_is_never_taken(host: Host, store: Store) -> None:
    def change(_: object = None) -> None:
        host.data, host.etag = b"other" + DATA[5:], "v2"

    host.faults = [change]
    with pytest.raises(ChangedMedia, match="changed while it was copied; ingest it again"):
        fetch(host.url(), store)
    assert not list(store.parts_dir.glob("*.part"))
    assert fetch(host.url(), store).sha256 == sha256(host.data)


@pytest.mark.parametrize("etag", ["v2", "v1"])
def test_a_source_that_changes_before_its_line_breaks_is_copied_from_the_beginning(host: Host, store: Store, etag: str) -> None:
    def change() -> None:
        host.data, host.etag = b"other" + DATA[5:-3], etag  # of another size, should the tag be careless

    host.faults = [broken_after(300_000, meanwhile=change)]
    assert fetch(host.url(), store).sha256 == sha256(host.data)
    assert host.begins == [0, 0]


def test_without_ranges_it_is_copied_from_the_beginning_after_a_break(host: Host, store: Store) -> None:
    host.ranges = False
    host.faults = [broken_after(300_000)]
    assert fetch(host.url(), store).sha256 == sha256(DATA)
    assert host.begins == [0, 0, 0], "once more to learn that ranges are not given"


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


def test_a_folder_that_cannot_be_had_is_no_empty_one(host: Host) -> None:
    for url in ("http://127.0.0.1:9/films/", "https://127.0.0.1:9/films/", "http://no-such-host.invalid/films/"):
        with pytest.raises(UnreachableMedia, match=r"films/: cannot be fetched .*; try again when its host answers"):
            list_files(url)
    with pytest.raises(MissingMedia, match="gone/: nothing there; mend the URL"):
        list_files(host.url("gone/"))
    host.pages["/empty/"] = "<p>No films yet</p>"  # and nothing under the name without its slash
    assert list_files(host.url("empty/")) == []


def test_a_folder_in_a_folder_is_listed_or_the_whole_is_not(host: Host) -> None:
    host.pages["/films/"] = '<a href="a.mp4">a</a> <a href="gone/">moved</a> <a href="more/">more</a>'
    host.pages["/films/more/"] = '<a href="b.mp4">b</a>'
    assert list_files(host.url("films/")) == [host.url("films/a.mp4"), host.url("films/more/b.mp4")]
    del host.pages["/films/more/"]
    host.faults = [503] * ingest.fetch._ATTEMPTS
    with pytest.raises(UnreachableMedia, match="503"):
        list_files(host.url("films/"))


def test_a_protocol_that_connects_at_once_is_waited_for_like_the_others(store: Store) -> None:
    for ask in (version_of, list_files, read_file, lambda url: fetch(url, store)):
        with pytest.raises(UnreachableMedia, match=r"ftp://127.0.0.1:9/x.mp4: cannot be fetched .*refused"):
            ask("ftp://127.0.0.1:9/x.mp4")


@pytest.mark.parametrize(
    "secret", ["//kim:secret@pw@", "/x.mp4?token=secret", "/x.mp4?X-Amz-Signature=secret", "/x.mp4?sv=1&sig=a,secret"]
)
def test_a_secret_in_a_url_is_asked_with_and_never_told(host: Host, store: Store, secret: str) -> None:
    def url(path: str) -> str:
        address = host.url(path)
        return address.replace("//", secret) if "@" in secret else address.replace(f"/{path}", secret.replace("x.mp4", path))

    assert "secret" in url("a.mp4") and "secret" not in public_url(url("a.mp4"))
    assert public_url(public_url(url("a.mp4"))) == public_url(url("a.mp4"))
    assert fetch(url("a.mp4"), store).sha256 == sha256(DATA)
    assert host.asked[-1] in (f"/a.mp4 {_BASIC}", f"{secret.replace('x.mp4', 'a.mp4')} ")
    notes = [path.read_text() for path in store.parts_dir.glob("*.json")]
    assert notes and "secret" not in "".join(notes)
    for name in ("down.mp4", "gone.mp4", "refused.mp4"):
        with pytest.raises(MediaError) as told:
            fetch(url(name), store)
        assert "secret" not in str(told.value)
    with pytest.raises(UnreachableMedia, match="its password is not kept; name it again with the password"):
        fetch(public_url(url("a.mp4")), store)


def test_another_password_makes_no_other_url_and_another_token_does(host: Host, store: Store) -> None:
    def as_user(login: str) -> str:
        return host.url().replace("//", f"//{login}@")

    assert fetch(as_user("kim:one"), store) == fetch(as_user("kim:two"), store)
    assert host.begins == [0]
    names = [as_user("kim:one"), as_user("lee:one"), host.url(), host.url("x?token=a"), host.url("x?token=b")]
    assert len({public_url(name) for name in names}) == len(names)
    assert public_url("films/token=a.mp4") == "films/token=a.mp4", "a path"


def test_two_that_fetch_one_film_make_one_copy(host: Host, store: Store) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(fetch(host.url(), store).sha256)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [sha256(DATA)] * 3
    assert host.begins == [0]


def test_what_cannot_be_fetched_says_why(host: Host, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingMedia, match="nothing there; mend the URL"):
        fetch(host.url("gone.mp4"), store)
    with pytest.raises(MissingMedia, match="nothing there; mend the URL"):
        fetch(f"{Path(__file__).as_uri()}/film.mp4", store)
    with pytest.raises(UnreachableMedia, match="503"):
        fetch(host.url("down.mp4"), store)
    with pytest.raises(UnreachableMedia, match=r"access is refused.*check rights and credentials"):
        fetch(host.url("refused.mp4"), store)
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


@pytest.fixture(scope="module")
def google_bucket() -> Iterator[str]:
    """A bucket of a local server that speaks as Google's store does, as the environment names one."""
    from gcp_storage_emulator.server import create_server

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        import fsspec

        fsspec.filesystem("gs").mkdir("archive")
        yield "gs://archive"
    server.stop()


@pytest.mark.parametrize("kind", ["s3", "gs", "memory", "file"])
def test_object_stores_are_listed_copied_and_watched(
    kind: str, store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import fsspec

    fixtures = {"s3": "bucket", "gs": "google_bucket"}
    roots = {"memory": "memory://archive", "file": f"file://{tmp_path}/archive"}
    root = request.getfixturevalue(fixtures[kind]) if kind in fixtures else roots[kind]
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


def test_an_ftp_server_is_listed_and_copied_from(store: Store, tmp_path: Path) -> None:
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import ThreadedFTPServer

    films = tmp_path / "films" / "2026 cup"
    films.mkdir(parents=True)
    (films / "final.mp4").write_bytes(DATA)
    authorizer = DummyAuthorizer()
    authorizer.add_user("kim", "secret", str(tmp_path))
    refused: list[str] = []
    of = {"authorizer": authorizer, "auth_failed_timeout": 0, "on_login_failed": lambda _, user, password: refused.append(user)}
    handler = type("Handler", (FTPHandler,), of)
    with ThreadedFTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.05, "handle_exit": False})
        thread.start()
        try:
            root = f"ftp://kim:secret@127.0.0.1:{server.address[1]}/films"
            (url,) = list_files(f"{root}/")
            assert url == f"{root}/2026 cup/final.mp4"
            assert fetch(url, store).sha256 == sha256(DATA)
            with pytest.raises(MissingMedia):
                list_files(f"{root}/2025/")
            with pytest.raises(UnreachableMedia, match="530"):
                fetch(url.replace("secret", "wrong"), store)
        finally:
            server.close_all()
            thread.join()
    assert len(refused) <= 1, "an account may be locked that is asked for again and again"


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
