"""What decides how `vatt prepare` decodes: processes and codec threads, and whether seeking is worth it.

    python benchmarks/preparation_choices.py

Renders videos as cameras and encoders make them (640x360, 25 frames per second, H.264 with x264's defaults,
48 kHz AAC). First the work of preparing (`vatt.prepare.record.make_records`: decode, scale, JPEG, audio) on
as many videos in processes x codec threads. Chosen is what takes the least processor time among what keeps
every core busy: that is all that a machine with nothing else to do has to give. Wall time is printed too; it
means something on a quiet machine only. Then clips of ten seconds at random instants of one long video: by a
seek to the key frame before, as preparing does it for the clips of a table, or by decoding from the start of
the video. Medians of measurements in turn.

What `vatt prepare` does by default: a process per core, one codec thread each (`DECODE_THREADS`), and a seek.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

ROOT = Path(__file__).parents[1]
CLIP_SECONDS = 10.0
SEED = 0


def make(path: str, threads: int, start: float | None, through: bool) -> None:
    """Records of a video, of all of it or of ten seconds from `start`."""
    from vatt.prepare import container, source, streams
    from vatt.prepare.record import Clip, RecordOptions, make_records

    streams.DECODE_THREADS = threads
    if through:
        source.frames_from = lambda opened, streams, _, warnings: container.decoded_frames(
            opened, streams, warnings
        )
    part = {} if start is None else {"start_seconds": start, "end_seconds": start + CLIP_SECONDS}
    clip = Clip(media=path, media_id="video", split="train", segment_seconds=CLIP_SECONDS, **part)
    for _ in make_records(clip, RecordOptions()):
        pass


def work(tasks: list[dict]) -> None:
    """Does the tasks, and prints processor and wall seconds of all but the start of Python."""
    import vatt.prepare.record  # noqa: F401 (first, so that it is not counted)

    spent, started = time.process_time(), time.monotonic()
    for task in tasks:
        make(**task)
    print(json.dumps([time.process_time() - spent, time.monotonic() - started]))


def run(shares: list[list[dict]]) -> tuple[float, float]:
    """Processor seconds of a process for each share, all at once, and wall seconds of the slowest."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, "--only", json.dumps(share)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    outputs = [worker.communicate()[0] for worker in workers]
    if any(worker.returncode for worker in workers):
        sys.exit("A process failed.")
    spent, wall = zip(*(json.loads(output) for output in outputs), strict=True)
    return sum(spent), max(wall)


def sweep(video: Path, seconds: int, videos: int, processes: list[int], threads: list[int], repeats: int):
    """Prints the table of processes x threads."""
    ways = list(itertools.product(processes, threads))
    found = {way: [] for way in ways}
    for _ in range(repeats):
        for count, codec in ways:
            task = {"path": str(video), "threads": codec, "start": None, "through": False}
            found[count, codec].append(run([[task] * (videos // count)] * count))
    minutes = videos * seconds / 60
    least = statistics.median(spent for spent, _ in found[processes[0], 1]) / minutes
    for (count, codec), values in found.items():
        spent, wall = (statistics.median(each) / minutes for each in zip(*values, strict=True))
        print(
            f"{count} processes x {codec} codec threads: {spent:.2f} CPU-s a minute of video, "
            f"{spent / least:.2f} of {processes[0]} x 1; wall {wall:.2f} s"
        )


def seeks(video: Path, seconds: int, clips: int, repeats: int) -> None:
    """Prints what a clip costs by a seek and by decoding from the start of the video."""
    starts = np.random.default_rng(SEED).uniform(0, seconds - CLIP_SECONDS, clips)
    found = {False: [], True: []}
    for _ in range(repeats):
        for through, values in found.items():
            tasks = [
                {"path": str(video), "threads": 1, "start": float(start), "through": through}
                for start in starts
            ]
            values.append(run([tasks])[0] / clips)
    seek, through = (statistics.median(found[each]) for each in (False, True))
    print(
        f"10 s at a random instant of {seconds} s: {1000 * seek:.0f} CPU-ms by a seek, "
        f"{1000 * through:.0f} decoding through = {through / seek:.2f} times as fast"
    )


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument("--processes", type=int, nargs="+", default=[1, cores, 2 * cores])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seconds", type=int, default=30, help="of a video (default: %(default)s)")
    parser.add_argument("--long", type=int, default=300, help="seconds of the long video (default: 300)")
    parser.add_argument("--clips", type=int, default=12, help="of the long video (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="measurements (default: %(default)s)")
    parser.add_argument("--only", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only is not None:
        work(arguments.only)
        return
    from preparation import render

    print(f"python {platform.python_version()}, av {av.__version__}, FFmpeg {av.ffmpeg_version_info}")
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f}")
    videos = int(np.lcm.reduce(arguments.processes))  # every process has as many
    with tempfile.TemporaryDirectory() as folder:
        video, long = Path(folder) / "video.mp4", Path(folder) / "long.mp4"
        render(video, arguments.seconds)
        sweep(video, arguments.seconds, videos, arguments.processes, arguments.threads, arguments.repeats)
        render(long, arguments.long)
        seeks(long, arguments.long, arguments.clips, arguments.repeats)


if __name__ == "__main__":
    main()
