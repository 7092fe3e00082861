"""What a host spends on a clip, and sends of it, where it chooses the patches that DropToken keeps.

    python benchmarks/host_drop_token.py

Renders and prepares videos as benchmarks/records.py does, and mixes the sets of 10 s and of 60 s as the paper
mixes HowTo100M and AudioSet. Measured are processor time of one training clip (32 frames at 10 fps, cropped
and resized to 224 pixels, with 3.2 s of audio), whole and with `Execution.host_drop_token` at 50 %, and the
bytes of it in a batch. Each measurement is a process of its own; the ways take turns, and medians are
compared.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BATCH, SEED = 4, 0


def measure(folder: Path, kept: bool, clips: int) -> dict:
    """Processor milliseconds and bytes of a clip in this process, after as many to get going."""
    import tensorflow as tf

    from tests.small_models import small_vatt
    from vatt.data.datasets.mixture import MixedClips
    from vatt.data.datasets.prepared import PreparedClips
    from vatt.spec import ClipSpec

    clip = ClipSpec()
    data = MixedClips(
        datasets=[PreparedClips(directory=folder / f"records{seconds}", clip=clip) for seconds in (10, 60)]
    )
    reads = small_vatt(clip=clip).patches_read() if kept else None
    batches = iter(data.train_batches(batch_size=BATCH, first_step=0, seed=SEED, reads=reads))

    def take():
        for _ in range(clips // BATCH):
            batch = next(batches)
        return sum(value.dtype.size * int(tf.size(value)) for value in batch.values()) / BATCH

    take()
    start = time.process_time()
    size = take()
    return {"milliseconds": 1000 * (time.process_time() - start) / clips, "bytes": size}


def measured_apart(folder: Path, kept: bool, clips: int) -> dict:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--clips", str(clips), *["--kept"] * kept]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["CUDA_VISIBLE_DEVICES"] = ""
    finished = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=48, help="clips of one (default: %(default)s)")
    parser.add_argument("--videos", type=int, default=6, help="videos of 10 s (default: %(default)s)")
    parser.add_argument("--kept", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.folder:
        print(json.dumps(measure(arguments.folder, arguments.kept, arguments.clips)))
        return
    sys.path.insert(0, str(ROOT))
    from records import make_material

    with tempfile.TemporaryDirectory() as directory:
        make_material(Path(directory), arguments.videos)
        found = {False: [], True: []}
        for _ in range(arguments.repeats):
            for kept, values in found.items():
                values.append(measured_apart(Path(directory), kept, arguments.clips))
    for kept, values in found.items():
        spent = [each["milliseconds"] for each in values]
        print(
            f"{'kept patches' if kept else 'whole clips'}: {statistics.median(spent):.1f} CPU-ms a clip "
            f"({min(spent):.1f} to {max(spent):.1f}), {values[0]['bytes'] / 1e6:.3f} MB"
        )


if __name__ == "__main__":
    main()
