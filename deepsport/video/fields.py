"""Interlaced pictures made whole: a frame's two fields were taken at two moments, so its lines are combs where things move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

from av import time_base as TICKS_PER_S  # of a container
from av.container import InputContainer
from av.error import BlockingIOError, EOFError, FFmpegError
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

Fields = Literal["tff", "bff"]
"""Which field is the earlier one: that of the upper lines, or that of the lower."""

_FIELDED_HEIGHTS = (480, 486, 576, 1080, 1088)
"""Lines of pictures that television sends in fields."""
_PLACES, _FRAMES = (0.1, 0.3, 0.5, 0.7, 0.9), 12
"""Shares of a film at which combs are looked for, and in how many frames."""
_MOST_ON_THE_WAY = 300
"""Frames that are decoded at most from a keyframe to such a place."""
_LEAST = 6
"""Frames with combs, at least; and twice as many as are whole or of the other order."""


class Deinterlacer:
    """Gives each interlaced frame as one whole picture of its first field's moment (FFmpeg's bwdif); others pass as they are.

    unmarked: frames that are not marked as interlaced are so all the same, their fields in this order.
    A picture is given when the frame after it is fed, the last ones by ``flush``. It keeps its time; pts may be in another time
    base.
    """

    def __init__(self, unmarked: Fields | None = None) -> None:
        self.num_frames = 0
        """Interlaced frames so far."""
        self._unmarked = unmarked
        self._graph: Graph | None = None
        self._shape: tuple[object, ...] = ()

    def feed(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """The pictures that this frame completes, in order."""
        interlaced = frame.interlaced_frame or self._unmarked is not None
        self.num_frames += interlaced
        if self._graph is None and not interlaced:
            yield frame
            return
        shape = (frame.width, frame.height, frame.format.name, frame.time_base)
        if shape != self._shape:
            yield from self.flush()
            options = "deint=interlaced" if self._unmarked is None else f"deint=all:parity={self._unmarked}"
            self._graph, self._shape = _graph("bwdif", f"mode=send_frame:{options}", frame), shape
        assert self._graph is not None
        self._graph.push(frame)
        yield from _ready(self._graph)

    def flush(self) -> Iterator[VideoFrame]:
        """The pictures that are still held; after it frames pass again until an interlaced one comes."""
        if self._graph is not None:
            self._graph.push(None)
            yield from _ready(self._graph)
        self._graph, self._shape = None, ()


def whole_pictures(frames: Iterable[VideoFrame], unmarked: Fields | None = None) -> Iterator[VideoFrame]:
    """All frames, the interlaced ones made whole."""
    whole = Deinterlacer(unmarked)
    for frame in frames:
        yield from whole.feed(frame)
    yield from whole.flush()


def unmarked_fields(container: InputContainer, stream: VideoStream) -> Fields | None:
    """The order of the fields of a film that does not say that it has any, None where no combs are seen (FFmpeg's idet).

    Only pictures of as many lines as television sends in fields are looked at. The container is left where it was looked at last.
    """
    if stream.codec_context.height not in _FIELDED_HEIGHTS or not container.duration:
        return None
    start, length = container.start_time or 0, container.duration
    seen = sum((_looks(container, stream, start + int(length * place)) for place in _PLACES), Counter[str]())
    seen = seen or _looks(container, stream, start)  # a stream whose places cannot be found
    orders: tuple[Fields, ...] = ("tff", "bff")
    order = max(orders, key=lambda fields: seen[fields])
    others = seen["progressive"] + sum(seen[fields] for fields in orders if fields != order)
    return order if seen[order] >= max(_LEAST, 2 * others + 1) else None


def _looks(container: InputContainer, stream: VideoStream, due: int) -> Counter[str]:
    """What idet calls the frames from a moment on, in the container's ticks; nothing where they cannot be decoded."""
    seen: Counter[str] = Counter()
    graph: Graph | None = None
    looked = 0
    try:
        container.seek(due)
        for number, frame in enumerate(container.decode(stream)):
            if number < _MOST_ON_THE_WAY and (frame.time or 0) * TICKS_PER_S < due:
                continue
            graph = graph or _graph("idet", "", frame)
            graph.push(frame)
            seen.update(picture.metadata["lavfi.idet.multiple.current_frame"] for picture in _ready(graph))
            looked += 1
            if looked == _FRAMES:
                break
    except FFmpegError:  # damaged there, or its pictures change their size
        pass
    return seen


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            picture = graph.pull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(picture, VideoFrame)
        yield picture


def _graph(name: str, options: str, frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(source, graph.add(name, options), graph.add("buffersink")).configure()
    return graph
