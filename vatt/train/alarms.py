"""Alarms: what is wrong with a run although every number is finite. They are logged, and nothing is stopped.

Each looks at journal lines. One that lasts is logged once, and again only after it has cleared.
"""

import collections
import logging
import statistics

from vatt.engines.protocol import LIVE_DATA

_log = logging.getLogger(__name__)

# A spike is this many deviations above the median of the previous lines. The deviation is the median absolute
# one times 1.4826, which for normally distributed losses is the standard deviation (Rousseeuw, Croux 1993).
_DEVIATIONS = 8.0
_TO_STANDARD_DEVIATION = 1.4826
_LEAST_DEVIATION_SHARE = 0.02  # of the median: losses that hardly vary are not all spikes
_LINES = 32  # looked back at
_LEAST_LINES = 8  # before anything is called unusual


class Alarms:
    """Call it with every journal line, in order; it gives the alarms that are new, as sentences."""

    def __init__(self):
        self._losses = collections.deque(maxlen=_LINES)
        self._going_on: set[str] = set()

    def __call__(self, line: dict) -> list[str]:
        """`line`: "step", "loss", the shares of live data, and maybe "damaged_records"."""
        found = {**self._spike(line), **self._dead_data(line), **self._damage(line)}
        new = [sentence for name, sentence in found.items() if name not in self._going_on]
        self._going_on = set(found)
        for sentence in new:
            _log.warning("Step %d: %s", line["step"], sentence)
        return new

    def remember(self, line: dict) -> None:
        """A line of an earlier start of the run."""
        if line.get("loss") is not None and not line.get("alarms"):
            self._losses.append(line["loss"])

    def _spike(self, line: dict) -> dict[str, str]:
        loss = line["loss"]
        before = list(self._losses)
        if len(before) >= _LEAST_LINES:
            middle = statistics.median(before)
            spread = _TO_STANDARD_DEVIATION * statistics.median(abs(each - middle) for each in before)
            bound = middle + _DEVIATIONS * max(spread, _LEAST_DEVIATION_SHARE * abs(middle))
            if loss > bound:  # and is left out of what later losses are compared with
                return {
                    "loss spike": f"the loss is {loss:.4g}; the median of the {len(before)} lines before is "
                    f"{middle:.4g}. If it stays there, go back to a checkpoint and lower the learning rate."
                }
        self._losses.append(loss)
        return {}

    def _dead_data(self, line: dict) -> dict[str, str]:
        dead = [name for name, share in line.items() if name.startswith(LIVE_DATA) and share == 0]
        return {
            name: f"no clip of this batch has any {name.removeprefix(LIVE_DATA)} that says something: all of "
            "it is masked or constant. Look at the prepared set (`vatt doctor`)."
            for name in dead
        }

    def _damage(self, line: dict) -> dict[str, str]:
        damaged = line.get("damaged_records", 0)
        if not damaged:
            return {}
        records = "1 record" if damaged == 1 else f"{damaged} records"
        return {
            "damage": f"{records} of the training data could not be read; the next one stood in each time. "
            "Look at the prepared set (`vatt doctor`)."
        }
