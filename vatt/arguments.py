"""Types of the numbers on a command line: finite, and of a size that a machine has use for.

`float` takes NaN and infinities, `int` takes a number of a thousand digits; what they lead to far from the
command line blames a file, a worker or nobody. What is wrong with a number of a sensible size, such as zero,
is said by who uses it.
"""

import argparse
from collections.abc import Callable


def bounded(kind: Callable[[str], float], most: float) -> Callable[[str], float]:
    """An argparse type for numbers between `-most` and `most`, those nearer to 0 than 1 / `most` excepted.

    Args:
        kind: `int` or `float`.
        most: the largest.
    """

    def parse(text: str) -> float:
        value = kind(text)
        if not -most <= value <= most:  # nor NaN
            raise argparse.ArgumentTypeError(
                f"must be finite and no larger than {most:,.0f}. Received: {text:.40}."
            )
        if 0 < abs(value) < 1 / most:
            raise argparse.ArgumentTypeError(
                f"must be 0 or no smaller than one part in {most:,.0f}. Received: {text:.40}."
            )
        return value

    parse.__name__ = kind.__name__  # argparse names it where the text is no number at all
    return parse


COUNT = bounded(int, 10**9)
SEED = bounded(int, 2**31 - 1)
PROCESSES = bounded(int, 1_024)
PIXELS = bounded(int, 65_536)  # or frames of a clip, or windows of a batch
WHOLE_RATE, RATE = bounded(int, 10**6), bounded(float, 10**6)  # in Hz
SECONDS = bounded(float, 10**6)
GIBIBYTES = bounded(float, 10**6)
QUANTITY = bounded(float, 10**9)
