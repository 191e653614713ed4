"""Media by key: in a folder, and in an object store (fsspec's in-memory one)."""

import hashlib
import os
import pickle
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from deepsport import store as store_module
from deepsport.errors import UserError
from deepsport.store import Store


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(300_000))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(params=["path", "file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    root = {"path": str(tmp_path / "media"), "file": f"file://{tmp_path}/media", "memory": f"memory://bucket-{uuid4().hex}/media"}
    made = Store(root[request.param], cache_dir=tmp_path / "cache")
    made._pause_s = 0.001
    return made


def test_what_is_put_can_be_read_back(store: Store, film: Path) -> None:
    assert not store.exists("proxies/a b/film.mp4")
    assert store.put_file(film, "proxies/a b/film.mp4") == sha256(film)
    assert store.exists("proxies/a b/film.mp4") and film.exists()
    path = store.path("proxies/a b/film.mp4")
    assert path.read_bytes() == film.read_bytes() and path.suffix == ".mp4"
    with store.open("proxies/a b/film.mp4") as file:
        assert file.read(10) == film.read_bytes()[:10]


def test_new_bytes_replace_old_ones(store: Store, film: Path) -> None:
    store.put_file(film, "film.mp4")
    store.path("film.mp4")
    film.write_bytes(b"another film")
    store.put_file(film, "film.mp4")
    assert store.path("film.mp4").read_bytes() == b"another film"


def test_putting_the_same_bytes_again_writes_nothing(tmp_path: Path, film: Path) -> None:
    store = Store(tmp_path / "media")
    store.put_file(film, "film.mp4")
    before = store.path("film.mp4").stat()
    store.put_file(film, "film.mp4")
    after = store.path("film.mp4").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_moving_gives_the_file_away(store: Store, film: Path) -> None:
    content = film.read_bytes()
    store.put_file(film, "film.mp4", move=True)
    assert not film.exists() and store.path("film.mp4").read_bytes() == content


def test_missing_key_is_a_user_error(store: Store, film: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.mp4: not in the store"):
        store.path("nowhere.mp4")
    with pytest.raises(UserError, match="no such file to put"):
        store.put_file(film.with_name("gone.mp4"), "gone.mp4")
    film.parent.joinpath("media", "folder").mkdir(parents=True, exist_ok=True)
    assert not store.exists("folder")


BAD_KEYS = [
    "",
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a//b",
    "a/./b",
    "a\\b",
    "..\\x",
    ".hidden",
    "a/.x",
    "a\x00b",
    "a\nb",
    "x" * 901,
    "a/",
]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_bad_keys_are_refused_everywhere(store: Store, film: Path, key: str) -> None:
    for call in (store.path, store.exists, store.open, lambda k: store.put_file(film, k)):
        with pytest.raises(UserError, match="cannot be a key"):
            call(key)


@given(st.text(max_size=40) | st.lists(st.sampled_from(["..", ".", "a", "", "~", "C:", "\\"]), max_size=5).map("/".join))
def test_no_key_escapes_the_root(key: str) -> None:
    try:
        store_module._checked(key)
    except UserError:
        return
    root = Path("/srv/media")
    normal = Path(os.path.normpath(root / key))
    assert normal.is_relative_to(root) and normal != root


def test_unknown_protocol_is_a_user_error_without_the_password() -> None:
    with pytest.raises(UserError, match="nosuch://… cannot be opened") as caught:
        Store("nosuch://kim:sesame@host/media")
    assert "sesame" not in str(caught.value)


def test_nothing_is_visible_before_a_local_copy_is_complete(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "media")

    def full_disk(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full_disk)
    with pytest.raises(OSError, match="No space left"):
        store.put_file(film, "film.mp4")
    assert not store.exists("film.mp4")
    assert list((tmp_path / "media").iterdir()) == []


def test_store_crosses_processes(store: Store, film: Path) -> None:
    store.put_file(film, "film.mp4")
    assert pickle.loads(pickle.dumps(store)).path("film.mp4").read_bytes() == film.read_bytes()


# ---- remote


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store(f"memory://bucket-{uuid4().hex}", cache_dir=tmp_path / "cache")
    made._pause_s = 0.001
    return made


def fail_first(monkeypatch: pytest.MonkeyPatch, method: str, *errors: BaseException) -> list[BaseException]:
    """Make the object store raise each of the errors once before it works; returns those not yet raised."""
    left, real = list(errors), getattr(MemoryFileSystem, method)

    def flaky(self: MemoryFileSystem, *args: Any, **kwargs: Any) -> Any:
        if left:
            raise left.pop(0)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(MemoryFileSystem, method, flaky)
    return left


def test_remote_file_is_fetched_once(remote: Store, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote.put_file(film, "film.mp4")
    first = remote.path("film.mp4")
    fail_first(monkeypatch, "get_file", AssertionError("fetched again"))
    assert remote.path("film.mp4") == first
    assert not remote.is_local


def test_damaged_remote_file_is_refused(remote: Store, film: Path) -> None:
    remote.put_file(film, "film.mp4")
    good = film.read_bytes()
    for bad in (good[:-1], good[:-1] + bytes([good[-1] ^ 1])):
        remote._fs.pipe_file(remote._path("film.mp4"), bad)
        with pytest.raises(UserError, match=r"film\.mp4: the copy from the store is damaged"):
            remote.path("film.mp4")
    assert [p for p in remote._cache_dir.rglob("*") if p.is_file()] == []


def test_damaged_cached_copy_is_fetched_again(remote: Store, film: Path) -> None:
    remote.put_file(film, "film.mp4")
    cached = remote.path("film.mp4")
    cached.write_bytes(b"cut")
    assert remote.path("film.mp4").read_bytes() == film.read_bytes()


def test_object_put_by_other_means_can_be_read(remote: Store) -> None:
    remote._fs.pipe_file(remote._path("film.mp4"), b"from elsewhere")
    assert remote.path("film.mp4").read_bytes() == b"from elsewhere"


def test_network_faults_are_tried_again(remote: Store, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = fail_first(monkeypatch, "put_file", ConnectionResetError("reset"), TimeoutError("slow"))
    remote.put_file(film, "film.mp4")
    assert left == [] and remote.path("film.mp4").read_bytes() == film.read_bytes()


def test_lasting_network_fault_is_a_user_error(remote: Store, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = fail_first(monkeypatch, "put_file", *[ConnectionResetError("reset")] * 9)
    with pytest.raises(UserError, match="did not answer in 4 attempts"):
        remote.put_file(film, "film.mp4")
    assert len(left) == 5


def test_other_faults_are_not_tried_again(remote: Store, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = fail_first(monkeypatch, "put_file", PermissionError("403"), PermissionError("403"))
    with pytest.raises(UserError, match="the store refuses"):
        remote.put_file(film, "film.mp4")
    assert len(left) == 1


def test_hung_store_is_given_up(remote: Store, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote.put_file(film, "film.mp4")
    release = threading.Event()
    monkeypatch.setattr(store_module, "_TIMEOUT_S", 0.05)
    monkeypatch.setattr(MemoryFileSystem, "isfile", lambda *_: release.wait(20))
    with pytest.raises(UserError, match="no answer within"):
        remote.exists("film.mp4")
    release.set()
