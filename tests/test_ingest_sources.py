"""Files, folders, manifests and URLs become sources; what is bad becomes a drop that says how to mend it."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsport.errors import FeedError, UserError
from deepsport.ids import digest
from deepsport.taxonomy import DropReason, Sport
from deepsport.timebase import FrameRate
from deepsport.video import MissingMedia, write_video
from ingest.manifests import read_manifest
from ingest.search import find_sources
from ingest.sources import Source, drop_duplicates


@pytest.fixture
def folder(tmp_path: Path, numbered_film: Any) -> Path:
    root = tmp_path / "films"
    (root / "deep" / "er").mkdir(parents=True)
    (root / ".hidden").mkdir()
    write_video(root / "b.mp4", numbered_film.frames(5), FrameRate(num=25))
    write_video(root / "deep" / "er" / "a.dat", numbered_film.frames(6), FrameRate(num=25))
    (root / "deep" / "broken.mkv").write_bytes(b"no film")
    (root / "b.feed.json").write_text("{}")
    (root / "b.truth.json").write_text("{}")
    (root / "notes.txt").write_text("not a film")
    (root / ".hidden" / "c.mp4").write_bytes((root / "b.mp4").read_bytes())
    return root


def test_a_folder_gives_every_film_and_what_claims_to_be_one(folder: Path) -> None:
    kept = find_sources([folder], Sport.TENNIS)
    assert [Path(s.uri).relative_to(folder).as_posix() for s in kept.items] == ["b.mp4", "deep/broken.mkv", "deep/er/a.dat"]
    assert kept.items[0] == Source(
        uri=str(folder / "b.mp4"), sport=Sport.TENNIS, title="b", feed=str(folder / "b.feed.json"), simulated=True
    )
    assert kept.items[1].feed is None and not kept.items[1].simulated


def test_a_manifest_in_a_named_folder_is_not_passed_over_in_silence(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "manifest.jsonl").write_text('{"path": "b.mp4", "licence": "proprietary"}\n')
    assert "proprietary" not in {source.licence for source in find_sources([folder]).items}
    assert "manifest.jsonl: not read" in caplog.text and "name it" in caplog.text


def test_a_url_that_is_named_twice_is_one_source(folder: Path) -> None:
    url = "https://example.org/a.mp4"
    (folder / "list.jsonl").write_text(json.dumps({"url": url, "sport": "chess"}))
    kept = drop_duplicates(find_sources([url, url, "https://kim:pw@example.org/a.mp4", url.replace("a.", "b.")]).items)
    assert [source.title for source in kept.items] == ["a", "a", "b"] and kept.drops == [], "another user may see another film"


def test_a_source_keeps_the_password_for_fetching_only() -> None:
    given = {"uri": "https://kim:pw1@host/a.mp4", "feed": "https://kim:pw2@host/a.json"}
    masked = "**********" + digest("kim:**********", length=6)
    uri, feed = f"https://{masked}@host/a.mp4", f"https://{masked}@host/a.json"
    source = pickle.loads(pickle.dumps(Source(**given, title="a")))
    assert (source.uri, source.feed, source.title) == (uri, feed, "a")
    assert [source.address(uri), source.address(feed)] == list(given.values())
    assert source.address("/films/a.mp4") == "/films/a.mp4"
    assert "pw" not in f"{source!r} {source.model_dump_json()}"
    assert Source(**source.model_dump()) == source
    for place in ("https://kim:pw1@127.0.0.1:9/films/", "https://kim:pw1@127.0.0.1:9/list.csv"):
        [drop] = find_sources([place]).drops
        assert drop.reason is DropReason.UNREACHABLE_MEDIA and "pw1" not in drop.model_dump_json()


def test_a_path_that_is_not_there_is_a_persons_mistake(tmp_path: Path) -> None:
    with pytest.raises(MissingMedia, match="mend the path"):
        find_sources([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="a place to ingest is empty"):
        find_sources([""])
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(MissingMedia, match="a pipe or a device"):
        find_sources([tmp_path / "pipe.mp4"])


def test_what_a_workspace_keeps_is_not_taken_for_films(folder: Path) -> None:
    films = find_sources([folder]).items
    proxies = folder / "deep" / "workspace" / "media" / "proxies"
    proxies.mkdir(parents=True)
    shutil.copy(folder / "b.mp4", proxies)
    assert len(find_sources([folder]).items) == len(films) + 1, "a folder named media is one like any other"
    (proxies.parent.parent / "tables" / "units").mkdir(parents=True)
    assert find_sources([folder]).items == films
    (folder / "link").symlink_to(proxies)
    assert find_sources([folder]).items == films
    assert len(find_sources([proxies]).items) == 1, "who names it means it"


def test_linked_folders_are_searched_once_and_broken_links_named(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "archive"
    elsewhere.mkdir()
    shutil.copy(folder / "b.mp4", elsewhere / "old.mp4")
    (folder / "a link").symlink_to(elsewhere)
    (folder / "deep" / "loop").symlink_to(folder)
    (folder / "again").symlink_to(folder / "deep" / "er")
    (folder / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (folder / "self.mp4").symlink_to("self.mp4")
    found = [Path(source.uri).relative_to(folder).as_posix() for source in find_sources([folder]).items]
    assert found == ["a link/old.mp4", "b.mp4", "deep/broken.mkv", "deep/er/a.dat", "gone.mp4", "self.mp4"]


def test_a_name_that_no_table_can_hold_is_set_aside(folder: Path) -> None:
    films = find_sources([folder]).items
    shutil.copy(folder / "b.mp4", os.fsencode(folder) + b"/bad\xff.mp4")
    kept = find_sources([folder])
    assert kept.items == films
    (drop,) = kept.drops
    assert drop.item.endswith(r"bad\udcff.mp4") and "rename it" in drop.detail
    assert find_sources([os.fsdecode(os.fsencode(folder) + b"/bad\xff.mp4")]).drops == [drop]


def test_csv_rows_become_sources_and_bad_rows_drops(folder: Path) -> None:
    manifest = folder / "list.csv"
    manifest.write_text(
        "\ufeffpath,sport,title,licence,exportable,feed\n"
        "b.mp4,Table Tennis,Final,CC-BY-4.0,no,b.feed.json\n"
        "gone.mp4,soccer,,,,\n"
        "b.mp4,quidditch,,,,\n"
        "b.mp4,soccer,,,perhaps,\n"
        "b.mp4,soccer,,,,gone.json\n"
        ",soccer,,,,\n"
        "b.mp4,soccer,a,b,true,,too,many\n"
        "https://example.org/films/final.mp4,tennis,,,yes,\n"
        "deep/er/a.dat\n",
        encoding="utf-8",
    )
    kept = find_sources([manifest], Sport.SOCCER)
    assert kept.items == [
        Source(
            uri=str(folder / "b.mp4"),
            sport=Sport.TABLE_TENNIS,
            title="Final",
            licence="CC-BY-4.0",
            exportable=False,
            feed=str(folder / "b.feed.json"),
        ),
        Source(uri="https://example.org/films/final.mp4", sport=Sport.TENNIS, title="final", exportable=True),
        Source(uri=str(folder / "deep/er/a.dat"), sport=Sport.SOCCER, title="a"),
    ]
    bad, missing = DropReason.BAD_MANIFEST_ROW, DropReason.MISSING_FILE
    assert [(d.item.rsplit(":", 1)[1], d.reason) for d in kept.drops] == [
        ("3", missing), ("4", bad), ("5", bad), ("6", missing), ("7", bad), ("8", bad),
    ]  # fmt: skip
    assert "unknown sport 'quidditch'; one of soccer" in kept.drops[1].detail


def test_jsonl_rows_become_sources_and_bad_rows_drops(folder: Path) -> None:
    rows = [
        {"path": "b.mp4", "sport": "soccer", "exportable": False, "simulated": True},
        {"path": "b.mp4", "lisence": "MIT"},
        {"path": 7},
        {"path": "b.mp4", "url": "https://example.org/b.mp4"},
        [1],
        {"path": "b\u0000.mp4"},
        {"path": "b\ud800.mp4"},
        {"path": "b" * 5000 + ".mp4"},
        {"path": "http://[broken", "sport": "chess"},
    ]
    manifest = folder / "list.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n{broken\n" + "[" * 100_000 + "\n")
    kept = read_manifest(manifest)
    assert kept.items == [Source(uri=str(folder / "b.mp4"), sport=Sport.SOCCER, title="b", exportable=False, simulated=True)]
    assert [d.reason for d in kept.drops] == [DropReason.BAD_MANIFEST_ROW] * 10
    details = [d.detail for d in kept.drops]
    assert "unknown column lisence; the columns are path" in details[0]
    assert "write it as text" in details[1] and "two places" in details[2] and "one object a line" in details[3]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"path,lisence\nb.mp4,MIT\n", "unknown column lisence; the columns are"),
        (b"sport,title\nsoccer,x\n", "no column path or url"),
        (b"", "is empty"),
        (b"path\n\xff\xfe\n", "not UTF-8"),
        (b'path\n"b.mp4\n', "no CSV"),
        (b'path,title\nhttp://a/b.mp4,x\nb.mp4,"y\n', "no CSV after line 2"),
        (b"path,sport,path\nb.mp4,,b.mp4\n", "two columns named path"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused_with_the_remedy(tmp_path: Path, text: bytes, says: str) -> None:
    (tmp_path / "m.csv").write_bytes(text)
    with pytest.raises(FeedError, match=says):
        read_manifest(tmp_path / "m.csv")


@settings(max_examples=80, deadline=None)
@given(data=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".jsonl", ".parquet"]), header=st.booleans())
def test_no_manifest_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str, header: bool) -> None:
    path = tmp_path_factory.getbasetemp() / f"fuzz{suffix}"
    path.write_bytes((b"path,sport,title\n" if header else b"") + data)
    with contextlib.suppress(FeedError):
        read_manifest(path)


def test_the_same_bytes_under_another_name_are_dropped(folder: Path) -> None:
    (folder / "copy.mp4").write_bytes((folder / "b.mp4").read_bytes())
    other = bytearray((folder / "b.mp4").read_bytes())
    other[-1] ^= 1
    (folder / "other.mp4").write_bytes(other)  # the same size, not the same film
    kept = drop_duplicates(find_sources([folder]).items)
    assert [s.title for s in kept.items] == ["b", "broken", "a", "other"]
    assert [(d.reason, d.item) for d in kept.drops] == [(DropReason.DUPLICATE_MEDIA, str(folder / "copy.mp4"))]
    assert kept.drops[0].detail.endswith("b.mp4")


def test_parquet_rows_become_sources_and_bad_rows_drops(folder: Path) -> None:
    rows = [
        {"path": "b.mp4", "sport": "soccer", "rights": "© 2026 League", "exportable": None},
        {"path": "gone.mp4", "sport": "soccer", "rights": None, "exportable": True},
        {"path": "deep/er/a.dat", "sport": None, "rights": None, "exportable": False},
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "list.parquet")
    kept = find_sources([folder / "list.parquet"], Sport.TENNIS)
    assert kept.items == [
        Source(uri=str(folder / "b.mp4"), sport=Sport.SOCCER, title="b", rights="© 2026 League"),
        Source(uri=str(folder / "deep/er/a.dat"), sport=Sport.TENNIS, title="a", exportable=False),
    ]
    assert [(d.item.rsplit(":", 1)[1], d.reason) for d in kept.drops] == [("2", DropReason.MISSING_FILE)]
    (folder / "broken.parquet").write_bytes((folder / "list.parquet").read_bytes()[:-9])
    with pytest.raises(FeedError, match="no Parquet file"):
        read_manifest(folder / "broken.parquet")
    pq.write_table(pa.table({"film": ["b.mp4"]}), folder / "other.parquet")
    with pytest.raises(FeedError, match="unknown column film; the columns are"):
        read_manifest(folder / "other.parquet")


def test_words_that_keep_a_film_in_do_so_unless_the_row_says_otherwise(folder: Path) -> None:
    rows = [
        {"licence": "CC-BY-4.0"},
        {"licence": "CC BY-NC-ND 4.0"},
        {"licence": "unknown", "rights": "© 2026 League. All rights reserved."},
        {"licence": "SoccerNet NDA", "exportable": True},
        {"licence": "CC0", "exportable": False},
    ]
    (folder / "list.jsonl").write_text("\n".join(json.dumps({"path": "b.mp4", **row}) for row in rows))
    assert [source.may_leave for source in read_manifest(folder / "list.jsonl").items] == [True, False, False, True, False]


@given(
    st.lists(st.sampled_from(["silent", "CC-BY-4.0", "All rights reserved", "yes", "no"]), min_size=1, max_size=4), st.booleans()
)
def test_a_film_named_again_stays_in_when_any_row_keeps_it_in(
    tmp_path_factory: pytest.TempPathFactory, said: list[str], as_copies: bool
) -> None:
    folder = tmp_path_factory.mktemp("films")
    sources = []
    for number, word in enumerate(said):
        film = folder / f"{number if as_copies else 0}.mp4"
        film.write_bytes(b"film")
        exportable = {"yes": True, "no": False}.get(word)
        sources.append(Source(uri=str(film), licence=word if " " in word or "-" in word else "unknown", exportable=exportable))
    kept = drop_duplicates(sources)
    (film,) = kept.items
    assert film.may_leave == (not {"no", "All rights reserved"} & set(said))
    assert len(kept.drops) == (len(said) - 1 if as_copies else 0)


def test_a_folder_named_before_its_manifest_does_not_silence_it(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "list.csv").write_text("path,sport,exportable\nb.mp4,tennis,no\nb.mp4,soccer,\n")
    (film, *_) = drop_duplicates(find_sources([folder, folder / "list.csv"]).items).items
    assert (film.sport, film.may_leave, film.feed) == (Sport.TENNIS, False, str(folder / "b.feed.json"))
    assert "b.mp4: named twice, as tennis and as soccer" in caplog.text


def test_a_manifest_by_url_names_films_beside_it(folder: Path, tmp_path: Path) -> None:
    far = (tmp_path / "far").as_uri()
    (tmp_path / "far").mkdir()
    rows = [
        {"path": "2026/final.mp4", "sport": "tennis", "licence": "CC0-1.0"},
        {"url": "s3://archive/a.mp4"},
        {"path": str(folder / "b.mp4"), "feed": str(folder / "b.feed.json")},
        {"path": "c.mp4", "feed": "c.json"},
        {"path": "e.mp4", "feed": "https://feeds.example/e.xml"},
        {"path": "d.mp4", "sport": "quidditch"},
    ]
    (tmp_path / "far" / "list.jsonl").write_text("\n".join(map(json.dumps, rows)))
    kept = find_sources([f"{far}/list.jsonl", f"{far}/none.csv"])
    assert kept.items == [
        Source(uri=f"{far}/2026/final.mp4", sport=Sport.TENNIS, title="final", licence="CC0-1.0"),
        Source(uri="s3://archive/a.mp4", title="a"),
        Source(uri=str(folder / "b.mp4"), title="b", feed=str(folder / "b.feed.json")),
        Source(uri=f"{far}/c.mp4", title="c", feed=f"{far}/c.json"),
        Source(uri=f"{far}/e.mp4", title="e", feed="https://feeds.example/e.xml"),
    ]
    assert [(drop.item.removeprefix(f"{far}/"), drop.reason) for drop in kept.drops] == [
        ("list.jsonl:6", DropReason.BAD_MANIFEST_ROW), ("none.csv", DropReason.MISSING_FILE),
    ]  # fmt: skip
    (tmp_path / "far" / "odd.csv").write_text("film\nb.mp4\n")
    with pytest.raises(FeedError, match=f"^{far}/odd.csv: unknown column film"):
        find_sources([f"{far}/odd.csv"])
