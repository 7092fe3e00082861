"""Renders one demo clip to real files: H.264 and AAC in an MP4, narration in an SRT next to it.

A pure function of the plan of the clip, run in worker processes that import NumPy and PyAV only.
"""

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import numpy as np

from vatt.demo.audio import synthesise
from vatt.demo.definition import Combination, definition
from vatt.demo.scene import draw
from vatt.demo.text import narrate, srt
from vatt.files.whole_file import whole_file


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipPlan:
    """All that decides the bytes of one clip."""

    path: str  # the MP4's path, relative to the media folder
    seed: tuple[int, ...]  # of everything drawn at random, with the path's number
    # what the video, the audio and the narration are about; the same, unless the corpus was asked for with a
    # correspondence below 1
    seen: Combination
    heard: Combination
    narrated: Combination
    corresponds: bool  # whether they are the same by intent; by chance they may be so in any clip
    # whether there is an audio track, a caption file
    has_audio: bool
    has_narration: bool
    is_held_out: bool  # a clip of the test split, where every sentence names everything


def render_clip(plan: ClipPlan, media_dir: str) -> None:
    """Writes the files of one clip, each whole or not at all. A clip that is there already is left alone."""
    path = Path(media_dir, plan.path)
    if path.exists():  # written last, so the captions are there too
        return
    scene, audio, text = (np.random.default_rng((*plan.seed, part)) for part in range(3))
    phase = float(scene.random())
    # Audio of another scene than the video keeps no trace of the video, not even its timing.
    audio_phase = phase if plan.corresponds else float(audio.random())
    frames = draw(plan.seen, phase, scene)
    samples = synthesise(plan.heard, audio_phase, audio) if plan.has_audio else None
    if plan.has_narration:
        captions = srt(narrate(plan.narrated, plan.is_held_out, text))
        with whole_file(path.with_suffix(".srt"), is_flushed=False) as file:
            file.write(captions.encode())
    with whole_file(path, is_flushed=False) as file:
        _encode(file, frames, samples)


def _encode(file: IO[bytes], frames: np.ndarray, samples: np.ndarray | None) -> None:
    clip = definition()["clip"]
    # One thread, "bitexact" and no dates: the same plan gives the same bytes.
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream(
            "libx264",
            rate=clip["frame_rate_hz"],
            options={"preset": "ultrafast", "crf": "18", "flags": "+bitexact", "threads": "1"},
        )
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        if samples is not None:
            audio: Any = container.add_stream(
                "aac",
                rate=clip["audio_rate_hz"],
                layout="mono",
                options={"flags": "+bitexact", "aac_coder": "fast"},
            )
            audio.bit_rate = clip["audio_bits_per_second"]
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, clip["frame_rate_hz"])
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if samples is not None:
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate = clip["audio_rate_hz"]
            frame.pts, frame.time_base = 0, Fraction(1, clip["audio_rate_hz"])
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
