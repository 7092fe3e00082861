"""Writes a demo narration: templated sentences with paraphrases, spread over the clip like speech."""

import numpy as np

from vatt.demo.definition import Combination, definition


def narrate(
    combination: Combination, always_full: bool, random: np.random.Generator
) -> list[tuple[float, float, str]]:
    """(start, end, sentence) in seconds, in order of time.

    With `always_full` (held-out clips) every sentence names colour, shape and action; otherwise some name
    only a part and some are chatter, as in narrated videos, so that MIL-NCE has something to select from.
    """
    facts = definition()
    narration = facts["narration"]
    seconds = facts["clip"]["frames"] / facts["clip"]["frame_rate_hz"]
    fewest, most = narration["sentences"]
    count = int(random.integers(fewest, most + 1))
    kinds = ["full"] * count
    if not always_full:
        shares = narration["shares"]
        kinds = random.choice(list(shares), count, p=list(shares.values()))
    slot = seconds / count
    captions = []
    for index, kind in enumerate(kinds):
        start = (index + random.uniform(0, 0.3)) * slot
        end = min(start + slot * random.uniform(0.7, 1.1), seconds)
        captions.append(
            (round(start, 3), round(end, 3), _sentence(combination, _pick(narration[kind], random), random))
        )
    return captions


def _sentence(combination: Combination, template: str, random: np.random.Generator) -> str:
    facts = definition()
    action = facts["actions"][combination.action]
    return template.format(
        colour=combination.colour,
        noun=_pick(facts["shapes"][combination.shape]["nouns"], random),
        verb=_pick(action["verbs"], random),
        doing=_pick(action["doing"], random),
    )


def _pick(choices: list[str], random: np.random.Generator) -> str:
    return choices[int(random.integers(len(choices)))]


def srt(captions: list[tuple[float, float, str]]) -> str:
    """The captions as a SubRip file."""
    blocks = [
        f"{number}\n{_clock(start)} --> {_clock(end)}\n{text}\n"
        for number, (start, end, text) in enumerate(captions, start=1)
    ]
    return "\n".join(blocks)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return (
        f"{milliseconds // 3_600_000:02}:{milliseconds // 60_000 % 60:02}:"
        f"{milliseconds // 1000 % 60:02},{milliseconds % 1000:03}"
    )
