"""The training half of a dataset that makes its batches in this process."""

import abc
from collections.abc import Iterable

from vatt.data.kept_patches import Reads
from vatt.data.pipeline import ClipPipeline
from vatt.protocols import Batch


class PipelineDataset(abc.ABC):
    """Base of the datasets whose training batches are those of one `ClipPipeline`."""

    @abc.abstractmethod
    def training_pipeline(self) -> ClipPipeline:
        """What `train_batches` asks; of its sources mixtures are made."""

    def train_batches(
        self,
        *,
        batch_size: int,
        first_step: int,
        seed: int,
        shard_index: int = 0,
        shard_count: int = 1,
        reads: Reads | None = None,
    ) -> Iterable[Batch]:
        """See `vatt.protocols.Dataset`."""
        return self.training_pipeline().train_batches(
            batch_size=batch_size,
            first_step=first_step,
            seed=seed,
            shard_index=shard_index,
            shard_count=shard_count,
            reads=reads,
        )
