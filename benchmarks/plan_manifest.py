"""Memory and time in which `vatt prepare folder` plans a manifest of a million videos.

    python benchmarks/plan_manifest.py

Each row names a file of its own, and has a caption: the most memory a row can take but for its text. The
files are there and empty, as planning does not open them. Asked for: at most 1 GiB in the launcher.
"""

import argparse
import csv
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from vatt.prepare.folder import plan_folder  # noqa: E402
from vatt.prepare.plan import plan_shards  # noqa: E402
from vatt.prepare.record import RecordOptions  # noqa: E402

ALLOWED_BYTES = 1 << 30


def write_manifest(folder: Path, rows: int) -> Path:
    """A manifest of `rows` videos in `folder`, a thousand to a folder below it."""
    path = folder / "videos.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "caption"))
        for number in range(rows):
            name = f"{number // 1000:04d}/{number:07d}.mp4"
            if number % 1000 == 0:
                (folder / name).parent.mkdir()
            os.close(os.open(folder / name, os.O_CREAT))
            writer.writerow((name, f"then you stir pot {number} of soup until it boils"))
    return path


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        manifest = write_manifest(Path(name), rows)
        began = time.process_time()
        plan = plan_folder(manifest)
        shards = plan_shards(plan.clips, RecordOptions(), 256)
        seconds = time.process_time() - began
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    print(f"{rows:,} rows, {len(shards):,} shards: {used / 2**30:.3f} GiB at most, {seconds:.0f} CPU-s")
    print("met" if used <= ALLOWED_BYTES else f"missed: at most {ALLOWED_BYTES / 2**30:.0f} GiB is allowed")


if __name__ == "__main__":
    main()
