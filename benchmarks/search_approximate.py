"""Approximate search among ten million windows: what lists find of the exact answer, and what both cost.

    python benchmarks/search_approximate.py [--rows 10000000]

Makes an index of vectors of 128 dimensions around 20,000 centres (noise of 0.3 of a centre's numbers), with
lists as `vatt index --approximate` makes them, and asks with 100 of its vectors, moved at random by 0.57 of
their length: exactly, and by the lists. Then a twentieth of the rows goes, as many new ones come, and the
lists are brought up to date. CPU times are of one thread, of mapped matrices in the page cache.
Needs 12 GB of memory and 8 GB of disk.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from search import ROOT, random_index

CENTRES, QUERIES, NAME = 20_000, 100, "video/video_text"


def main():
    import numpy as np

    from vatt import resident_memory
    from vatt.search import layout
    from vatt.search.answer import Wanted, answer
    from vatt.search.approximate import Before, write_lists
    from vatt.search.index import Index
    from vatt.search.query import Query

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", help="where the index is made")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        directory = random_index(Path(folder), args.rows, 128, "float32", "", clusters=CENTRES)
        index = Index(directory)
        matrix, present = index.vectors(NAME), np.ones(args.rows, bool)
        path = layout.lists_path(layout.rows_folder(directory, 1), NAME)
        print(f"{args.rows:,} rows, {matrix.nbytes / 1e9:.2f} GB, load {os.getloadavg()[0]:.1f}", flush=True)
        began = time.process_time()
        made = write_lists(path, matrix, present, None, None)
        print(f"lists: {time.process_time() - began:.0f} CPU-s, {path.stat().st_size / 1e9:.2f} GB, {made}")
        layout.write_facts(directory, index.facts | {"lists": {NAME: made}})

        index, draw, costs = Index(directory), np.random.default_rng(0), {True: [], False: []}
        shares, is_same = [], []
        for number in range(QUERIES + 1):
            vector = matrix[draw.integers(args.rows)] + 0.05 * draw.standard_normal(128)
            vector = (vector / np.linalg.norm(vector)).astype(np.float32)
            query, rows = Query(modality="text", shown="", vectors={"video_text": vector}), {}
            for is_approximate in (False, True):
                began = time.process_time()
                found = answer(index, query, Wanted(is_joined=False, is_approximate=is_approximate))
                if number:  # the first reads what is mapped
                    costs[is_approximate].append(1000 * (time.process_time() - began))
                rows[is_approximate] = [hit.place.row for hit in found.hits]
            shares.append(len({*rows[False]} & {*rows[True]}) / len(rows[False]))
            is_same.append(rows[False] == rows[True])
        print(found.notes[0])
        share = 100 * statistics.mean(shares)
        print(f"recall of the exact ten {share:.1f} %, {sum(is_same)} of {len(is_same)} answers are the same")
        for is_approximate, name in ((False, "exact, int8 screen"), (True, "by lists")):
            least, usual = min(costs[is_approximate]), statistics.median(costs[is_approximate])
            print(f"{name}: least {least:.1f} ms, median {usual:.1f} ms of CPU", flush=True)

        gone = args.rows // 20
        moved = np.arange(args.rows)
        moved[:gone] = -1  # the first rows are others now
        began = time.process_time()
        before = Before(path=path, trained=made["trained"], moved=moved)
        again = write_lists(path.with_suffix(".again"), matrix, present, None, before)
        seconds = time.process_time() - began
        print(f"{gone:,} rows replaced in {seconds:.0f} CPU-s, recall measured anew: {again}")
        print(f"peak memory {resident_memory.peak() / 2**30:.1f} GiB, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
