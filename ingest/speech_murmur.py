"""What is steady in a sound, such as the murmur of a crowd, taken out, so that speech in it is found.

Spectral subtraction (Boll 1979), a minute at a time: in every band, what is there most of the time is taken for murmur.
"""

from __future__ import annotations

import numpy as np

from ingest.speech import SAMPLE_RATE, Samples

_BLOCK_S = 60
_WINDOW, _HOP = 512, 256
_QUIET_SHARE, _ABOVE = 0.3, 2.8
"""The murmur's level in a band is so many times what three tenths of the moments stay below: of noise, about twice its mean."""
_LEFT = 0.1
"""Share of the murmur that is left in, for sound that is cut out clean rings."""


def without_murmur(samples_N: Samples) -> Samples:
    """The sound without what is steady in it; as long, and nothing shifted in time.

    >>> murmur = np.random.default_rng(0).normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)
    >>> bool(np.std(without_murmur(murmur)) < 0.3 * np.std(murmur))
    True
    """
    count = max(1, round(len(samples_N) / (_BLOCK_S * SAMPLE_RATE)))
    return np.concatenate([_cleared(block_N) for block_N in np.array_split(samples_N, count)])


def _cleared(samples_N: Samples) -> Samples:
    padded = np.pad(samples_N, (_WINDOW, _WINDOW + -len(samples_N) % _HOP))
    taper = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)  # two that overlap by half add up to 1
    spectrum_TF = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * taper, axis=1)
    level_TF = np.abs(spectrum_TF).astype(np.float32)
    murmur_F = _ABOVE * np.quantile(level_TF[::4], _QUIET_SHARE, axis=0).astype(np.float32)
    spectrum_TF *= np.maximum(1 - murmur_F / np.maximum(level_TF, 1e-9), _LEFT)
    parts_TN = np.fft.irfft(spectrum_TF, _WINDOW, axis=1).astype(np.float32)
    cleared = parts_TN[:-1, _HOP:] + parts_TN[1:, :_HOP]
    return np.asarray(cleared.reshape(-1)[_HOP : _HOP + len(samples_N)], np.float32)
