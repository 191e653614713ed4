"""The fingerprint of a broadcast: the sights that the one decode kept anyway, brought to even steps of its clock."""

from __future__ import annotations

import base64

import numpy as np

from deepsport.records import Fingerprint, Made
from deepsport.timebase import FrameRate
from ingest.glances import Seen
from ingest.shots import SIGHTS_PER_S


def fingerprint(broadcast_id: str, seen: Seen, num_frames: int, rate: FrameRate, made: Made) -> Fingerprint:
    """The sights at even steps: each step has the sight that is nearest to it in time."""
    times_T = np.arange(round(num_frames / rate.fps * SIGHTS_PER_S)) / SIGHTS_PER_S
    at_S = seen.sight_indices_S / rate.fps
    after_T = np.clip(np.searchsorted(at_S, times_T), 1, max(1, len(at_S) - 1))
    nearest_T = np.where(times_T - at_S[after_T - 1] <= at_S[np.minimum(after_T, len(at_S) - 1)] - times_T, after_T - 1, after_T)
    light_THW = seen.sights_S3HW[np.minimum(nearest_T, len(at_S) - 1), 0]
    sights = base64.b64encode(light_THW.tobytes()).decode()
    return Fingerprint(broadcast_id=broadcast_id, per_s=SIGHTS_PER_S, sights=sights, made=made)
