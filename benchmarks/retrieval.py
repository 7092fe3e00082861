"""What ranking costs compared with the one matrix product that it can not do without.

    python benchmarks/retrieval.py

Ranks 10,000 queries against 10,000 items with `vatt.metrics.retrieval.ranks_from_embeddings`, from raw
float32 embeddings to exact ranks (ties count against the model), and multiplies the same float32 matrices
with numpy, once, keeping all products. CPU time, one thread, in turns, after one of each to get going. Cases:
a model that finds most of its items, one that finds few, and groups of five clips that answer for each other.
What is asked for: at most 1.2 times the product's time.

Keeping all products takes 400 MB of fresh memory, which can cost as much as the arithmetic at width 256;
blocks do without. "in place" is the same product into memory that is there already, the arithmetic alone.
"""

import argparse
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import platform  # noqa: E402 (BLAS reads its threads when numpy is imported)
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))

from vatt.metrics.retrieval import ranks_from_embeddings, ranks_from_scores, score_blocks  # noqa: E402

ALLOWED = 1.2
WIDTHS = (256, 512)
# Name -> noise added to a query's item, in standard deviations; clips of a group.
CASES = {"finds most": (2.0, 1), "finds few": (12.0, 1), "finds few, groups of five": (12.0, 5)}


def embeddings(count: int, width: int, noise: float):
    """Queries and items, float32 [count, width] each."""
    random = np.random.default_rng(0)
    gallery = random.normal(size=(count, width)).astype(np.float32)
    return (gallery + noise * random.normal(size=gallery.shape)).astype(np.float32), gallery


def cpu_seconds(function) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def plain_ranks(queries, gallery, ids):
    """All scores in float64, as `score_blocks` gives them."""
    blocks = score_blocks(queries, gallery)
    return np.concatenate([ranks_from_scores(each, ids[at : at + len(each)], ids) for at, each in blocks])


def ways_of(queries, gallery, ids, kept) -> dict:
    """What is measured, by name; `kept` has room for all products."""
    return {
        "ranks": lambda: ranks_from_embeddings(queries, gallery, ids, ids),
        "product": lambda: queries @ gallery.T,
        "in place": lambda: np.matmul(queries, gallery.T, out=kept),
        "float64 scores": lambda: plain_ranks(queries, gallery, ids),
    }


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000, help="queries, items (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=7, help="measurements of each (default: %(default)s)")
    arguments = parser.parse_args()
    print(f"python {platform.python_version()}, numpy {np.__version__}")
    kept = np.zeros((arguments.count, arguments.count), np.float32)
    for width in WIDTHS:
        for name, (noise, size) in CASES.items():
            queries, gallery = embeddings(arguments.count, width, noise)
            ids = np.arange(arguments.count) // size
            ways = ways_of(queries, gallery, ids, kept)
            if not np.array_equal(ways["ranks"](), ways["float64 scores"]()):
                raise SystemExit(f"{width}, {name}: the ranks are not those of float64 scores.")
            ways["product"]()
            found = {way: [] for way in ways}
            for _ in range(arguments.repeats):
                for way, values in found.items():
                    values.append(cpu_seconds(ways[way]))
            medians = {way: statistics.median(values) for way, values in found.items()}
            ratio = medians["ranks"] / medians["product"]
            ratios = [a / b for a, b in zip(found["ranks"], found["product"], strict=True)]
            print(
                f"width {width}, {name}: {medians['ranks']:.3f} : {medians['product']:.3f} CPU-s "
                f"= {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}), allowed {ALLOWED}: "
                f"{'met' if ratio <= ALLOWED else 'MISSED'}; in place {medians['in place']:.3f}, "
                f"float64 scores {medians['float64 scores']:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
