"""What DropToken saves if the host begins it: clips per CPU-second and bytes per clip, with and without.

    python benchmarks/host_drop_token.py

Prepares films as benchmarks/records.py does, and measures the CPU time of one training clip (32 frames at
10 fps, cropped and resized to 224 pixels, with 48 kHz sound) in two ways for rates of 0.5 and 0.75: whole
clips, or the patches alone that a VATT keeps (`PreparedClips.host_drop_token`). First the input pipeline by
itself; then with what the compiled step does until the patch map: colour, scaling, cutting and choosing. Each
measurement is a process of its own; the ways take turns, and medians are compared. What is asked for: 1.4
times the clips per CPU-second, and half the bytes.

The pipeline by itself can not gain as much. Kept places are drawn one by one, so every frame is needed; and
contrast is about the mean of the whole clip as resized and rounded, so every pixel is. Of a whole clip's
processor time a third is JPEG decoding, a fifth resizing and rounding, a tenth reading and checking the
record; mirroring, the one stage that is done for kept patches alone, and putting clips into a batch are 8 %
together, about what cutting the patches and summing the colours cost. Were resizing halved as well, which
would need the mean from elsewhere, the ratio would still be below 1.2. What is saved is colour and scaling,
which are a part of the compiled step, so that is what counts here.
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
RATES = (0.5, 0.75)
ASKED = 1.4
BATCH, SEED = 4, 0
WAYS = [(host, rate, step) for step in (False, True) for rate in RATES for host in (False, True)]


def measure(folder: Path, host: bool, rate: float, step: bool, clips: int) -> dict:
    """CPU-milliseconds and bytes of a clip in this process, after as many to get going."""
    import keras
    import tensorflow as tf

    from vatt import spec
    from vatt.data.datasets.prepared import PreparedClips
    from vatt.engines.tensorflow.step import draw_keys
    from vatt.layers import draws
    from vatt.layers.architecture import Size
    from vatt.layers.drop_token import DropToken, take_tokens
    from vatt.layers.pixels import ColourJitter, DeviceInputs
    from vatt.layers.transformer_encoder import TransformerEncoder
    from vatt.models.tokenizer_for import tokenizer_for
    from vatt.models.tower import Tower
    from vatt.models.vatt import VATT
    from vatt.train.host_drop_token import connect

    clip = spec.ClipSpec(modalities=(spec.VIDEO, spec.AUDIO))
    size = Size(depth=1, width=8, hidden_width=8, heads=1, head_width=8)  # as good as any: nothing is encoded
    tokenizers = {
        modality: tokenizer_for(
            modality=modality, sizes=clip.sizes(modality), drop_token=DropToken(rate=rate)
        )
        for modality in (spec.VIDEO, spec.AUDIO)
    }
    model = VATT(
        **{
            modality: Tower(tokenizer=tokenizer, encoder=TransformerEncoder(size=size))
            for modality, tokenizer in tokenizers.items()
        }
    )
    dataset = PreparedClips(directory=folder / "records10", clip=clip, host_drop_token=host)
    connect(dataset, model, summary_every=None)
    device = DeviceInputs(colour=ColourJitter())

    @tf.function(autograph=False)
    def to_patches(batch):
        key = draw_keys(SEED, batch[spec.EXAMPLE_INDEX])
        inputs, made = device(batch | {"draw_key": key}, training=True), []
        for modality in (spec.VIDEO, spec.AUDIO):
            patches, tokenizer = inputs[modality], tokenizers[modality]
            if not host:
                patches = tokenizer.patches.cut(patches if modality == spec.VIDEO else patches[..., None])
                patches = tf.reshape(patches, [BATCH, -1, patches.shape[-1]])
                with draws.keyed(key):
                    kept = tokenizer.drop_token.kept_indices(BATCH, patches.shape[1], training=True)
                patches = take_tokens(patches, kept)
            made.append(patches)
        return made

    batches = iter(dataset.train_batches(batch_size=BATCH, first_step=0, seed=SEED))

    def take(wanted):
        for _ in range(wanted // BATCH):
            batch = next(batches)
            if step:
                to_patches(batch)
        return sum(value.dtype.size * int(tf.size(value)) for value in batch.values()) / BATCH

    take(clips)
    start = time.process_time()
    size_bytes = take(clips)
    spent = time.process_time() - start
    versions = f"tensorflow {tf.__version__}, keras {keras.__version__}"
    return {"milliseconds": 1000 * spent / clips, "bytes": size_bytes, "versions": versions}


def measured_apart(folder: Path, way, clips: int) -> dict:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--only", json.dumps(way), "--clips", str(clips)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["CUDA_VISIBLE_DEVICES"] = ""
    finished = subprocess.run(
        [*command, "--folder", str(folder)], env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(finished.stdout.splitlines()[-1])


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=48, help="clips of one (default: %(default)s)")
    parser.add_argument("--films", type=int, default=6, help="films of 10 s (default: %(default)s)")
    parser.add_argument("--only", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.folder, *arguments.only, arguments.clips)))
        return
    sys.path.insert(0, str(ROOT))
    from records import make_material

    with tempfile.TemporaryDirectory() as directory:
        make_material(Path(directory), arguments.films)
        found = {way: [] for way in WAYS}
        for _ in range(arguments.repeats):
            for way, values in found.items():
                values.append(measured_apart(Path(directory), way, arguments.clips))
    print(found[WAYS[0]][0]["versions"])
    for step in (False, True):
        for rate in RATES:
            whole, kept = (
                [each["milliseconds"] for each in found[host, rate, step]] for host in (False, True)
            )
            sizes = [found[host, rate, step][0]["bytes"] / 1e6 for host in (False, True)]
            ratio = statistics.median(whole) / statistics.median(kept)
            verdict = f", at least {ASKED}: {'met' if ratio >= ASKED else 'MISSED'}"
            print(
                f"{'pipeline and step' if step else 'pipeline'}, rate {rate}: {statistics.median(whole):.1f} "
                f"({min(whole):.1f} to {max(whole):.1f}) : {statistics.median(kept):.1f} ({min(kept):.1f} to "
                f"{max(kept):.1f}) CPU-ms a clip = {ratio:.2f}{verdict}; {sizes[0]:.2f} : {sizes[1]:.2f} MB"
            )


if __name__ == "__main__":
    main()
