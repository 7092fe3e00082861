"""The encoders in int8 compared with those in float32: bytes, and recall on the demo's held-out clips.

    python benchmarks/int8.py --model runs/pretrain

What is asked for: recall in the first five within a point, at 30 % of the bytes at most.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
FORMATS = ("onnx", "onnx_int8")
DIRECTIONS = ("text_to_video", "video_to_text", "audio_to_video", "video_to_audio")


def main():
    """Prints the bytes of the encoders and a row of recalls for each direction."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, metavar="RUN")
    parser.add_argument("--data", metavar="RECORDS", help="prepared demo (default: the cached one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "export"
        command = [sys.executable, "-m", "vatt", "export", arguments.model, str(out), "--formats", *FORMATS]
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
        sizes = {kind: sum(path.stat().st_size for path in (out / kind).glob("*.onnx")) for kind in FORMATS}
        share = sizes["onnx_int8"] / sizes["onnx"]
        print(f"float32 {sizes['onnx']:,} bytes, int8 {sizes['onnx_int8']:,} bytes: {100 * share:.1f} %")
        recalls = {kind: recall(out / kind, clips(out, arguments.data)) for kind in FORMATS}
    print("| direction | same clip: float32 | int8 | same group: float32 | int8 |")
    print("|---|---:|---:|---:|---:|")
    for direction in DIRECTIONS:
        row = [recalls[kind][direction, by] for by, kind in itertools.product(("clip_id", "group"), FORMATS)]
        print(f"| {direction} | {' | '.join(f'{100 * value:.1f} %' for value in row)} |")


def clips(out, data):
    """The held-out clips as NumPy arrays by name, first captions as text."""
    from vatt.data.datasets.prepared import PreparedClips
    from vatt.demo.corpus import demo_corpus
    from vatt.spec import ClipSpec

    facts = json.loads((out / "onnx" / "inputs.json").read_text(encoding="utf-8"))
    dataset = PreparedClips(directory=data or demo_corpus(), clip=ClipSpec(**facts["clip"]))
    rows = {}
    for batch in dataset.eval_batches(batch_size=16):
        valid = batch["valid"].numpy() > 0
        for name in ("video", "audio", "text", "clip_id", "group"):
            rows.setdefault(name, []).append(batch[name].numpy()[valid])
    rows = {name: np.concatenate(parts) for name, parts in rows.items()}
    return rows | {"text": rows["text"][:, 0]}


def recall(folder, rows):
    """(direction, "clip_id" or "group") -> recall in the first five."""
    from vatt.export.onnx import run
    from vatt.metrics.retrieval import ranks_from_embeddings, recall_at_k, relevance_ids

    made = {}
    for modality in ("video", "audio", "text"):
        parts = [run(folder / f"{modality}.onnx", each) for each in np.array_split(rows[modality], 9)]
        made[modality] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    found = {}
    for direction in DIRECTIONS:
        query, target = direction.split("_to_")
        space = "video_text" if "text" in (query, target) else "video_audio"
        for by in ("clip_id", "group"):
            ids = relevance_ids([each.decode() for each in rows[by]])
            ranks = ranks_from_embeddings(made[query][space], made[target][space], ids, ids)
            found[direction, by] = recall_at_k(ranks, 5)
    return found


if __name__ == "__main__":
    main()
