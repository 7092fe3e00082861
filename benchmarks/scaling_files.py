"""How preparing grows with the number of files: processor time and memory, with fitted exponents.

    python benchmarks/scaling_files.py --plots plots/scaling_files

Three axes. "videos": videos of a second, 320x180, as encoders make them, each a file of its own, from the
folder to the finished set by one worker. "images": the same of PNG images of 32x32, which are many and
take next to nothing each, so that what is done per file besides decoding shows: finding, planning, handing
out, spooling, journals. "resumed": a run over the same images that finds all shards made and writes the
last file: what going on costs.

Time is that of all processes, above what one file takes: the start of the worker is no part of the question.
The exponent e of cost ~ filesᵉ is the slope of a straight line through the logarithms. What to expect: time
1. Memory is the resident peak of the process that leads and of the worker, above those of one file. The first
grows by the list of clips, 1 to 2 kB a file. Images and records of several files are never held at once:
the worker's levels off, after some hundred videos, at 40 MB that the allocator keeps for the next one. Each
point is a process of its own, and the least of `--repeats`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
AXES = {
    "videos": (4, 16, 64, 256, 1024),
    "images": (256, 1024, 4096),
    "resumed": (256, 1024, 4096),
}


def make_files(axis: str, files: int, folder: Path) -> None:
    """A second of video, or a small image, under that many names."""
    folder.mkdir()
    if axis == "videos":
        import av
        from PIL import Image

        clouds = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
        clouds = np.asarray(Image.fromarray(clouds).resize((640, 360), Image.Resampling.BICUBIC))
        first = folder / "0.mp4"
        with av.open(str(first), "w") as container:
            video = container.add_stream("libx264", rate=25)
            video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
            for number in range(25):
                frame = clouds[number : number + 180, 4 * number : 4 * number + 320]
                frame = np.ascontiguousarray(frame)
                container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(video.encode(None))
    else:
        from PIL import Image

        first = folder / "0.png"
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)).save(first)
    for number in range(1, files):
        (folder / f"{number}{first.suffix}").hardlink_to(first)


def measure(axis: str, files: int) -> dict:
    """In a fresh process: seconds of processor time of it and its worker, and bytes of both."""
    from vatt import resident_memory
    from vatt.prepare import prepare
    from vatt.prepare.folder import plan_folder
    from vatt.prepare.job import Running

    def run(out: Path) -> None:
        plan = plan_folder(media, test_share=0.0)
        prepare.prepare_clips(plan, out, running=Running(processes=1))

    with tempfile.TemporaryDirectory() as folder:
        media, out = Path(folder) / "media", Path(folder) / "records"
        make_files(axis, files, media)
        if axis == "resumed":
            describe = prepare.description.write_description
            prepare.description.write_description = lambda *facts: sys.exit("killed before the last file")
            try:
                run(out)
            except SystemExit:
                prepare.description.write_description = describe
        resident = resident_memory.now()
        resident_memory.forget_peak()
        spent = -cpu_seconds()
        run(out)
        spent += cpu_seconds()
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {"seconds": spent, "leader": resident_memory.peak() - resident, "worker": worker}


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + usage.ru_utime + usage.ru_stime


def measured_apart(axis: str, files: int, repeats: int) -> dict:
    """`measure` in processes of their own: the least of each figure."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    found = []
    for _ in range(repeats):
        finished = subprocess.run(
            [sys.executable, __file__, "--measure", axis, str(files)],
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        found.append(json.loads(finished.stdout.splitlines()[-1]))
    return {name: min(each[name] for each in found) for name in found[0]}


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--axes", nargs="+", default=list(AXES), choices=AXES)
    parser.add_argument("--repeats", type=int, default=2, help="of each point (default: %(default)s)")
    parser.add_argument("--plots", type=Path, help="where to write PATH.png and PATH.svg")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure[0], int(arguments.measure[1]))))
        return
    from scaling import exponent, plot

    print(f"python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    found = {}
    for axis in arguments.axes:
        one = measured_apart(axis, 1, arguments.repeats)
        # Costs are those of that many files more than one.
        results = [measured_apart(axis, 1 + size, arguments.repeats) for size in AXES[axis]]
        seconds = [result["seconds"] - one["seconds"] for result in results]
        grown = {who: [max(0, result[who] - one[who]) for result in results] for who in ("leader", "worker")}
        both = [max(1, sum(each)) for each in zip(*grown.values(), strict=True)]
        found[axis] = {"sizes": AXES[axis], "seconds": seconds, "bytes": both}
        rows = {"CPU seconds": (seconds, 1.0)}
        rows |= {f"MB, {who}": (costs, 1e6) for who, costs in grown.items()}
        for label, (costs, unit) in rows.items():
            shown = "  ".join(
                f"{size}: {cost / unit:.3g}" for size, cost in zip(AXES[axis], costs, strict=True)
            )
            fitted = f"   exponent {exponent(AXES[axis], costs):.2f}" if costs is seconds else ""
            print(f"{axis:9s} {label:12s} {shown}{fitted}", flush=True)
    if arguments.plots:
        plot(arguments.plots, found, labels=("preparing (CPU seconds)", "peak memory (MB)"))


if __name__ == "__main__":
    main()
