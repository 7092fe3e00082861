"""VATT, modality-agnostic VATT and ConvNets on the demo corpus, at equal processor time: who learns more?

    python benchmarks/conv_nets.py --seeds 0 1 2 --out runs/conv_nets

Each recipe is pre-trained by experiments/pretrain.gin (under experiments/overlay/agnostic.gin or
convnet_small.gin) for as many steps as take the processor time of the VATT's --steps steps; the time of a
step is measured first, of all recipes in turn, on an otherwise idle machine, and kept in
OUT/step_times.json. Every model is then retrieved by (pretrain.gin's evaluation), probed (probe_demo.gin)
and fine-tuned (finetune_demo.gin), each a run as a user would start it, in a process of its own. With
--main_job the VATT's pre-trainings are those of benchmarks/main_job.py, the same runs if --steps is that of
pretrain.gin. Runs that exist are read, not repeated: an interrupted benchmark is started again with the same
command.

Writes OUT/table.md: the seeds, their mean with its 95 % interval (Student's t), and what the recipes
cost. Whatever comes out is reported as it came.
"""

import argparse
import dataclasses
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import from_gin
from demo_tables import TASKS, Runs, half_width, slug

ROOT = Path(__file__).parents[1]
# Name of a recipe -> overlay; that of the VATT changes nothing, its rate is the demo's own.
RECIPES = {"VATT": "drop_token_50", "agnostic VATT": "agnostic", "ConvNets": "convnet_small"}
BASELINE = "VATT"
LOOP = 100  # steps between checkpoints: runs end with one
RETRIEVAL = {
    f"{label} R@{k}": f"retrieval_demo/{direction}/recall_at_{k}"
    for label, direction in (
        ("text → video", "text_to_video"),
        ("audio → video", "audio_to_video"),
        ("text → audio", "text_to_audio"),
    )
    for k in (1, 5)
}
DOWNSTREAM = ("action, video", "action, audio")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """What a recipe costs."""

    weights: int  # that are trained
    seconds: float  # of the processor, a step
    steps: int  # that take the baseline's time


def measured(repeats: int) -> dict[str, tuple[int, float]]:
    """Name of a recipe -> trained weights, and the median of the processor seconds of a step; steps of all
    recipes are taken in turn."""
    import keras

    made, weights = {}, {}
    for name, overlay in RECIPES.items():
        configuration = from_gin.read([from_gin.PRETRAIN, f"experiments/overlay/{overlay}.gin"])
        keras.config.set_dtype_policy(configuration.precision)
        task = from_gin.task_of(configuration)
        weights[name] = sum(math.prod(each.shape) for each in task.model.trainable_variables)
        batch = from_gin.random_batch(configuration.clip, configuration.numbers()["batch_size"])
        made[name] = (from_gin.train_step(task, configuration.job.argument("optimizer")), batch)
    seconds = {name: [] for name in made}
    for _ in range(repeats + 2):  # the first of each compiles, the second is still unlike the others
        for name, (step, batch) in made.items():
            start = time.process_time()
            float(step(batch)["loss"])
            seconds[name].append(time.process_time() - start)
    return {name: (weights[name], statistics.median(each[2:])) for name, each in seconds.items()}


def costs(path: Path, *, steps: int, repeats: int) -> dict[str, Cost]:
    """Those in the file, which is measured and written unless it is there."""
    if not path.is_file():
        path.write_text(json.dumps(measured(repeats), indent=1))
    found = json.loads(path.read_text())
    budget = steps * found[BASELINE][1]
    return {
        name: Cost(weights=weights, seconds=seconds, steps=max(LOOP, round(budget / seconds / LOOP) * LOOP))
        for name, (weights, seconds) in found.items()
    }


def numbers(runs: Runs, recipe: str, seed: int) -> dict[str, float]:
    """Every number of the table of one recipe and seed; runs what is not there."""
    overlay = RECIPES[recipe]
    directory, found = runs.pretrained(overlay, seed)
    made = {label: found[key] for label, key in RETRIEVAL.items()}
    for task in DOWNSTREAM:
        name, flags = f"{slug(task)}/{overlay}{seed}", TASKS[task]
        made[f"linear probe: {task}"] = runs.probe(name, directory, seed, flags)["linear"]
        made[f"fine-tuning: {task}"] = runs.fine_tuned(name, directory, seed, flags)
    return made


def shown(values: Sequence[float]) -> str:
    """The seeds in percent, their mean, and its 95 % interval within 0 and 100."""
    percent = [100 * value for value in values]
    seeds = f"{' / '.join(f'{value:.1f}' for value in percent)} %"
    if len(percent) < 2:
        return seeds
    mean, half = statistics.mean(percent), half_width(percent)
    return f"{seeds}, {mean:.1f}, {max(mean - half, 0):.1f} to {min(mean + half, 100):.1f}"


def table(cost: dict[str, Cost], seeds: Sequence[int], found: Callable[[str, int], dict[str, float]]) -> str:
    """The table in Markdown.

    Args:
        cost: of each recipe.
        seeds: behind every mean.
        found: numbers by name of a recipe and a seed.
    """
    rows = {
        "trained weights": [f"{each.weights:,}" for each in cost.values()],
        "processor time of a step": [f"{1000 * each.seconds:.0f} ms" for each in cost.values()],
        "steps": [f"{each.steps:,}" for each in cost.values()],
    }
    every = {recipe: [found(recipe, seed) for seed in seeds] for recipe in cost}
    for label in next(iter(every.values()))[0]:
        rows[label] = [shown([numbers[label] for numbers in each]) for each in every.values()]
    lines = (
        ["", *(name for name in cost)],
        ["---"] * (1 + len(cost)),
        *([label, *row] for label, row in rows.items()),
    )
    behind = " / ".join(map(str, seeds))
    title = f"Seeds {behind}, their mean, and its 95 % interval (Student's t, within 0 and 100)."
    return "\n".join([title, "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=900, help="of the VATT's pre-training (default: 900)")
    parser.add_argument("--repeats", type=int, default=15, help="steps of each recipe that are timed")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "conv_nets", help="where the runs are")
    parser.add_argument("--data_dir", default="", help="DATA_DIR of the runs; default: the user's cache")
    parser.add_argument("--main_job", type=Path, help="where benchmarks/main_job.py has its runs")
    flags = parser.parse_args()
    out = flags.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    main_job = flags.main_job and flags.main_job.absolute()
    cost = costs(out / "step_times.json", steps=flags.steps, repeats=flags.repeats)

    def found(recipe: str, seed: int) -> dict[str, float]:
        runs = Runs(out=out, data_dir=flags.data_dir, main_job=main_job, steps=cost[recipe].steps)
        return numbers(runs, recipe, seed)

    for seed in flags.seeds:  # a whole seed after the other: what is there can be read early
        for recipe in cost:
            found(recipe, seed)
    made = table(cost, flags.seeds, found)
    (out / "table.md").write_text(made, encoding="utf-8")
    print(made)


if __name__ == "__main__":
    main()
