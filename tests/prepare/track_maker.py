"""Makes media of several video and audio tracks."""

from fractions import Fraction

import av
from media_maker import grey

RATE_HZ = 16_000


def make_tracks(path, sounds, *, levels=(90,), codec="aac", dispositions=None, seconds=2.0):
    """A video track for each of `levels`, then the audio tracks; dispositions by track."""
    with av.open(str(path), "w") as container:
        videos = [container.add_stream("mpeg4", rate=5) for _ in levels]
        for video in videos:
            video.width = video.height = 32
            video.pix_fmt = "yuv420p"
        audios = [container.add_stream(codec, rate=RATE_HZ, layout="mono") for _ in sounds]
        for stream, disposition in zip(
            (*videos, *audios), dispositions or (), strict=dispositions is not None
        ):
            stream.disposition = disposition
        for second in range(round(seconds)):
            for video, level in zip(videos, levels):
                for number, picture in enumerate(grey([level] * 5)):
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                    frame.pts, frame.time_base = 5 * second + number, Fraction(1, 5)
                    container.mux(video.encode(frame))
            for audio, sound in zip(audios, sounds):
                part = sound[second * RATE_HZ : (second + 1) * RATE_HZ]
                if not len(part):
                    continue
                frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="s16", layout="mono")
                frame.sample_rate, frame.pts = RATE_HZ, second * RATE_HZ
                frame.time_base = Fraction(1, RATE_HZ)
                container.mux(audio.encode(frame))
        for stream in (*videos, *audios):
            container.mux(stream.encode(None))
    return path
