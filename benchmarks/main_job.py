"""The main job over several seeds, and its negative control: do the numbers stand, do they mean something?

    python benchmarks/main_job.py --seeds 0 1 2 --out runs/main_job
    python benchmarks/main_job.py --control --out runs/main_job
    python benchmarks/main_job.py --seeds 0 1 2 --engine jax --out runs/main_job_jax

Each seed is a run of experiments/pretrain.gin as a user would start it, in a process of its own; the first
one renders the corpus too. The control trains on a corpus in which audio and narration come from other clips
(correspondence 0) and evaluates on true held-out clips: every recall must lie inside the 99 % interval of
1,000 random permutations of the combinations. Runs that exist are read, not repeated.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from demo_tables import half_width

ROOT = Path(__file__).parents[1]
HEADLINES = (
    "text_to_video",
    "video_to_text",
    "audio_to_video",
    "video_to_audio",
    "text_to_audio",
    "audio_to_text",
)
TARGETS = {("text_to_video", 5): 0.90, ("text_to_video", 1): 0.60, ("audio_to_video", 5): 0.80}
CONTROL = ("--gin_bindings=demo_corpus.correspondence = 0.0", "--gin_bindings=Retrieval.permutations = 1000")


def run(directory: Path, data_dir: str, seed: int, extra=()) -> dict:
    """The metrics of one run, which is started unless it is there, with what its command took: "seconds", and
    "cpu_seconds" of all its processors (user and system), which runs from before this was kept lack."""
    metrics = directory / "metrics.json"
    clock = directory / "benchmark_seconds.json"
    if not clock.is_file():
        command = [
            *(sys.executable, "-m", "vatt.main", "--gin_file=experiments/pretrain.gin"),
            *(f"--gin.MODEL_DIR='{directory}'", f"--gin.DATA_DIR='{data_dir}'", f"--gin.SEED={seed}", *extra),
        ]
        start, before = time.monotonic(), _processor_seconds()
        subprocess.run(command, cwd=ROOT, check=True)
        taken = {"seconds": time.monotonic() - start, "cpu_seconds": _processor_seconds() - before}
        clock.write_text(json.dumps(taken))
    taken = json.loads(clock.read_text())
    return json.loads(metrics.read_text()) | (taken if isinstance(taken, dict) else {"seconds": taken})


def _processor_seconds() -> float:
    """Of the processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _interval(values: list[float]) -> str:
    """The mean and its 95 % interval by Student's t, of two values or more, shares of 1."""
    if len(values) < 2:
        return ""
    mean, half = statistics.mean(values), half_width(values)
    return f"  mean {mean:.1%}, {mean - half:.1%} to {min(1.0, mean + half):.1%}"


def print_seeds(runs: dict[int, dict]) -> None:
    """One row per direction and k: each seed, the spread, chance, the target."""
    seconds = ", ".join(f"{metrics['seconds']:.0f} s" for metrics in runs.values())
    processors = ", ".join(
        f"{metrics['cpu_seconds']:.0f} s" for metrics in runs.values() if "cpu_seconds" in metrics
    )
    print(f"\nseeds {list(runs)}: wall {seconds}; processors {processors or 'not kept'}")
    for direction in HEADLINES:
        for k in (1, 5):
            values = [r[f"retrieval_demo/{direction}/recall_at_{k}"] for r in runs.values()]
            chance = next(iter(runs.values()))[f"retrieval_demo/{direction}/chance_recall_at_{k}"]
            target = TARGETS.get((direction, k))
            shown = "  ".join(f"{value:6.1%}" for value in values)
            spread = f"min {min(values):.1%} max {max(values):.1%}{_interval(values)}"
            verdict = ""
            if target is not None:
                verdict = f"  target {target:.0%}: {'met' if min(values) >= target else 'MISSED'}"
            print(f"{direction:14s} R@{k}  {shown}   {spread}  chance {chance:.1%}{verdict}")


def print_control(control: dict) -> None:
    """One row per direction and k: the recall, the interval of the permutations, inside or not."""
    print(f"\nnegative control: wall {control['seconds']:.0f} s")
    for direction in HEADLINES:
        for k in (1, 5):
            prefix = f"retrieval_demo/{direction}"
            value = control[f"{prefix}/recall_at_{k}"]
            low = control[f"{prefix}/permuted_low_recall_at_{k}"]
            high = control[f"{prefix}/permuted_high_recall_at_{k}"]
            verdict = "inside" if low <= value <= high else "OUTSIDE"
            print(f"{direction:14s} R@{k}  {value:6.1%}   99 % interval {low:.1%} to {high:.1%}  {verdict}")


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="seeds of the main job")
    parser.add_argument("--control", action="store_true", help="also the negative control")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "runs" / "main_job", help="where the runs are kept"
    )
    parser.add_argument("--data_dir", default="", help="DATA_DIR of the runs; default: the user's cache")
    parser.add_argument("--engine", default="tensorflow", help="as of python -m vatt.main")
    arguments = parser.parse_args()
    out, engine = arguments.out.absolute(), (f"--engine={arguments.engine}",)
    runs = {seed: run(out / f"seed{seed}", arguments.data_dir, seed, engine) for seed in arguments.seeds}
    if runs:
        print_seeds(runs)
    if arguments.control:
        print_control(run(out / "control", arguments.data_dir, 0, (*engine, *CONTROL)))


if __name__ == "__main__":
    main()
