"""Interlaced pictures made whole: a frame's two fields were taken at two moments, so its lines are combs where things move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from av.error import BlockingIOError, EOFError
from av.filter import Graph
from av.video.frame import VideoFrame


class Deinterlacer:
    """Gives each interlaced frame as one whole picture of its first field's moment (FFmpeg's bwdif); others pass as they are.

    A picture is given when the frame after it is fed, the last ones by ``flush``. It keeps its time; pts may be in another time
    base.
    """

    def __init__(self) -> None:
        self.num_frames = 0
        """Interlaced frames so far."""
        self._graph: Graph | None = None
        self._shape: tuple[object, ...] = ()

    def feed(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """The pictures that this frame completes, in order."""
        self.num_frames += frame.interlaced_frame
        if self._graph is None and not frame.interlaced_frame:
            yield frame
            return
        shape = (frame.width, frame.height, frame.format.name, frame.time_base)
        if shape != self._shape:
            yield from self.flush()
            self._graph, self._shape = _bwdif(frame), shape
        assert self._graph is not None
        self._graph.push(frame)
        yield from self._ready()

    def flush(self) -> Iterator[VideoFrame]:
        """The pictures that are still held; after it frames pass again until an interlaced one comes."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._ready()
        self._graph, self._shape = None, ()

    def _ready(self) -> Iterator[VideoFrame]:
        assert self._graph is not None
        while True:
            try:
                picture = self._graph.pull()
            except (BlockingIOError, EOFError):
                return
            assert isinstance(picture, VideoFrame)
            yield picture


def whole_pictures(frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
    """All frames, the interlaced ones made whole."""
    whole = Deinterlacer()
    for frame in frames:
        yield from whole.feed(frame)
    yield from whole.flush()


def _bwdif(frame: VideoFrame) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")).configure()
    return graph
