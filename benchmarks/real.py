"""Real corpora: what is learned from stamps and from a film, and what it is worth on recordings of ESC-10.

    python benchmarks/real.py --stamps STAMPS --film FILM --esc10 ESC10 --seeds 0 1 2 --out runs/real

STAMPS is the folder of the package tuxpaint-stamps-default (data/tuxpaint), FILM is Big Buck Bunny (bbb.mp4
of moviepy's documentation), ESC10 is ESC-50's folder or its ESC-10 part, with esc50.csv and the recordings.
Each is prepared by `vatt prepare`; each figure is that of gin files under experiments/, run as a user would
start them, in a process of its own. Runs that exist are read, not repeated: an interrupted benchmark is
started again with the same command.

    stamps   pre-training with our recipe and with the paper's linear maps at equal steps, retrieval of new
             renderings of the objects seen and of objects held out
    film     pre-training on audio and frames of the film's first part, retrieval of clips of its last
    esc10    five folds: from scratch, fine-tuned from the --starts, probes of random and trained features

Prints a table of each: the seeds, their mean and its 95 % interval (Student's t over seeds; where there is
one seed, Wilson's over its queries or recordings), and chance.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from conv_nets import shown
from demo_tables import Runs
from scipy import stats

ROOT = Path(__file__).parents[1]
PRETRAIN = ("pretrain", "overlay/folder")
# Gin files, and flags behind them.
RECIPES = {
    "ours": (*PRETRAIN, "overlay/stamps", "overlay/waveform_fourier", "overlay/few_clips"),
    "linear maps": (
        *PRETRAIN,
        "overlay/stamps",
        "overlay/linear_tokens",
        "--gin.Trainer.optimizer=@adam()",
        "--gin.DeviceInputs.colour=@ColourJitter()",
    ),
}
FILM = (*PRETRAIN, "overlay/waveform_fourier")
STARTS = {"stamps": "stamps/ours", "film": "film"}
TRAIN_UNTIL, TEST_UNTIL, PIECE = 380, 490, 10.0  # seconds of the film; the credits follow
CLIP = 3.2
FOLDS = (1, 2, 3, 4, 5)
DIRECTIONS = {
    "text → video": "text_to_video",
    "audio → video": "audio_to_video",
    "text → audio": "text_to_audio",
}
# What finetune_esc50.gin hears. The other two probes of probe_esc50.gin are left out: they take minutes.
EARS = (
    "--gin.ClipSpec.audio_seconds=4.0",
    "--gin.ClipSpec.sample_rate_hz=8000",
    "--gin.Evaluation.evaluators=[@svm/Probe()]",
)


def prepared(records: Path, *command: str | Path) -> Path:
    """A prepared set, made by `python -m vatt prepare COMMAND RECORDS` unless it is there."""
    if not (records / "dataset.json").is_file():
        start(records, "-m", "vatt", "prepare", *command, records)
    return records


def start(made: Path, *words: str | Path) -> None:
    """Runs Python with these words; its output is in a file next to `made`."""
    made.parent.mkdir(parents=True, exist_ok=True)
    print(f"[{time.strftime('%H:%M')}] {made.name}", flush=True)
    log = made.with_name(f"{made.name}.log")
    with log.open("w") as file:
        done = subprocess.run(
            [sys.executable, *map(str, words)], cwd=ROOT, stdout=file, stderr=subprocess.STDOUT
        )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))} ended with {done.returncode}; see {log}.")


def film_table(film: Path, path: Path) -> Path:
    """Writes the manifest of the film: pieces of its first part for training, clips of the next to test."""
    rows = [(at, at + PIECE, "train") for at in range(0, TRAIN_UNTIL, round(PIECE))]
    clips = int((TEST_UNTIL - TRAIN_UNTIL) / CLIP)
    rows += [(TRAIN_UNTIL + CLIP * n, TRAIN_UNTIL + CLIP * (n + 1), "test") for n in range(clips)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "start", "end", "split"))
        table.writerows((film, f"{begin:.1f}", f"{end:.1f}", split) for begin, end, split in rows)
    return path


def interval(values: Sequence[float], count: int) -> str:
    """The seeds in percent, their mean, and an interval; of one seed Wilson's over its `count` trials."""
    if len(values) > 1:
        return shown(values)
    low, high = stats.binomtest(round(values[0] * count), count).proportion_ci(method="wilson")
    return f"{100 * values[0]:.1f} %, {100 * low:.1f} to {100 * high:.1f}"


class Real:
    """The runs on real corpora.

    Args:
        out: where sets and runs are.
        seeds: of every run.
        steps: of the pre-trainings; None: their gin files'.
    """

    def __init__(self, *, out: Path, seeds: Sequence[int], steps: int | None):
        self.out = out
        self.seeds = seeds
        self.steps = steps

    def pretrained(self, name: str, files: Sequence[str], records: Path, seed: int) -> dict[str, float]:
        """What a pre-training with gin files and flags found; its run is OUT/NAME/seedN."""
        flags = [f"--gin.SEED={seed}"] + ([f"--gin.TRAIN_STEPS={self.steps}"] if self.steps else [])
        flags += [each for each in files if each.startswith("--")]
        files = [each for each in files if not each.startswith("--")]
        vocabulary = len((records / "vocabulary.txt").read_text(encoding="utf-8").splitlines())
        flags.append(f"--gin.VOCABULARY_SIZE={max(256, vocabulary)}")
        return self._runs(records).numbers(f"{name}/seed{seed}", files, *flags)

    def esc10(self, folds: dict[int, Path], row: str, seed: int) -> list[float]:
        """Top-1 in each fold, of the table's row "scratch", "stamps", "probe of stamps" or "…random"."""
        kind, _, source = row.rpartition(" of ")
        flags = [f"--gin.SEED={seed}"]
        if source in ("random", *STARTS):  # random features are those of the stamps' architecture
            run = STARTS["stamps" if source == "random" else source]
            flags.append(f"--gin.CHECKPOINT='{self.out / run / f'seed{seed}'}'")
        if kind == "probe":
            files = ["probe_esc50", *(["overlay/random_weights"] if source == "random" else [])]
            flags += [*EARS, f"--gin.FEATURES_DIR='{self.out / 'features'}'"]
            metric = "svm/top_1"
        else:
            files = ["finetune_esc50", *(["overlay/small_waveform"] if source == "scratch" else [])]
            metric = "esc50/top_1"
        name = f"esc10/{row.replace(' ', '_')}"
        return [
            self._runs(records).numbers(f"{name}/fold{fold}-seed{seed}", files, *flags)[metric]
            for fold, records in folds.items()
        ]

    def _runs(self, records: Path) -> Runs:
        return Runs(out=self.out, data_dir=str(records), main_job=None, steps=0)

    def print_retrieval(self, title: str, rows: dict[str, list[dict[str, float]]], prefix: str) -> None:
        """A row for each recipe and direction; `rows` holds the numbers of its seeds."""
        print(f"\n{title}, seeds {list(self.seeds)}\n| | | R@1 | R@5 | chance R@5 | queries |\n|{'---|' * 6}")
        for recipe, found in rows.items():
            for label, direction in DIRECTIONS.items():
                at = f"{prefix}/{direction}"
                if f"{at}/recall_at_5" not in found[0]:
                    continue
                count = round(found[0][f"{at}/queries"])
                cells = [interval([each[f"{at}/recall_at_{k}"] for each in found], count) for k in (1, 5)]
                chance = f"{100 * found[0][f'{at}/chance_recall_at_5']:.1f} %"
                print(f"| {recipe} | {label} | {' | '.join(cells)} | {chance} | {count} |", flush=True)

    def print_esc10(self, folds: dict[int, Path], starts: Sequence[str]) -> None:
        """A row for each way to use the recordings, the mean over folds of each seed."""
        print(f"\nESC-10, folds {list(folds)}, seeds {list(self.seeds)}")
        print(f"| | top-1 | folds of seed {self.seeds[0]} |")
        print(f"|{'---|' * 3}")
        probes = ["probe of random", *(f"probe of {start}" for start in starts)]
        for row in ("scratch", *starts, *probes):
            found = [self.esc10(folds, row, seed) for seed in self.seeds]
            top_1 = interval([statistics.mean(each) for each in found], 80 * len(folds))
            each = " / ".join(f"{100 * value:.1f}" for value in found[0])
            print(f"| {row} | {top_1} | {each} |", flush=True)


def stamps_set(stamps: Path, out: Path) -> Path:
    """Renders and prepares the stamps, unless they are there."""
    clips = out / "stamps_clips"
    if not (clips / "clips.csv").is_file():
        start(clips, "data/tuxpaint/layout.py", stamps, clips, "--size", "64")
    small = ("--audio_rate_hz", "8000", "--short_side_pixels", "64")
    return prepared(out / "sets" / "stamps", "folder", clips / "clips.csv", *small)


def film_set(film: Path, out: Path) -> Path:
    """Prepares the film, unless it is there."""
    table = film_table(film, out / "film.csv")
    small = ("--audio_rate_hz", "8000", "--short_side_pixels", "72", "--max_frame_rate_hz", "12")
    return prepared(out / "sets" / "film", "folder", table, *small)


def esc10_set(esc10: Path, out: Path, fold: int) -> Path:
    """Prepares ESC-10 with one fold to test on, unless it is there."""
    official = ("--subset", "esc10", "--annotations", esc10, "--media", esc10, "--official_split", str(fold))
    return prepared(out / "sets" / f"esc10-{fold}", "esc50", *official, "--audio_rate_hz", "8000")


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stamps", type=Path, help="folder of Tux Paint's stamps; none: without them")
    parser.add_argument("--film", type=Path, help="Big Buck Bunny; none: without it")
    parser.add_argument("--esc10", type=Path, help="ESC-50's folder; none: without it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folds", type=int, nargs="+", default=list(FOLDS), choices=FOLDS)
    parser.add_argument(
        "--starts", nargs="*", default=["stamps"], choices=list(STARTS), help="ESC-10 starts from these"
    )
    parser.add_argument("--steps", type=int, help="of the pre-trainings (default: their gin files')")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "real", help="where sets and runs are")
    flags = parser.parse_args()
    out = flags.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    real = Real(out=out, seeds=flags.seeds, steps=flags.steps)

    def seeds_of(name: str, files: Sequence[str], records: Path) -> list[dict[str, float]]:
        return [real.pretrained(name, files, records, seed) for seed in flags.seeds]

    if flags.stamps:
        records = stamps_set(flags.stamps.absolute(), out)
        rows = {
            recipe: seeds_of(f"stamps/{recipe.replace(' ', '_')}", files, records)
            for recipe, files in RECIPES.items()
        }
        real.print_retrieval("Stamps, new renderings of objects seen", rows, "renderings")
        real.print_retrieval("Stamps, objects never seen", rows, "retrieval")
    if flags.film:
        rows = {"film": seeds_of("film", FILM, film_set(flags.film.absolute(), out))}
        real.print_retrieval("Film, clips of its last part", rows, "retrieval")
    if flags.esc10:
        folds = {fold: esc10_set(flags.esc10.absolute(), out, fold) for fold in flags.folds}
        real.print_esc10(folds, flags.starts)


if __name__ == "__main__":
    main()
