"""What evaluation shows of a record: windows in time, squares in space."""

import dataclasses

import gin


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Views:
    """Views of a record; its outputs are averaged over them.

    Args:
        clips: windows, spread evenly over the record; 1 is the middle. Fine-tuned models are measured with 4.
        crops: squares, spread evenly along the long side; 1 is the middle. Fine-tuned models are measured
            with 3.
    """

    clips: int = 1
    crops: int = 1

    def __post_init__(self):
        for name in ("clips", "crops"):
            if getattr(self, name) < 1:
                raise ValueError(f"`Views.{name}` must be at least 1. Received: {getattr(self, name)}.")

    @property
    def count(self) -> int:
        """Views of a record, V."""
        return self.clips * self.crops
