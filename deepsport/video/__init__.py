"""The only place that decodes and encodes (PyAV): what a file holds, frames by pts, audio, and small deterministic mp4s.

Everything after ingest looks at *proxies*: constant rate, start at 0, display orientation, square pixels, many keyframes. There
frame i has pts i/rate, so a frame index and a moment say the same thing; `FrameReader` still goes by pts, never by counting.
Sources are another matter: they rotate, vary in rate and start late. `probe` says so, `iter_frames` and `read_audio` put the
clock at the first video frame, and ingest makes the proxy.

    fields ─▶ media ─▶ pictures ─▶ reading, sound ─▶ writing

Array legend: T frames, H height, W width, C channels (RGB), N audio samples. Errors: MediaError with the path and the remedy.
"""

from deepsport.video.fields import Deinterlacer
from deepsport.video.media import (
    MediaInfo,
    MissingMedia,
    NoVideoStream,
    display_size,
    is_cut_short,
    open_media,
    probe,
    video_stream,
)
from deepsport.video.pictures import Frames, Painter, iter_frames, matrix_of, pillarboxed
from deepsport.video.reading import FrameCache, FrameReader, PictureReader
from deepsport.video.sound import AudioAligner, Samples, read_audio
from deepsport.video.writing import PacketCopier, VideoWriter, cut_clip, write_video

__all__ = [
    "AudioAligner",
    "Deinterlacer",
    "FrameCache",
    "FrameReader",
    "Frames",
    "MediaInfo",
    "MissingMedia",
    "NoVideoStream",
    "PacketCopier",
    "Painter",
    "PictureReader",
    "Samples",
    "VideoWriter",
    "cut_clip",
    "display_size",
    "is_cut_short",
    "iter_frames",
    "matrix_of",
    "open_media",
    "pillarboxed",
    "probe",
    "read_audio",
    "video_stream",
    "write_video",
]
