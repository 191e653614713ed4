"""One broadcast, from a file to records: the one function that a flow maps over sources.

    source ─▶ probe ─▶ one decode ─▶ proxy, shots, sound ─▶ utterances
                                      feed ─▶ events ─┴▶ clips

The same source with the same settings gives the same records and the same bytes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from deepsport.errors import FeedError
from deepsport.ids import digest, make_id, sha256_file
from deepsport.records import Broadcast, Clip, Drop, Event, Kept, Made, Shot, Utterance
from deepsport.video import MissingMedia
from ingest.clips import ClipConfig, cut_clips
from ingest.feeds import FeedConfig, Imported, read_feed
from ingest.onepass import SAMPLE_RATE, Pass, ProxyConfig, decode_once
from ingest.probe import quarantine
from ingest.shot_kinds import describe_shots, loudness
from ingest.shots import ShotConfig, shots_between
from ingest.sources import MediaStore, Source, local_media
from ingest.speech import SpeechConfig, Transcriber, load_transcriber, transcribe


class IngestConfig(BaseModel):
    """All settings of ingest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transcription: bool = True
    """Whether commentary is transcribed."""
    proxy: ProxyConfig = ProxyConfig()
    """How the proxy is made."""
    shot: ShotConfig = ShotConfig()
    """How shots are found."""
    speech: SpeechConfig = SpeechConfig()
    """How commentary is transcribed."""
    feed: FeedConfig = FeedConfig()
    """How event feeds are read."""
    clip: ClipConfig = ClipConfig()
    """How clips are cut."""


class Ingested(NamedTuple):
    """Everything that one broadcast gave."""

    broadcast: Broadcast
    shots: list[Shot]
    utterances: list[Utterance]
    events: list[Event]
    clips: list[Clip]
    drops: list[Drop]


def ingest_broadcast(
    source: Source,
    store: MediaStore,
    config: IngestConfig | None = None,
    *,
    transcriber: Transcriber | None = None,
    made: Made | None = None,
) -> Ingested:
    """Ingest one source: its proxy goes into the store, the records are returned. Nothing else is written.

    A feed that cannot be trusted is dropped as bad_feed and the broadcast goes on without events. transcriber is loaded from
    the config when None and transcription is on. made is stamped on every record, with the step's own name.

    Raises: MediaError (MissingMedia, NoVideoStream) when the media cannot be used; `ingest.probe.quarantine` makes a Drop of it.
    """
    config = config or IngestConfig()
    made = made or Made(step="ingest", config_hash=digest(config))
    media = local_media(source, store)
    if not media.is_file():
        raise MissingMedia(f"{media}: no such file; mend the path")
    sha256 = sha256_file(media)
    broadcast_id = make_id("broadcast", sha256)
    # The key names the settings too: another proxy of the same broadcast must not replace this one.
    proxy_key = f"proxies/{broadcast_id}-{digest(config.proxy, length=8)}.mp4"
    with tempfile.TemporaryDirectory(prefix="deepsport-") as folder:
        proxy = Path(folder) / "proxy.mp4"
        decoded = decode_once(media, proxy, Path(folder), proxy_config=config.proxy, shot_config=config.shot)
        store.put_file(proxy, proxy_key, move=True)
        broadcast = _broadcast_of(source, media, sha256, proxy_key, decoded, made)
        spoken = _utterances(broadcast_id, decoded, config, transcriber, _made_by(made, "transcribe", broadcast_id))
        shots = _shots(broadcast_id, decoded, _made_by(made, "detect_shots", broadcast_id))
    fed = _imported(source, broadcast, config, _made_by(made, "import_events", broadcast_id))
    utterances = sorted([*spoken.items, *fed.utterances], key=lambda u: (u.span.start_s, u.span.end_s))
    clips = cut_clips(broadcast, shots, utterances, fed.items, config.clip, _made_by(made, "cut_clips", broadcast_id))
    drops = [*spoken.drops, *fed.drops, *clips.drops]
    return Ingested(broadcast, shots, utterances, fed.items, clips.items, drops)


def _made_by(made: Made, step: str, broadcast_id: str) -> Made:
    return made.model_copy(update={"step": step, "inputs": (broadcast_id,)})


def _broadcast_of(source: Source, media: Path, sha256: str, proxy_key: str, decoded: Pass, made: Made) -> Broadcast:
    info = decoded.info
    return Broadcast(
        broadcast_id=make_id("broadcast", sha256),
        sport=source.sport,
        title=source.title or media.stem,
        source_uri=source.uri,
        media_sha256=sha256,
        size_bytes=media.stat().st_size,
        duration_s=decoded.rate.time_s(decoded.num_frames),
        width=info.width,
        height=info.height,
        source_rate=info.rate,
        proxy_key=proxy_key,
        proxy_rate=decoded.rate,
        proxy_num_frames=decoded.num_frames,
        has_audio=len(decoded.samples_N) > 0,
        repairs=tuple(decoded.repairs),
        licence=source.licence,
        exportable=source.exportable,
        feed_uri=source.feed,
        simulated=source.simulated,
        made=made,
    )


def _shots(broadcast_id: str, decoded: Pass, made: Made) -> list[Shot]:
    shots = shots_between(decoded.changes, decoded.num_frames, decoded.rate, broadcast_id, made)
    return describe_shots(shots, decoded.seen, decoded.rate, loudness(decoded.samples_N, SAMPLE_RATE))


def _utterances(
    broadcast_id: str, decoded: Pass, config: IngestConfig, transcriber: Transcriber | None, made: Made
) -> Kept[Utterance]:
    if not config.transcription or not len(decoded.samples_N):
        return Kept([], [])
    return transcribe(decoded.samples_N, transcriber or load_transcriber(config.speech), config.speech, broadcast_id, made)


def _imported(source: Source, broadcast: Broadcast, config: IngestConfig, made: Made) -> Imported:
    if source.feed is None:
        return Imported([], [], [], [])
    try:
        return read_feed(Path(source.feed), broadcast=broadcast, config=config.feed, made=made)
    except FeedError as error:
        return Imported([], [quarantine(source.feed, error, made.step)], [], [])
