import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


HEAPS = """
import ctypes, os, threading
from vatt import resident_memory

{call}
barrier = threading.Barrier(2 * os.cpu_count() + 1)
threads = [threading.Thread(target=barrier.wait) for _ in range(2 * os.cpu_count())]
for thread in threads:
    thread.start()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
barrier.wait()
"""


def heaps(call: str, **variables: str) -> int:
    """Of a process that has twice as many threads as there are processors."""
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", HEAPS.format(call=call)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment | variables, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.count("<heap ")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="needs glibc")
def test_threads_share_as_many_heaps_as_there_are_processors_unless_told_otherwise():
    share, processors = "resident_memory.share_heaps()", os.cpu_count()
    assert heaps(share) <= processors < heaps("")
    assert heaps(share, MALLOC_ARENA_MAX=str(8 * processors)) > processors


PAGES = """
import resource, threading
from vatt import resident_memory
{call}
def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread = threading.Thread(target=lambda: b"1" * 2**26)
    thread.start()
    thread.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
pages()
print(pages())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")
def test_what_a_thread_frees_serves_the_next_one():
    def pages(call, **variables):
        environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
        command = [sys.executable, "-c", PAGES.format(call=call)]
        done = subprocess.run(
            command, cwd=ROOT, env=environment | variables, stdout=subprocess.PIPE, text=True, check=True
        )
        return int(done.stdout)

    keep = "resident_memory.keep_freed_for_jax()"
    assert pages("") > 16_000, "64 MB, page by page"
    assert pages(keep) < 1000
    assert pages(keep, MALLOC_ARENA_MAX="8") > 16_000, "who sets one of them knows better"
