"""``deepsport probe``: what films hold, what is odd about them and what ingest does about it, before hours are spent on them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from deepsport.errors import MediaError
from deepsport.log import printable
from deepsport.video import MediaInfo, probe
from flows.session import Session
from flows.stage import EXIT_DONE, EXIT_QUARANTINED
from ingest.fetch import Fetched
from ingest.probe import faults_of, quarantine
from ingest.search import find_sources
from ingest.sources import Source, source_media


def run_probe(session: Session, places: Sequence[str], *, as_json: bool = False) -> int:
    """Looks at the headers and first packets of every film in these places; 3 when one of them cannot be used, else 0.

    A URL is copied to the workspace for it, where ingest finds it. Raises: UserError when a place does not exist.
    """
    found = find_sources(places)
    seen: list[dict[str, object]] = [{"item": drop.item, "reason": drop.reason, "detail": drop.detail} for drop in found.drops]
    for source in found.items:
        try:
            info = _info(source, session)
        except MediaError as error:
            drop = quarantine(source.uri, error)
            seen.append({"item": drop.item, "reason": drop.reason, "detail": drop.detail})
            continue
        faults = [fault._asdict() for fault in faults_of(info)]
        seen.append({"item": source.uri, "media": info.model_dump(mode="json"), "faults": faults})
        if not as_json:
            session.show(f"{printable(source.uri)}: {_in_words(info)}")
            for fault in faults_of(info):
                session.show(f"    {fault.repair}: ingest {fault.does}; for other programs: {fault.remedy}")
    if as_json:
        sys.stdout.write(json.dumps(seen, indent=2, ensure_ascii=False) + "\n")
    bad = [item for item in seen if "reason" in item]
    for item in [] if as_json else bad:
        session.show(printable(f"cannot be used: {item['reason']}: {item['detail']}"))
    return EXIT_QUARANTINED if bad else EXIT_DONE


def _info(source: Source, session: Session) -> MediaInfo:
    media = source_media(source, session.workspace.store) if source.is_remote else nullcontext(Fetched(Path(source.uri), ""))
    with media as (path, _):
        return probe(path)


def _in_words(info: MediaInfo) -> str:
    minutes, seconds = divmod(round(info.duration_s), 60)
    sound = f"sound {info.audio_codec}" if info.has_audio else "no sound, so nothing to transcribe"
    return f"{info.width}x{info.height}, {info.rate.fps:g} frames/s, {minutes}:{seconds:02d}, {info.codec}, {sound}"
