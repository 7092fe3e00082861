"""What a checkpoint belongs to in addition to its configuration: the words and the clips behind the same
paths.

The order of clips is a pure function of the seed, so resuming with another batch size or another set would
neither fail nor be the same run. What can be compared is recorded with each checkpoint and compared before
one is restored.
"""

import hashlib

from vatt.errors import RunError
from vatt.protocols import Dataset


def identity(dataset: Dataset, *, batch_size: int, seed: int) -> dict[str, str]:
    """Facts that must not change within a run, as text.

    Args:
        dataset: a `Dataset`; the words of its tokenizer and its fingerprint count where it has them.
    """
    facts = {"batch_size": str(batch_size), "seed": str(seed)}
    info = dataset.info
    if info.tokenizer is not None:
        words = info.tokenizer.words
        digest = hashlib.sha256("\n".join(map(str, words)).encode()).hexdigest()[:12]
        facts["vocabulary"] = f"{len(words)} words, {digest}"
    if info.fingerprint is not None:
        facts["data"] = info.fingerprint
    return facts


def refuse_other(recorded: dict[str, str], now: dict[str, str], step: int) -> None:
    """Raises with every fact that differs; one that was not recorded counts for nothing."""
    differing = [name for name in sorted(recorded) if recorded[name] != now.get(name, recorded[name])]
    if differing:
        lines = "".join(f"\n  {name}: {recorded[name]} -> {now[name]}" for name in differing)
        raise RunError(
            f"A run must resume with the settings it began with. Changed since the checkpoint of step "
            f"{step}:{lines}\n"
            "Restore the original value, choose another --model_dir DIR, or resume from its weights "
            "with --overwrite_config."
        )
