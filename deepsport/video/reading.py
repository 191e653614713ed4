"""Frames of constant-rate proxies and clips by number, whatever the file is made of.

A frame costs the decoding from its keyframe on. Where pictures are shown in the order in which they are stored, as in a proxy
that ingest encoded, the file's index names the bytes of each, and only they are read.
"""

from __future__ import annotations

import itertools
import os
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from deepsport.errors import MediaError
from deepsport.timebase import FrameRate
from deepsport.video.media import open_media, video_stream
from deepsport.video.pictures import Frames, Painter

# Decoding on is as cheap as a seek for about this many frames.
_SEEK_COST = 5
_SHORT_GOP = 4
"""Two inverse transforms that round unlike drift apart until the next keyframe: so far to 70 dB, in 600 frames to be seen."""
_reader_numbers = itertools.count()


class FrameCache:
    """Decoded or prepared frames, whosever they are, within a limit of bytes; those not asked for longest go first.

    A key is an owner, such as a reader, and what the owner calls the frame.
    """

    def __init__(self, limit_bytes: int = 64 << 20) -> None:
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self._frames: OrderedDict[tuple[Hashable, Hashable], NDArray[Any]] = OrderedDict()

    def get(self, key: tuple[Hashable, Hashable]) -> NDArray[Any] | None:
        """The frame of that key, if it is still there."""
        frame = self._frames.get(key)
        if frame is not None:
            self._frames.move_to_end(key)
        return frame

    def put(self, key: tuple[Hashable, Hashable], frame: NDArray[Any]) -> None:
        """Keep a frame, and let go of others if need be."""
        self.drop([key])
        self._frames[key] = frame
        self.size_bytes += frame.nbytes
        while self.size_bytes > self.limit_bytes:
            self.size_bytes -= self._frames.popitem(last=False)[1].nbytes

    def drop(self, keys: Iterable[tuple[Hashable, Hashable]]) -> None:
        """Let go of frames."""
        for key in keys:
            frame = self._frames.pop(key, None)
            self.size_bytes -= 0 if frame is None else frame.nbytes

    def keys_of(self, owner: Hashable) -> list[tuple[Hashable, Hashable]]:
        """What is kept of an owner, oldest first."""
        return [key for key in self._frames if key[0] == owner]


class FrameReader:
    """Random access to the frames of a constant-rate proxy or clip: exactly the frames asked for, by pts.

    Frame i of the reader is frame first_frame + i of the file; ``part`` gives a reader of a stretch that shares the open file.
    Decoded frames stay in the cache, one of 64 MiB of the reader's own or one that is shared; where the whole stretch fits into
    64 MiB, frames met on the way are kept as well, so reading a clip in pieces decodes it once.
    Not thread-safe: give each thread its own reader and cache.

    Raises: MissingMedia, NoVideoStream, MediaError when the file is not constant-rate or a frame cannot be decoded.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: tuple[int, int],
        first_frame: int = 0,
        num_frames: int | None = None,
        cache: FrameCache | None = None,
    ) -> None:
        pictures = PictureReader(path)
        try:
            self._set_up(pictures, Painter(size), first_frame, num_frames, FrameCache() if cache is None else cache)
        except ValueError:
            pictures.close()
            raise
        self._number, self._is_part = next(_reader_numbers), False

    def _set_up(
        self, pictures: PictureReader, painter: Painter, first_frame: int, num_frames: int | None, cache: FrameCache
    ) -> None:
        self.path, self.rate = pictures.path, pictures.rate
        self._pictures, self._painter, self._cache = pictures, painter, cache
        available = pictures.num_frames - first_frame
        if first_frame < 0 or available < 1 or (num_frames is not None and num_frames > available):
            raise ValueError(f"{self.path} has {pictures.num_frames} frames, asked for {num_frames} from {first_frame}")
        self.first_frame = first_frame
        self.num_frames = available if num_frames is None else num_frames
        size_bytes = self.num_frames * painter.size[0] * painter.size[1] * 3
        self._keep_all = size_bytes <= min(cache.limit_bytes, 64 << 20) and pictures.gop > _SEEK_COST

    def part(self, first_frame: int, num_frames: int) -> FrameReader:
        """A reader of so many frames from first_frame on; it lives no longer than this one. Raises: ValueError, as above."""
        part = object.__new__(FrameReader)
        part._set_up(self._pictures, self._painter, self.first_frame + first_frame, num_frames, self._cache)
        part._number, part._is_part = self._number, True
        return part

    def frames(self, indices: Sequence[int]) -> Frames:
        """The frames asked for, in the order asked, as THWC uint8 RGB. Indices may repeat.

        Raises: IndexError for an index outside [0, num_frames), MediaError when one cannot be decoded.
        """
        for index in indices:
            if not 0 <= index < self.num_frames:
                raise IndexError(f"{self.path}: frame {index} asked for, there are {self.num_frames}")
        width, height = self._painter.size
        frames_THWC = np.empty((len(indices), height, width, 3), np.uint8)
        places: dict[int, list[int]] = {}
        for place, index in enumerate(indices):
            places.setdefault(index, []).append(place)
        for index in sorted(places):
            frames_THWC[places[index]] = self._frame(self.first_frame + index)
        return frames_THWC

    def _frame(self, number: int) -> Frames:
        found = self._cache.get((self._number, number))
        if found is not None:
            return found
        last = self.first_frame + self.num_frames - 1
        for met, picture in self._pictures.until(number):
            key = (self._number, met)
            if met == number:
                found = self._painter.rgb(picture)
                self._cache.put(key, found)
            elif self._keep_all and self.first_frame <= met <= last and self._cache.get(key) is None:
                self._cache.put(key, self._painter.rgb(picture))
        assert found is not None, "until ends with the frame asked for"
        return found

    def close(self) -> None:
        """Close the file; cached frames go as well. A part has nothing to close."""
        if not self._is_part:
            self._pictures.close()
            self._cache.drop(self._cache.keys_of(self._number))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PictureReader:
    """Decoded pictures of a constant-rate file by number; remembers where it is, and seeks only when that is cheaper.

    deblock: False leaves out the last filter of H.264 and HEVC, which is a third of decoding; blocks then show, and drift until
    the next keyframe. Good enough for what is scaled far down.
    """

    def __init__(self, path: Path, *, deblock: bool = True) -> None:
        self.path = path
        self._container = open_media(path)
        try:
            self._stream = video_stream(self._container, path)
            rate = self._stream.average_rate
            if rate is None or self._stream.time_base is None:
                raise MediaError(f"{path}: states no frame rate; ingest it to get a proxy")
        except MediaError:
            self._container.close()
            raise
        context = self._stream.codec_context
        if not deblock:
            context.options = {"skip_loop_filter": "all"}
        self.rate = FrameRate.of(Fraction(rate))
        self._ticks = float(1 / (Fraction(rate) * Fraction(self._stream.time_base)))
        self._start = self._stream.start_time or 0
        self.num_frames = self._stream.frames or round((self._stream.duration or 0) / self._ticks)
        if self.num_frames < 1:
            self._container.close()
            raise MediaError(f"{path}: does not state how many frames it has; ingest it to get a proxy")
        entries = self._stream.index_entries
        stamps = np.array([entry.timestamp for entry in entries if entry.is_keyframe], np.int64)
        keys = np.rint((stamps - self._start) / self._ticks).astype(np.int64)
        self._keys = np.unique(keys)
        """Numbers of the keyframes, as far as the file's index tells; its times are those of decoding, so a lower bound."""
        if context.name == "mpeg2video" and self.gop <= _SHORT_GOP:
            context.options = {"idct": "xvid"}  # a tenth less to decode than by FFmpeg's own choice
        self._places: list[tuple[int, int]] = []
        """Where the bytes of each frame lie, and how many; empty where frames are stored in another order than they are shown."""
        if context.name in ("h264", "mpeg2video") and not context.has_b_frames and len(keys) and keys[0] == 0:
            numbers = np.rint((np.array([entry.timestamp for entry in entries], np.int64) - self._start) / self._ticks)
            if np.array_equal(numbers, np.arange(self.num_frames)):
                self._places = [(entry.pos, entry.size) for entry in entries]
                self._file = os.open(path, os.O_RDONLY)
                self._direct = _decoder_like(context)
        self._done = -1
        """The last frame that was decoded from its place; the next ones of its GOP need no more than themselves."""
        self._decoder: Iterator[VideoFrame] | None = None
        self._next = 0

    @property
    def gop(self) -> int:
        """The greatest number of frames from one keyframe to the next, as far as the file's index tells."""
        return int(np.diff(np.append(self._keys, self.num_frames)).max(initial=0))

    def _number(self, pts: int) -> int:
        return round((pts - self._start) / self._ticks)

    def sweep(self) -> Iterator[tuple[int, VideoFrame]]:
        """All pictures in order, each with its number. Raises: MediaError when one is missing or cannot be decoded."""
        self._seek(0)
        due = 0
        for number, picture in self._run():
            if number != due:
                break
            yield number, picture
            due += 1
        if due < self.num_frames:
            raise MediaError(f"{self.path}: no frame has the pts of frame {due}; not a constant-rate proxy, ingest it again")

    def until(self, number: int) -> Iterator[tuple[int, VideoFrame]]:
        """Decode up to picture number; gives (number, picture) for it and for those met on the way.

        Raises: MediaError when the file has no frame with that pts or it cannot be decoded.
        """
        before = int(np.searchsorted(self._keys, number, side="right"))
        key = int(self._keys[before - 1]) if before else 0
        if 0 <= number < len(self._places):
            pictures = self._from_places(self._done + 1 if key <= self._done < number else key, number)
            if not any(picture.pict_type == PictureType.B for _, picture in pictures):
                yield from pictures
                return
            self._drop_places()  # of pictures stored in another order the index does not say which is which
        back_off = 0
        if self._decoder is None or number < self._next or key > self._next + _SEEK_COST:
            self._seek(number)
        while True:
            met: int | None = None
            for met, picture in self._run():
                if met > number:
                    break
                yield met, picture
                if met == number:
                    return
            if met is not None and met > number and self._first > number and back_off < number + 1:
                # Landed behind it: the index goes by decoding times, which run ahead of pts when there are B-frames.
                back_off = max(8, back_off * 2)
                self._seek(max(0, number - back_off))
                back_off = back_off if back_off < number else number + 1
                continue
            raise MediaError(f"{self.path}: no frame has the pts of frame {number}; not a constant-rate proxy, ingest it again")

    def _from_places(self, first: int, number: int) -> list[tuple[int, VideoFrame]]:
        """Frames first to number, of one GOP; first is its keyframe or the one after what was decoded last."""
        self._done, pictures = -1, []
        try:
            for place, size in self._places[first : number + 1]:
                packet = Packet(size)  # memory of FFmpeg's: decoders read a little past its end
                if os.preadv(self._file, [packet], place) < size:
                    raise MediaError(f"{self.path}: cut short before frame {number}; delete it and ingest again")
                pictures += self._direct.decode(packet)
            if len(pictures) <= number - first:  # a stream that does not say that it has no B-frames: the decoder waits for more
                pictures += self._direct.decode(None)
                self._direct.flush_buffers()
            else:
                self._done = number
        except FFmpegError as error:
            self._direct.flush_buffers()
            fault = f"frame {number} cannot be decoded ({error.strerror}); delete it and ingest again"
            raise MediaError(f"{self.path}: {fault}") from error
        if len(pictures) != number + 1 - first:
            raise MediaError(f"{self.path}: frame {number} cannot be decoded; delete it and ingest again")
        return list(enumerate(pictures, first))

    def _seek(self, number: int) -> None:
        try:
            self._container.seek(self._start + round(number * self._ticks), stream=self._stream, backward=True)
        except FFmpegError as error:
            raise MediaError(f"{self.path}: cannot seek to frame {number} ({error.strerror}); ingest it again") from error
        self._decoder = iter(self._container.decode(self._stream))
        self._first = -1

    def _run(self) -> Iterator[tuple[int, VideoFrame]]:
        assert self._decoder is not None
        try:
            for picture in self._decoder:
                # After a seek, pictures that lead up to the first keyframe (open GOP) lack their references.
                if picture.pts is None or (self._first < 0 and not picture.key_frame):
                    continue
                number = self._number(picture.pts)
                self._first = number if self._first < 0 else self._first
                self._next = number + 1
                yield number, picture
        except FFmpegError as error:
            self._decoder = None
            raise MediaError(f"{self.path}: a frame cannot be decoded ({error.strerror}); ingest it again") from error
        self._decoder = None

    def close(self) -> None:
        """Close the file."""
        self._decoder = None
        self._container.close()
        self._drop_places()

    def _drop_places(self) -> None:
        if self._places:
            os.close(self._file)
            self._places = []


def _decoder_like(of: VideoCodecContext) -> VideoCodecContext:
    """A decoder of its own, for packets that come by no container."""
    decoder = CodecContext.create(of.name, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata, decoder.thread_count, decoder.options = of.extradata, 1, of.options
    return decoder
