"""One broadcast, from a file to records: the one function that a flow maps over sources.

    source ─▶ probe ─▶ one decode ─▶ proxy, shots, sound ─▶ utterances
                                        └─ fit the clock ─┘      │
                                      feed ─▶ events ───────────┴▶ clips

The same source with the same settings gives the same records and the same bytes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from deepsport.ids import digest, make_id
from deepsport.records import Broadcast, Clip, ClockFit, Drop, Event, Fingerprint, Kept, Made, Shot, Utterance
from ingest.align import AlignConfig, Evidence
from ingest.clips import ClipConfig, cut_clips
from ingest.feed_events import FeedConfig
from ingest.feed_import import NOTHING, ReadFeed, import_feed, label_shots, open_feed
from ingest.fetch import MediaStore
from ingest.fingerprints import fingerprint
from ingest.onepass import SAMPLE_RATE, Pass, ProxyConfig, decode_once
from ingest.score_digits import reader_for
from ingest.scoreboard import find_score_changes
from ingest.shot_kinds import describe_shots, loudness
from ingest.shots import ShotConfig, shots_between
from ingest.sources import Source, source_feed, source_media
from ingest.speech import SpeechConfig, Transcriber, load_transcriber, transcribe
from ingest.speech_words import commentary_lag, hotwords_for
from ingest.whistles import find_whistles


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
    align: AlignConfig = AlignConfig()
    """How a feed's clock is fitted to the video's."""
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
    clock_fits: list[ClockFit]
    """How the feed's clock runs against the video's, where that had to be found; refused fits too."""
    fingerprint: Fingerprint


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

    Raises: MediaError (MissingMedia, NoVideoStream, UnreachableMedia, ChangedMedia) when the media cannot be used;
    `ingest.probe.quarantine` makes a Drop of it.
    """
    config = config or IngestConfig()
    made = made or Made(step="ingest", config_hash=digest(config))
    with tempfile.TemporaryDirectory(prefix="deepsport-") as folder:
        proxy = Path(folder) / "proxy.mp4"
        feed_file = source_feed(source, store)
        with source_media(source, store) as (media, sha256):
            decoded = decode_once(media, proxy, Path(folder), proxy_config=config.proxy, shot_config=config.shot)
        broadcast_id = make_id("broadcast", sha256)
        # The key names the settings too: another proxy of the same broadcast must not replace this one.
        proxy_key = f"proxies/{broadcast_id}-{digest(config.proxy, length=8)}.mp4"
        store.put_file(proxy, proxy_key, move=True)
        broadcast = _broadcast_of(source, media, sha256, feed_file and feed_file.sha256, proxy_key, decoded, made)
        shots = _shots(broadcast_id, decoded, _made_by(made, "detect_shots", broadcast_id))
        feed = None
        if source.feed is not None and feed_file is not None:
            feed = open_feed(source.feed, feed_file.path, broadcast, config.feed)
        spoken: Kept[Utterance] = Kept([], [])
        if feed is None or not feed.is_transcript:
            spoken = _utterances(broadcast, decoded, feed, config, transcriber, _made_by(made, "transcribe", broadcast_id))

        def look() -> Evidence:
            changes = find_score_changes(store.path(proxy_key), reader_for(config.align.digits))
            return Evidence(shots, spoken.items, changes, find_whistles(decoded.samples_N))

        by = _made_by(made, "import_events", broadcast_id)
        fed = NOTHING if feed is None else import_feed(feed, broadcast, config.feed, config.align, look, by)
    shots = label_shots(shots, fed.shots)
    utterances = sorted([*spoken.items, *fed.utterances], key=lambda u: (u.span.start_s, u.span.end_s))
    lag = commentary_lag(utterances, fed.events)
    broadcast = broadcast.model_copy(update={"commentary_lag_s": lag and lag.lag_s})
    clips = cut_clips(broadcast, shots, utterances, fed.events, config.clip, _made_by(made, "cut_clips", broadcast_id))
    drops = [*spoken.drops, *fed.drops, *clips.drops]
    by = _made_by(made, "fingerprint", broadcast_id)
    print_ = fingerprint(broadcast_id, decoded.seen, decoded.num_frames, decoded.rate, by)
    return Ingested(broadcast, shots, utterances, fed.events, clips.items, drops, fed.fits, print_)


def _made_by(made: Made, step: str, broadcast_id: str) -> Made:
    return made.model_copy(update={"step": step, "inputs": (broadcast_id,)})


def _broadcast_of(
    source: Source, media: Path, sha256: str, feed_sha256: str | None, proxy_key: str, decoded: Pass, made: Made
) -> Broadcast:
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
        rights=source.rights,
        exportable=source.may_leave,
        feed_uri=source.feed,
        feed_sha256=feed_sha256,
        simulated=source.simulated,
        made=made,
    )


def _shots(broadcast_id: str, decoded: Pass, made: Made) -> list[Shot]:
    shots = shots_between(decoded.changes, decoded.num_frames, decoded.rate, broadcast_id, made)
    return describe_shots(shots, decoded.seen, decoded.rate, loudness(decoded.samples_N, SAMPLE_RATE))


def _utterances(
    broadcast: Broadcast, decoded: Pass, feed: ReadFeed | None, config: IngestConfig, transcriber: Transcriber | None, made: Made
) -> Kept[Utterance]:
    if not config.transcription or not len(decoded.samples_N):
        return Kept([], [])
    names = {name for row in (feed.rows.rows if feed and feed.rows else ()) for name in (row.player, row.team) if name}
    hotwords = hotwords_for(broadcast.sport, names)
    transcriber = transcriber or load_transcriber(config.speech)
    return transcribe(decoded.samples_N, transcriber, config.speech, broadcast.broadcast_id, made, hotwords)
