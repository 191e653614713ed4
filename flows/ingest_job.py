"""What a process of its own does for the ingest stage. It loads half of what the command loads, for it does so for every worker.

stages.py plans the jobs and commits what they give.
"""

from __future__ import annotations

from dataclasses import dataclass

from deepsport.errors import MediaError
from deepsport.records import Drop, Made
from flows.workspace import Workspace
from ingest.broadcast import IngestConfig, Ingested, ingest_broadcast
from ingest.probe import quarantine
from ingest.sources import Source


@dataclass(frozen=True, slots=True)
class Job:
    """One source to ingest; crosses processes."""

    workspace: Workspace
    config: IngestConfig
    made: Made
    source: Source
    unit: str
    inputs: tuple[str, ...]
    replaces: str | None = None
    """The broadcast that lay there before the file changed."""
    drop: Drop | None = None
    """Why it cannot even be looked at."""


def ingest_source(job: Job) -> Ingested | Drop:
    """What a source gives, or the drop that says why it cannot be used."""
    if job.drop is not None:
        return job.drop
    try:
        return ingest_broadcast(job.source, job.workspace.store, job.config, made=job.made)
    except MediaError as error:
        return quarantine(job.source.uri, error)
