"""Every benchmark by one command, one after the other on this machine; resumable.

    python benchmarks/all.py --out runs/benchmarks
    python benchmarks/all.py --list
    python benchmarks/all.py --only main_job plan

Each benchmark is a process of its own. Its output is OUT/NAME.txt, with the command, the commit, the
processor, the load at its start and the time it took at the head; a file that is there is of a benchmark
that ended well, which is not run again. What failed keeps its output in OUT/NAME.failed.txt, and the exit
status is 1. Start it again with the same command after an interruption, a failure, or to add what is new;
remove a file to measure anew. Benchmarks that train keep their runs in OUT and resume them too.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from vatt.environment import processor  # noqa: E402  (of this checkout, installed or not)

MODEL = ("--model", "OUT/main_job/seed0")  # which the first of them trains
# Name -> script and arguments, in this order; OUT is the folder. What needs an idle machine most comes first.
COMMANDS: dict[str, tuple[str, ...]] = {
    "main_job": ("main_job.py", "--seeds", "0", "1", "2", "--control", "--out", "OUT/main_job"),
    "start": ("trainer_overhead.py", "--start"),
    "trainer_overhead": ("trainer_overhead.py", "--rounds", "5", "--steps", "3"),
    "demo_step": ("demo_step.py", "--variants", "ours"),
    "checkpoint_pause": ("checkpoint_pause.py",),
    "transformer": ("transformer.py", "--steps", "4"),
    "conv_nets": (
        *("conv_nets.py", "--seeds", "0", "1", "2"),
        *("--main_job", "OUT/main_job", "--out", "OUT/conv_nets"),
    ),
    "demo_tables": (
        *("demo_tables.py", "--seeds", "0", "1", "2"),
        *("--main_job", "OUT/main_job", "--out", "OUT/demo_tables"),
    ),
    "plan": ("plan.py",),
    "plan_manifest": ("plan_manifest.py",),
    "program_size": ("program_size.py",),
    "program_size_large": ("program_size.py", "--size", "large"),
    "drop_token": ("drop_token.py",),
    "batch_memory": ("batch_memory.py", "--batch", "128", "--chunk", "16"),
    "contrastive": ("contrastive.py", "--batch", "8192", "--rounds", "1"),
    "records": ("records.py",),
    "host_drop_token": ("host_drop_token.py",),
    "preparation": ("preparation.py",),
    "preparation_choices": ("preparation_choices.py",),
    "retrieval": ("retrieval.py",),
    "scaling": ("scaling.py", "--plots", "OUT/scaling"),
    "scaling_files": ("scaling_files.py", "--plots", "OUT/scaling_files"),
    "search_recall": ("search.py", "recall", *MODEL),
    "search_latency": ("search.py", "latency", *MODEL),
    "search_hour": ("search.py", "hour", *MODEL),
    "search_copies": ("search_copies.py",),
    "search_probability": ("search_probability.py", *MODEL),
    "serve": ("serve.py", *MODEL),
    "kills": ("kills.py", "--out", "OUT/kills"),
    "runtimes": ("runtimes.py", *MODEL),
    "int8": ("int8.py", *MODEL),
}

# These need what a machine may lack, such as an accelerator or media, or are started by another.
BY_HAND = {
    "accelerator.py",
    "audio_storage.py",
    "demo_step_torch.py",
    "one_runtime.py",
    "real.py",
    "search_approximate.py",
    "transformer_steps.py",
}


def commit() -> str:
    """Of the working tree, and whether it was changed since; "unknown" outside git."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def measure(name: str, command: tuple[str, ...], out: Path) -> bool:
    """Runs a benchmark and keeps what it prints; returns whether it ended well."""
    kept, partial, failed = (out / f"{name}{end}" for end in (".txt", ".partial.txt", ".failed.txt"))
    words = [word.replace("OUT", str(out), 1) if word.startswith("OUT/") else word for word in command]
    head = {
        "command": " ".join(["python", f"benchmarks/{words[0]}", *words[1:]]),
        "commit": commit(),
        "processor": f"{processor()}, {os.cpu_count()} logical cores",
        "started": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "load": f"{os.getloadavg()[0]:.1f}",
    }
    begin = time.monotonic()
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(f"{key}: {value}\n" for key, value in head.items())
        file.flush()
        status = subprocess.run(
            [sys.executable, f"benchmarks/{words[0]}", *words[1:]],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
        file.seek(0, os.SEEK_END)
        file.write(f"\ntook: {time.monotonic() - begin:.0f} s, exit status {status}\n")
    partial.replace(failed if status else kept)
    if not status:
        failed.unlink(missing_ok=True)
    return not status


def measure_all(commands: Mapping[str, tuple[str, ...]], out: Path) -> list[str]:
    """Those that are not there, one after the other; returns the names of those that failed."""
    out.mkdir(parents=True, exist_ok=True)
    failed = []
    for number, (name, command) in enumerate(commands.items(), 1):
        clock = time.strftime("%H:%M")
        if (out / f"{name}.txt").is_file():
            print(f"{clock} {number} of {len(commands)}: {name} is there", flush=True)
            continue
        print(f"{clock} {number} of {len(commands)}: {name}", flush=True)
        if not measure(name, command, out):
            failed.append(name)
            print(f"  failed: see {out / f'{name}.failed.txt'}", flush=True)
    return failed


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "benchmarks", help="where outputs are")
    parser.add_argument("--only", nargs="+", choices=COMMANDS, metavar="NAME", help="these alone; see --list")
    parser.add_argument("--list", action="store_true", help="print the commands and end")
    flags = parser.parse_args()
    commands = {name: COMMANDS[name] for name in flags.only or COMMANDS}
    if flags.list:
        for name, words in commands.items():
            print(f"{name:20} python benchmarks/{' '.join(words)}")
        return 0
    failed = measure_all(commands, flags.out.absolute())
    print(f"{len(commands) - len(failed)} of {len(commands)} are in {flags.out}; failed: {failed or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
