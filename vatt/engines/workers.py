"""The processes of one run, one per machine: which of them this is, and what they must agree on.

All of them take the same steps, and a step ends when the slowest has done its share. So whatever stops one
must stop all after the same step: what they agree on is summed over them by the devices, in the order in
which the program asks, like any gradient. One of them, the chief, writes the run directory, which all must be
able to read.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence

from vatt.errors import LostMachine, RunError, reason_of


class Workers:
    """The workers of a run; this class serves a run of one. An engine of several overrides `total` and
    `lost`.

    Args:
        index: which one this is, from 0.
        addresses: "host:port" of each; empty for one worker.

    Attributes:
        index: as given.
        count: how many there are.
    """

    def __init__(self, index: int = 0, addresses: Sequence[str] = ()):
        self.index = index
        self.count = max(1, len(addresses))
        self._addresses = list(addresses)

    @property
    def is_chief(self) -> bool:
        """Whether this is the one that writes."""
        return self.index == 0

    def total(self, number: int) -> int:
        """The sum of every worker's number, below 2^63; every worker must ask."""
        return number

    def lost(self, error: Exception) -> set[int] | None:
        """The workers that an error says are gone, as far as it names them; None if it says no such thing."""
        return None

    def any(self, mine: bool) -> bool:
        """Whether it is so on any worker; every worker must ask."""
        return self.total(int(mine)) > 0

    def any_before(self, mine: bool) -> bool:
        """Whether it was so on any worker when this was asked the last time, or now with one worker; every
        worker must ask. Unlike `any` it need not wait for the devices.
        """
        return self.any(mine)

    def from_chief(self, number: int) -> int:
        """The chief's number, on every worker; every worker must ask."""
        return self.total(number if self.is_chief else 0)

    def has_chiefs(self, text: str) -> bool:
        """Whether the chief has the same text; every worker must ask."""
        digest = int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)  # 60 bits of a signed number's 63
        return self.from_chief(digest) == digest

    def meet(self) -> None:
        """Returns when every worker is here."""
        self.total(0)

    def agree_on(self, facts: dict[str, str], what: str) -> None:
        """Raises on every worker unless all have the facts that the chief has; every worker must ask.

        Args:
            facts: by name, as text.
            what: what they are of, for the message.
        """
        listed = ", ".join(f"{name} {facts[name]}" for name in sorted(facts))
        if self.any(not self.has_chiefs(listed)):
            raise RunError(
                f"All workers must have the same {what}, and do not. Worker {self.index} has {listed}; each "
                "of the others says what it has."
            )

    def refuse_any(self, fault: str | None) -> None:
        """Raises on every worker if one of them has a fault; every worker must ask.

        Args:
            fault: what is wrong with this one, which it reports; None if nothing is.
        """
        if self.any(fault is not None):
            raise RunError(
                fault
                or f"All {self.count} workers must be able to take part. One of them is not, and says why. "
                "Mend that, then start all of them again."
            )

    def share_of(self, batch_size: int) -> str:
        """One sentence: which worker this is, and its rows of every batch."""
        rows = batch_size // self.count
        first = self.index * rows
        task = "; it writes the run directory" if self.is_chief else ""
        return (
            f"Worker {self.index} of {self.count}, counted from 0, at {self._addresses[self.index]}: "
            f"rows {first:,} to {first + rows - 1:,} of every batch of {batch_size:,}{task}."
        )

    @contextlib.contextmanager
    def explaining(self) -> Iterator[None]:
        """Within the block, an error that means that another worker is gone says so."""
        try:
            yield
        except Exception as error:
            gone = self.lost(error) if self.count > 1 else None
            if gone is None:
                raise
            named = [f"worker {each} ({self._addresses[each]})" for each in sorted(gone - {self.index})]
            raise LostMachine(
                f"All {self.count} workers must be there to take a step. Worker {self.index} lost "
                f"{' or '.join(named) or 'another'}: {reason_of(error)[:200].rstrip('.: ')}. Look there for "
                "the cause. Start all of them again with their commands: the run resumes from the newest "
                "checkpoint."
            ) from error
