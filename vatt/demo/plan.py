"""Decides the frames, audio and captions of each demo clip, before anything is rendered."""

import numpy as np

from vatt.demo.definition import Combination, combinations, definition
from vatt.demo.render import ClipPlan

_TRAIN, _TEST, _LINKS = range(3)  # first part of the random seeds: nothing is drawn twice


def plan_clips(
    *, clips: int, heldout_clips_per_combination: int, correspondence: float, seed: int
) -> list[ClipPlan]:
    """The clips of the training split, evenly spread over the training combinations, then the held-out ones.

    In a share of 1 - `correspondence` of the training clips, audio and narration are drawn again,
    each on its own, from all training combinations. Held-out clips always correspond, so that a model trained
    on unrelated streams is measured on true pairs: the control for chance.
    """
    training, held_out = combinations()
    missing = definition()["missing"]
    random = np.random.default_rng((seed, _LINKS))
    # Whole rounds over the combinations, each in another order; the last one may be cut.
    rounds = -(-clips // len(training))
    order = np.concatenate([random.permutation(len(training)) for _ in range(rounds)])[:clips]
    broken = set(random.permutation(clips)[: round((1 - correspondence) * clips)].tolist())
    silent = set(random.permutation(clips)[: round(missing["audio"] * clips)].tolist())
    unnarrated = set(random.permutation(clips)[: round(missing["narration"] * clips)].tolist())

    plans = []
    for number, index in enumerate(order.tolist()):
        seen = training[index]
        heard, narrated = (_any_of(training, random) if number in broken else seen for _ in range(2))
        plans.append(
            ClipPlan(
                path=f"train/{number:05d}-{seen.group}.mp4",
                seed=(seed, _TRAIN, number),
                seen=seen,
                heard=heard,
                narrated=narrated,
                corresponds=number not in broken,
                has_audio=number not in silent,
                has_narration=number not in unnarrated,
                is_held_out=False,
            )
        )
    for number in range(len(held_out) * heldout_clips_per_combination):
        seen = held_out[number % len(held_out)]
        plans.append(
            ClipPlan(
                path=f"test/{number:05d}-{seen.group}.mp4",
                seed=(seed, _TEST, number),
                seen=seen,
                heard=seen,
                narrated=seen,
                corresponds=True,
                has_audio=True,
                has_narration=True,
                is_held_out=True,
            )
        )
    return plans


def _any_of(choices: tuple[Combination, ...], random: np.random.Generator) -> Combination:
    return choices[int(random.integers(len(choices)))]
