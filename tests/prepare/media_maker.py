"""Makes small media files for the tests, and reads them: flashes, beeps, offsets, rotations, damage."""

import struct
from fractions import Fraction

import av
import numpy as np

from vatt.prepare.media import read_segments


def make_media(
    path,
    *,
    pictures=None,
    picture_times=None,
    rate_hz=10,
    sound=None,
    sound_rate_hz=16_000,
    sound_start=0.0,
    layout="mono",
    video_codec="mpeg4",
    audio_codec="aac",
    pixel_format="yuv420p",
    video_options=None,
    container_options=None,
    is_audio_first=False,
):
    """Writes images uint8 [T, H, W, 3] at `picture_times` (seconds) and audio int16 [S, channels]."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        video = audio = None

        def add_audio():
            return container.add_stream(audio_codec, rate=sound_rate_hz, layout=layout)

        if sound is not None and is_audio_first:
            audio = add_audio()
        if pictures is not None:
            video = container.add_stream(video_codec, rate=rate_hz, options=video_options or {})
            video.height, video.width = pictures.shape[1:3]
            video.pix_fmt = pixel_format
            if video_codec not in ("mpeg1video", "mpeg2video", "gif") and not str(path).endswith(".avi"):
                video.codec_context.time_base = Fraction(1, 1000)
        if sound is not None and audio is None:
            audio = add_audio()
        frames = []
        if video is not None:
            times = np.arange(len(pictures)) / rate_hz if picture_times is None else picture_times
            frames += [(time, video, picture) for time, picture in zip(times, pictures)]
        if audio is not None:
            step = sound_rate_hz // 10
            frames += [
                (sound_start + at / sound_rate_hz, audio, sound[at : at + step])
                for at in range(0, len(sound), step)
            ]
        for time, stream, content in sorted(frames, key=lambda item: item[0]):
            if stream is video:
                frame = av.VideoFrame.from_ndarray(content, format="rgb24")
                base = video.codec_context.time_base or Fraction(1, rate_hz)
                frame.pts, frame.time_base = round(time / base), base
            else:
                frame = av.AudioFrame.from_ndarray(content.reshape(1, -1), format="s16", layout=layout)
                frame.sample_rate = sound_rate_hz
                frame.pts, frame.time_base = round(time * sound_rate_hz), Fraction(1, sound_rate_hz)
            container.mux(stream.encode(frame))
        for stream in (video, audio):
            if stream is not None:
                container.mux(stream.encode(None))
    return path


def grey(levels, size=32):
    """Uniform images, uint8 [T, size, size, 3], one per level."""
    levels = np.asarray(levels, np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (len(levels), size, size, 3)).copy()


def beep(seconds, at, rate_hz=16_000, length=0.1):
    """Silence with one loud tone that starts at `at` seconds; int16 [S, 1]."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = 20_000 * np.sin(2 * np.pi * 1000 * times) * ((times >= at) & (times < at + length))
    return tone.astype(np.int16)[:, None]


def rotate_mp4(path, matrix):
    """Overwrites the display matrix of the only track of an MP4; `matrix` are a, b, c, d of the 2x2 part."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix lies 40 bytes behind the box's type
    a, b, c, d = (value * 0x10000 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(data)


def read_whole(path, options, **part):
    """The Media of a file that is read in one piece."""
    (media,) = read_segments(path, options, **part)
    return media
