import subprocess
import sys
from pathlib import Path

from vatt import resident_memory

ROOT = Path(__file__).parents[1]
SIZE = 2**28


def test_a_child_counts_its_own_memory_and_not_its_parents():
    ballast = b"1" * SIZE  # resident in this process, whatever ran before
    code = "from vatt.resident_memory import now, peak\nbefore = now()\nprint(peak(), before)"
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    peak, now = map(int, finished.stdout.split())
    assert 2**20 < now <= peak < len(ballast)


def test_the_peak_begins_anew():
    resident_memory.forget_peak()
    before = resident_memory.now()
    ballast = b"1" * SIZE
    assert resident_memory.peak() > before + len(ballast) / 2
    del ballast
    resident_memory.forget_peak()
    assert resident_memory.peak() < before + SIZE / 2
