"""The paper's comparisons on the demo corpus: does pre-training pay, what does DropToken cost and save?

    python benchmarks/demo_tables.py --seeds 0 1 2 --main_job runs/main_job --out runs/demo_tables

Every figure is that of a gin file under experiments/, run as a user would start it, in a process of its own:

    a   frozen features: pre-trained against random weights (Table 8)
    b   fine-tuning with few labels: pre-trained against from scratch, the same steps
    c   DropToken 0, 25, 50, 75 %, and a quarter chosen by energy: retrieval, frozen features, processor time
        of a step (Table 5); --tokens chooses among the rows
    d   one Transformer for all modalities against one for each
    e   spectrogram against waveform (Table 10)
    f   objectives that are off by default, at equal numbers of clips: retrieval alone; --objectives chooses
    g   one choice of the recipe changed at a time: retrieval, and the mean difference from the recipe as it
        is; --choices chooses among the rows

(a) and (b) start from the main job's runs, RUNS/seedN of `benchmarks/main_job.py` if --main_job names them,
else of its own making. (c) to (g) pre-train anew with --steps steps, so that all have one budget; the row
"50 %" is the baseline of all, and is the main job itself where --main_job names it: --steps is then to
be pretrain.gin's. Runs that exist are read, not repeated.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import from_gin
from scipy import stats

ROOT = Path(__file__).parents[1]
SHAPES = '("disc", "square", "triangle", "star", "ring", "cross")'
COLOURS = '("red", "green", "blue", "white", "black")'
SOUND = "--gin.MODALITY='audio'"
# What is classified, from what: in audio, rhythm says the action, timbre the shape, pitch the colour.
TASKS = {
    "action, video": (),
    "action, audio": (SOUND,),
    "shape, audio": (SOUND, f"--gin.LABELS={SHAPES}"),
    "colour, audio": (SOUND, f"--gin.LABELS={COLOURS}"),
}
FEW_LABEL_TASKS = ("action, video", "action, audio", "shape, audio")
LINEAR_TASKS = ("action, video", "action, audio")
PROBES = ("linear", "svm", "knn")
TOKENS = {f"DropToken {rate} %": f"drop_token_{rate}" for rate in (0, 25, 50, 75)} | {
    "a quarter by energy": "salient_tokens"
}
# Label -> overlay, and how many times as many steps, of as many times fewer clips.
OBJECTIVES = {
    "NCE": ("drop_token_50", 1),
    "sigmoid": ("sigmoid", 1),
    "masked latent prediction": ("latent_prediction", 1),
    "without negatives, batches of 8": ("sigreg", 4),
}
BASELINE = "drop_token_50"
AS_IT_IS = "as it is"
# Label -> flags behind pretrain.gin.
CHOICES = {
    AS_IT_IS: (),
    "learning rate 2e-3": ("--gin.warmup_quarter_cosine.peak=2e-3",),
    "learning rate 5e-4": ("--gin.warmup_quarter_cosine.peak=5e-4",),
    "temperature trained": ("--gin.ContrastiveLoss.lowest_temperature=0.02",),
    "symmetric loss": ("--gin.ContrastiveLoss.form='symmetric'",),
    "all pairs": ("--gin_file=experiments/overlay/all_pairs.gin",),
    "Muon": ("--gin.Trainer.optimizer=@muon()", "--gin.muon.learning_rate=@warmup_quarter_cosine()"),
    "weight decay 0.05": ("--gin.Optimization.weight_decay=@WeightDecay()", "--gin.WeightDecay.rate=0.05"),
    "averaged weights": ("--gin.Optimization.average=@WeightAverage()", "--gin.WeightAverage.decay=0.98"),
    "no cosine start of voxels": ("--gin.VoxelTokenizer.patch_initializer=None",),
    "Fourier start, patches of 256": ("--gin_file=experiments/overlay/waveform_fourier.gin",),
    "no energies": ("--gin.WaveformTokenizer.energy_share=0.0",),
    "positions normalised": ("--gin.FactorisedPositions.normalise=True",),
    "mean of words": ("--gin.WordTokenizer.aggregate=None",),
    "colour jitter": ("--gin.DeviceInputs.colour=@ColourJitter()",),
    "batches of 64, half the steps": ("--gin.BATCH_SIZE=64",),
}
COLUMNS = (
    ("text→video R@1", "retrieval_demo/text_to_video/recall_at_1"),
    ("R@5", "retrieval_demo/text_to_video/recall_at_5"),
    ("audio→video R@1", "retrieval_demo/audio_to_video/recall_at_1"),
    ("R@5", "retrieval_demo/audio_to_video/recall_at_5"),
)
COMPARED = {
    label: f"retrieval_demo/{label.replace(' ', '_')}/recall_at_1"
    for label in ("text to video", "audio to video", "text to audio")
}


class Runs:
    """Starts runs that are not there and reads what they found.

    Args:
        out: where they lie.
        data_dir: DATA_DIR of all; "" is the user's cache.
        main_job: folder with seedN of `benchmarks/main_job.py`, or None.
        steps: of the pre-trainings of (c), (d), (e).
    """

    def __init__(self, *, out: Path, data_dir: str, main_job: Path | None, steps: int):
        self.out = out
        self.data_dir = data_dir
        self.main_job = main_job
        self.steps = steps

    def numbers(self, name: str, files, *flags: str) -> dict[str, float]:
        """metrics.json of the run `name`, made first if it is not there."""
        directory = self.out / name
        if not (directory / "metrics.json").is_file():
            print(f"[{time.strftime('%H:%M')}] {name}", flush=True)
            gin_files = [f"--gin_file=experiments/{file}.gin" for file in files]
            flags = (*flags, f"--gin.MODEL_DIR='{directory}'", f"--gin.DATA_DIR='{self.data_dir}'")
            command = [sys.executable, "-m", "vatt.main", *gin_files, *flags]
            log = self.out / f"{name.replace('/', '-')}.log"
            with log.open("w") as file:
                done = subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
            if done.returncode:
                raise SystemExit(f"{' '.join(command)} ended with {done.returncode}; see {log}.")
        return json.loads((directory / "metrics.json").read_text())

    def main(self, seed: int) -> Path:
        """The run directory of the main job."""
        if self.main_job is not None:
            return self.main_job / f"seed{seed}"
        self.numbers(f"pretrain/seed{seed}", ["pretrain"], f"--gin.SEED={seed}")
        return self.out / f"pretrain/seed{seed}"

    def pretrained(self, overlay: str, seed: int, times: int = 1) -> tuple[Path, dict[str, float]]:
        """Run directory and numbers of a pre-training under an overlay, with `times` · `steps` steps; of the
        baseline those of the main job's run, if there is one."""
        if overlay == BASELINE and self.main_job is not None:
            directory = self.main(seed)
            return directory, json.loads((directory / "metrics.json").read_text())
        name = f"{overlay}/seed{seed}"
        flags = (f"--gin.SEED={seed}", f"--gin.TRAIN_STEPS={times * self.steps}")
        return self.out / name, self.numbers(name, ["pretrain", f"overlay/{overlay}"], *flags)

    def probe(self, name: str, checkpoint: Path, seed: int, flags=(), random=False) -> dict[str, float]:
        """Top-1 of each probe of frozen features; `name` says what is probed."""
        files = ["probe_demo", "overlay/random_weights"] if random else ["probe_demo"]
        given = (
            f"--gin.CHECKPOINT='{checkpoint}'",
            f"--gin.SEED={seed}",
            f"--gin.FEATURES_DIR='{self.out / 'features'}'",
        )
        found = self.numbers(f"probe/{name}", files, *given, *flags)
        return {probe: found[f"{probe}/top_1"] for probe in PROBES}

    def fine_tuned(self, name: str, checkpoint: Path, seed: int, flags=(), random=False) -> float:
        """Top-1 after fine-tuning on few labels."""
        files = ["finetune_demo", "overlay/random_weights"] if random else ["finetune_demo"]
        given = (f"--gin.CHECKPOINT='{checkpoint}'", f"--gin.SEED={seed}")
        return self.numbers(f"finetune/{name}", files, *given, *flags)["demo/top_1"]


def slug(task: str) -> str:
    """ "action, video" -> "action_video"."""
    return task.replace(", ", "_")


def shown(values) -> str:
    """Shares of several seeds: "83.3 / 82.6 %"."""
    return " / ".join(f"{100 * value:.1f}" for value in values) + " %"


def frozen_features(runs: Runs, seeds) -> None:
    """Table (a)."""
    print(f"\n(a) frozen features, top-1, seeds {seeds}")
    print("| | pre-trained | random weights | difference |\n|---|---|---|---|")
    for task, flags in TASKS.items():
        name = slug(task)
        trained = [runs.probe(f"{name}/seed{s}", runs.main(s), s, flags) for s in seeds]
        random = [runs.probe(f"{name}/random{s}", runs.main(s), s, flags, random=True) for s in seeds]
        for probe in PROBES:
            left, right = [t[probe] for t in trained], [r[probe] for r in random]
            gains = " / ".join(f"{100 * (a - b):+.1f}" for a, b in zip(left, right))
            print(f"| {task}: {probe} | {shown(left)} | {shown(right)} | {gains} |")


def few_labels(runs: Runs, seeds) -> None:
    """Table (b)."""
    print(f"\n(b) fine-tuning with few labels, top-1, seeds {seeds}")
    print("| | pre-trained | from scratch | difference |\n|---|---|---|---|")
    for task in FEW_LABEL_TASKS:
        name, flags = slug(task), TASKS[task]
        left = [runs.fine_tuned(f"{name}/seed{s}", runs.main(s), s, flags) for s in seeds]
        right = [runs.fine_tuned(f"{name}/scratch{s}", runs.main(s), s, flags, random=True) for s in seeds]
        gains = " / ".join(f"{100 * (a - b):+.1f}" for a, b in zip(left, right))
        print(f"| {task} | {shown(left)} | {shown(right)} | {gains} |")


def variants(runs: Runs, seeds, title: str, overlays: dict[str, str], times: dict[str, dict] | None) -> None:
    """Tables (c), (d), (e): a row for each pre-training."""
    extra = ["ms of processor a step", "of it without"] if times else []
    heads = ["", *(head for head, _ in COLUMNS), *(f"{task}: linear" for task in LINEAR_TASKS), *extra]
    print(f"\n{title}, {runs.steps} steps, seeds {seeds}\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for label, overlay in overlays.items():
        found = [runs.pretrained(overlay, seed) for seed in seeds]
        cells = [shown([numbers[key] for _, numbers in found]) for _, key in COLUMNS]
        for task in LINEAR_TASKS:
            probed = [
                runs.probe(f"{slug(task)}/{overlay}{seed}", directory, seed, TASKS[task])["linear"]
                for seed, (directory, _) in zip(seeds, found)
            ]
            cells.append(shown(probed))
        if times:
            one = times[overlay]
            cells += [f"{1000 * one['seconds']:.0f}", f"{one['ratio']:.2f}"]
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


def objectives(runs: Runs, seeds, rows) -> None:
    """Table (f): a row for each objective."""
    print(
        f"\n(f) objectives, {runs.steps} · 32 clips, seeds {seeds}\n| | {' | '.join(h for h, _ in COLUMNS)} |"
    )
    print(f"|{'---|' * (1 + len(COLUMNS))}")
    for label in rows:
        overlay, times = OBJECTIVES[label]
        found = [runs.pretrained(overlay, seed, times)[1] for seed in seeds]
        print(f"| {label} | {' | '.join(shown([each[key] for each in found]) for _, key in COLUMNS)} |")


def choices(runs: Runs, seeds, rows) -> None:
    """Table (g): a row for each choice; differences are of runs of one seed."""
    heads = [f"{label} R@1, difference" for label in COMPARED]
    print(f"\n(g) one choice at a time, {runs.steps} steps, seeds {seeds}\n| | {' | '.join(heads)} |")
    print(f"|{'---|' * (1 + len(heads))}")

    def found(label: str) -> list[dict[str, float]]:
        name = f"choices/{label.replace(' ', '_').replace(',', '')}"
        steps = runs.steps // 2 if "--gin.BATCH_SIZE=64" in CHOICES[label] else runs.steps
        flags = (*CHOICES[label], f"--gin.TRAIN_STEPS={steps}")
        return [runs.numbers(f"{name}/seed{s}", ["pretrain"], *flags, f"--gin.SEED={s}") for s in seeds]

    base = found(AS_IT_IS)
    for label in rows:
        changed, cells = found(label), []
        for key in COMPARED.values():
            apart = [100 * (one[key] - other[key]) for one, other in zip(changed, base)]
            cells.append(shown([each[key] for each in changed]))
            cells[-1] += "" if label == AS_IT_IS else f"; {difference(apart)}"
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


def difference(points) -> str:
    """Mean of differences in points, and its 95 % interval (Student's t over seeds) of several."""
    mean = statistics.mean(points)
    if len(points) == 1:
        return f"{mean:+.1f}"
    half = half_width(points)
    return f"{mean:+.1f}, {mean - half:.1f} to {mean + half:.1f}"


def half_width(values: Sequence[float]) -> float:
    """Of the 95 % interval of the mean of two values or more, by Student's t."""
    return stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))


def step_times(overlays, repeats: int) -> dict[str, dict]:
    """Processor seconds of the compiled training step under each overlay: medians of steps taken in turn.

    Returns:
        overlay -> {"seconds", "ratio" to the first}.
    """
    import keras

    steps = {}
    for overlay in overlays:
        configuration = from_gin.read([from_gin.PRETRAIN, f"experiments/overlay/{overlay}.gin"])
        keras.config.set_dtype_policy(configuration.precision)
        task, optimizer = from_gin.task_of(configuration), configuration.job.argument("optimizer")
        steps[overlay] = from_gin.train_step(task, optimizer)
    batch = from_gin.random_batch(configuration.clip, configuration.numbers()["batch_size"])
    seconds = {name: [] for name in steps}
    for _ in range(repeats + 1):  # the first of each compiles
        for name, step in steps.items():
            start = time.process_time()
            float(step(batch)["loss"])
            seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    whole = next(iter(medians.values()))
    return {name: {"seconds": value, "ratio": value / whole} for name, value in medians.items()}


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", default="abcde", help="which, as letters (default: abcde)")
    parser.add_argument(
        "--tokens",
        nargs="+",
        default=list(TOKENS.values()),
        choices=list(TOKENS.values()),
        help="rows of (c)",
    )
    parser.add_argument(
        "--objectives", nargs="+", default=list(OBJECTIVES), choices=list(OBJECTIVES), help="rows of (f)"
    )
    parser.add_argument(
        "--choices", nargs="+", default=list(CHOICES), choices=list(CHOICES), help="rows of (g)"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=900, help="of the pre-trainings of (c) to (g)")
    parser.add_argument("--repeats", type=int, default=15, help="steps timed at each rate of (c)")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "demo_tables", help="where the runs are")
    parser.add_argument("--main_job", type=Path, help="folder of benchmarks/main_job.py with seed0, seed1 …")
    parser.add_argument("--data_dir", default="", help="DATA_DIR of the runs; default: the user's cache")
    flags = parser.parse_args()
    flags.out.mkdir(parents=True, exist_ok=True)
    runs = Runs(
        out=flags.out.absolute(),
        data_dir=flags.data_dir,
        main_job=flags.main_job and flags.main_job.absolute(),
        steps=flags.steps,
    )
    seeds = flags.seeds
    if "a" in flags.tables:
        frozen_features(runs, seeds)
    if "b" in flags.tables:
        few_labels(runs, seeds)
    if "c" in flags.tables:
        rows = {label: overlay for label, overlay in TOKENS.items() if overlay in flags.tokens}
        variants(runs, seeds, "(c) DropToken", rows, step_times(rows.values(), flags.repeats))
    if "d" in flags.tables:
        each = {"specific": BASELINE, "agnostic": "agnostic"}
        variants(runs, seeds, "(d) one Transformer for all", each, None)
    if "e" in flags.tables:
        audio = {"waveform": BASELINE, "spectrogram": "demo_spectrogram"}
        variants(runs, seeds, "(e) what the audio is", audio, None)
    if "f" in flags.tables:
        objectives(runs, seeds, flags.objectives)
    if "g" in flags.tables:
        choices(runs, seeds, flags.choices)


if __name__ == "__main__":
    main()
