"""Randomly changed files end in a clear error or in damage that is counted, never in a crash.

The readers run in a process of their own, `tests/faults/fuzzing.py`: a signal or an exception that is none of
theirs is its exit status.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import fuzzing

ROOT = Path(__file__).parents[2]
# Kind -> files of the long run, 10^5 in all: more of what is quick.
LONG = {
    **{"text": 40_000, "arrays": 15_000, "shard": 12_500, "record": 12_500},
    **{"index": 5_000, "safetensors": 5_000, "pipeline": 5_000, "checkpoint": 5_000},
}
_LONGEST_SECONDS = 1200


def fuzz(kinds, count, seed, folder):
    command = [sys.executable, "-m", "tests.faults.fuzzing", ",".join(kinds), str(count), str(seed), folder]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_LONGEST_SECONDS)
    assert finished.returncode == 0, finished.stderr[-3000:]
    found = json.loads(finished.stdout.splitlines()[-1])
    for kind in kinds:
        assert found[kind]["tried"] == count == found[kind]["read"] + found[kind]["refused"]
        if count > 1000:  # both happen
            assert found[kind]["read"] and (found[kind]["refused"] or kind == "shard")
    return found


def test_changed_files_are_read_or_refused(tmp_path):
    fuzz(list(fuzzing.KINDS), 100, seed=0, folder=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LONG)
def test_a_hundred_thousand_changed_files_are_read_or_refused(kind, tmp_path):
    assert sum(LONG.values()) == 100_000 and LONG.keys() == fuzzing.KINDS.keys()
    fuzz([kind], LONG[kind], seed=1, folder=tmp_path)
