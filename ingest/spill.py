"""Arrays that grow with a film, in files: the memory of the process does not grow with its length."""

from __future__ import annotations

import tempfile
import weakref
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

ScalarT = TypeVar("ScalarT", bound=np.generic)


class Spill(Generic[ScalarT]):
    """Rows of one type and shape, appended to a nameless temporary file that goes with the last array mapped from it.

    >>> numbers = Spill(np.int64)
    >>> numbers.append(np.arange(3)); numbers.append(np.arange(2)); numbers.rows().tolist()
    [0, 1, 2, 0, 1]
    """

    def __init__(self, dtype: type[ScalarT], shape: tuple[int, ...] = ()) -> None:
        self._dtype = np.dtype(dtype)
        self._shape = shape
        self._file = tempfile.TemporaryFile(buffering=1 << 16)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, rows_N: npt.NDArray[Any]) -> None:
        """Put rows at the end. Raises: OSError when the disk is full."""
        self._file.write(np.ascontiguousarray(rows_N, self._dtype).data)
        self._count += len(rows_N)

    def rows(self, at_most: int | None = None) -> npt.NDArray[ScalarT]:
        """The rows from the first on, mapped and not to be written to."""
        self._file.flush()
        shape = (self._count if at_most is None else min(self._count, at_most), *self._shape)
        # An empty file cannot be mapped.
        return np.memmap(self._file, self._dtype, "r", shape=shape) if shape[0] else np.empty(shape, self._dtype)
