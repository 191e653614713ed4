"""Whistles in a broadcast's sound: a loud pure tone between 2 and 4.6 kHz that is held for a fifth of a second or more.

A referee's whistle has a narrow line there, far above the crowd; speech has many lines, and its strong ones lie lower.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from deepsport.timebase import Span

SAMPLE_RATE = 16_000
_FRAME = 512
_HOP = 256
_BAND_HZ = (2000.0, 4600.0)
_MIN_S = 0.2
_MAX_S = 4.0
_ABOVE = 40.0
"""Power of the line over the median of its band."""
_SHARE = 0.5
"""Of the power above 1.5 kHz, as much lies in the line; below, somebody may be speaking."""
_CHUNK = 10 * SAMPLE_RATE
"""What is looked at together: 8 MB of spectra."""


def find_whistles(samples_N: npt.NDArray[np.float32]) -> list[Span]:
    """The stretches of a broadcast's sound (mono float32 at 16 kHz) in which a whistle blows, in order.

    >>> t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    >>> crowd = np.random.default_rng(0).normal(0, 0.01, t.size)
    >>> tone = np.where((t > 1) & (t < 1.6), 0.1 * np.sin(2 * np.pi * 3100 * t), 0)
    >>> [round(span.start_s, 1) for span in find_whistles((crowd + tone).astype(np.float32))]
    [1.0]
    """
    hertz = np.fft.rfftfreq(_FRAME, 1 / SAMPLE_RATE)
    band = (hertz >= _BAND_HZ[0]) & (hertz <= _BAND_HZ[1])
    window = np.hanning(_FRAME).astype(np.float32)
    blown: list[npt.NDArray[np.bool_]] = []
    for start in range(0, len(samples_N), _CHUNK):  # the sound may be hours of a mapped file
        part = np.asarray(samples_N[start : start + _CHUNK + _FRAME - _HOP])
        if len(part) < _FRAME:
            break
        frames_TN = np.lib.stride_tricks.sliding_window_view(part, _FRAME)[::_HOP] * window
        power_TF = np.abs(np.fft.rfft(frames_TN, axis=1)) ** 2
        line_TF = power_TF[:, band]
        peak = np.argmax(line_TF, axis=1)[:, None]
        # The window spreads a line over three bins.
        line_T = sum(np.take_along_axis(line_TF, np.clip(peak + k, 0, line_TF.shape[1] - 1), axis=1)[:, 0] for k in (-1, 0, 1))
        floor_T = np.median(line_TF, axis=1) + 1e-9
        blown.append((line_T > _ABOVE * floor_T) & (line_T > _SHARE * power_TF[:, hertz > 1500].sum(axis=1)))
    if not blown:
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.concatenate(blown), [False]]).astype(np.int8)))
    spans = [Span(start_s=float(a * _HOP / SAMPLE_RATE), end_s=float(b * _HOP / SAMPLE_RATE)) for a, b in edges.reshape(-1, 2)]
    return [span for span in spans if _MIN_S <= span.duration_s <= _MAX_S]
