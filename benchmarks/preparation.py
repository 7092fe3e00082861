"""What preparing costs, and what can not be avoided: decoding the video and encoding its frames as JPEG.

    python benchmarks/preparation.py

Renders one video as cameras and encoders make them (640x360, 25 frames per second, H.264,
x264's defaults, 48 kHz AAC), then measures, in turns, the CPU time of `prepare_clips` on several links to it
with one worker, all processes together, and that of the shortest loop that decodes the same files, scales
the frames and encodes them. The second is what the first can not go below; the issue allows a ratio of 1.3.
"""

import argparse
import io
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from vatt.prepare.job import Running  # noqa: E402
from vatt.prepare.layouts.plan import Plan  # noqa: E402
from vatt.prepare.prepare import prepare_clips  # noqa: E402
from vatt.prepare.record import Clip, RecordOptions  # noqa: E402

ALLOWED = 1.3
WIDTH, HEIGHT, FRAME_RATE_HZ, SAMPLE_RATE_HZ = 640, 360, 25, 48_000


def render(path: Path, seconds: int) -> None:
    """A video of soft clouds that drift, with grain, and audio of noise: neither flat nor incompressible."""
    random = np.random.default_rng(0)
    clouds = random.integers(0, 256, (24, 40, 3), np.uint8)
    clouds = np.asarray(Image.fromarray(clouds).resize((2 * WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC))
    grain = random.normal(0, 4, (HEIGHT, WIDTH, 1))
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FRAME_RATE_HZ)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE_HZ, layout="stereo")
        for number in range(seconds * FRAME_RATE_HZ):
            left, top = number % WIDTH, (number // 2) % HEIGHT
            picture = clouds[top : top + HEIGHT, left : left + WIDTH] + np.roll(grain, 37 * number, axis=1)
            frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        noise = random.normal(0, 3000, (1, 2 * seconds * SAMPLE_RATE_HZ)).astype(np.int16)
        sound = av.AudioFrame.from_ndarray(noise, format="s16", layout="stereo")
        sound.sample_rate = SAMPLE_RATE_HZ
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def shortest_loop(paths: list[str]) -> None:
    """Decodes, scales and encodes, and keeps nothing."""
    options = RecordOptions()
    height = options.media.short_side_pixels
    width = round(WIDTH * height / HEIGHT)
    scaler, samples = VideoReformatter(), av.AudioResampler("s16", "mono", options.media.audio_rate_hz)
    for path in paths:
        with av.open(path) as container:
            for stream in container.streams:
                stream.codec_context.thread_count = 1
            for frame in container.decode():
                if isinstance(frame, av.AudioFrame):
                    samples.resample(frame)
                    continue
                small = scaler.reformat(
                    frame, width, height, "rgb24", interpolation=Interpolation.AREA, threads=1
                )
                Image.fromarray(small.to_ndarray()).save(io.BytesIO(), "JPEG", quality=options.jpeg_quality)


def preparation(paths: list[str]) -> None:
    """The same files, cut into records of ten seconds, by one worker."""
    clips = tuple(Clip(media=path, media_id=path, split="train", segment_seconds=10.0) for path in paths)
    with tempfile.TemporaryDirectory() as directory:
        prepare_clips(Plan(name="benchmark", clips=clips), directory, running=Running(processes=1))


def cpu_seconds(which: str, paths: list[str]) -> float:
    """CPU time of one of the two in a process of its own, with all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    root = str(Path(__file__).parents[1])
    subprocess.run(
        [sys.executable, __file__, "--only", which, *paths],
        check=True,
        env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="length of the video (default: %(default)s)")
    parser.add_argument(
        "--videos", type=int, default=4, help="how often it is prepared (default: %(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="measurements (default: %(default)s)")
    parser.add_argument("--only", nargs="+", help=argparse.SUPPRESS)  # a function and the files for it
    args = parser.parse_args()
    if args.only:
        {"shortest_loop": shortest_loop, "preparation": preparation}[args.only[0]](args.only[1:])
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "0.mp4"
        render(path, args.seconds)
        paths = [str(path)]
        for number in range(1, args.videos):
            link = Path(folder) / f"{number}.mp4"
            link.hardlink_to(path)
            paths.append(str(link))
        ratios = []
        for _ in range(args.repeats):
            least, spent = cpu_seconds("shortest_loop", paths), cpu_seconds("preparation", paths)
            ratios.append(spent / least)
            minutes = args.videos * args.seconds / 60
            cost = f"{spent / minutes:.2f} : {least / minutes:.2f} CPU-s per minute of video"
            print(f"{cost} = {ratios[-1]:.3f}", flush=True)
    ratio = statistics.median(ratios)
    print(f"ratio {ratio:.3f}, allowed {ALLOWED}: {'met' if ratio <= ALLOWED else 'MISSED'}")


if __name__ == "__main__":
    main()
