"""The nouns of this project and the one thing each must do.

Implementations live one per file in the folder of their noun; they meet only in `vatt/train`, which receives
them already built. Anything with the right methods fits: nothing needs to inherit from these classes.
"""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from vatt.spec import ClipSpec

Tensor = Any  # of Keras' backend, or NumPy's
Batch = dict[str, Any]  # key of vatt.spec -> tensor
Outputs = dict[str, Any]  # "video/pooled", "video/video_audio", ... -> tensor


def _none_damaged() -> int:
    return 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """All that is read of a dataset besides its batches; only `name` is required.

    Args:
        name: in reports and messages.
        clip: size and rates of its clips; None: unknown.
        tokenizer: `Tokenizer` of its captions; None: it has none, or nobody knows.
        label_names: names of the classes by index; () without labels.
        fingerprint: of the training records, a text that differs where they do; a run resumes only with the
            same one. None: not compared.
        train_size: training clips; None: unknown.
        eval_size: evaluation clips; None: unknown, or no evaluation split.
        input_facts: what a model trained on it takes, plain values that are saved with the weights
            (`vatt.data.description`); None: nothing is saved.
        eval_facts: what evaluation reads and shows, plain values for a protocol card. With a "fingerprint"
            among them, extracted features can be cached; with "clips_with", missing modalities are noticed
            before any work. None: unknown.
        corrupt_records: function that counts the damaged records met so far.
        fault: function that gives a sentence about what is wrong for good, or None, and may take its time to
            find out. None: nothing outside this process can fail.
    """

    name: str
    clip: ClipSpec | None = None
    tokenizer: "Tokenizer | None" = None
    label_names: tuple[str, ...] = ()
    fingerprint: str | None = None
    train_size: int | None = None
    eval_size: int | None = None
    input_facts: dict[str, Any] | None = None
    eval_facts: dict[str, Any] | None = None
    corrupt_records: Callable[[], int] = _none_damaged
    fault: Callable[[], str | None] | None = None


class Dataset(Protocol):
    """Clips, ready to be iterated."""

    info: DatasetInfo

    def train_batches(
        self, *, batch_size: int, first_step: int, seed: int, shard_index: int = 0, shard_count: int = 1
    ) -> Iterable[Batch]:
        """An endless `tf.data.Dataset` of global batches; batch number n (from 0) is a pure function of
        (seed, n), and iteration starts at n = `first_step`. With several shards (hosts) each makes its share
        of the rows of every batch: put together in their order they are the global batch. With
        `Execution.host_drop_token` there is one argument more, `reads`, see `vatt.data.kept_patches`."""
        ...

    def eval_batches(self, *, batch_size: int, shard_index: int = 0, shard_count: int = 1) -> Iterable[Batch]:
        """A `tf.data.Dataset` of every example once, in fixed order; the last is padded, see `valid`. With
        several views of an example, rows of one `example_index` follow one another. With several shards every
        example is in one of them, and all make as many batches of `batch_size / shard_count` rows."""
        ...


class Crop(Protocol):
    """Chooses what part of its frames a training clip shows."""

    def box(self, height: Tensor, width: Tensor, key: Tensor) -> Tensor:
        """int32 scalars, in pixels, and a key int64 [2] -> int32 [4], top, left, height, width within the
        frame; a pure function of the three, in TensorFlow ops."""
        ...


class Tokenizer(Protocol):
    """Captions to ids."""

    size: int  # ids are in [0, size); a model's table has at least as many rows
    words: list[str]  # what each id stands for; two of the same are of one model

    def tokenize(self, sentences: Tensor, *, length: int) -> Tensor:
        """String tensor [N] -> int32 [N, length], PADDING_ID after the last id; all padding for a sentence of
        nothing. Usable inside graphs."""
        ...


class Model(Protocol):
    """Encodes any subset of the modalities."""

    def __call__(self, inputs: Batch, training: bool = False) -> Outputs:
        """`inputs`: video float32 [B, T, H, W, 3] in [-1, 1], audio float32 [B, S], text int32 [B', L]."""
        ...


class Loss(Protocol):
    """Scores one batch of embeddings. What it has as `trainable_variables`, a list of Keras variables, is
    trained and saved with the model. One that has `compares_rows = True` scores a row against the others of
    its batch, and is never given a part of it. One that has `prepare(batch, gather) -> batch` counts over the
    whole batch: it is called before the batch is parted, and adds to it what its parts must know, row by
    row."""

    def __call__(self, outputs: Outputs, batch: Batch, gather: Callable) -> dict[str, Any]:
        """Scalars by name; "loss" is this replica's share. `gather` makes local rows global, in order."""
        ...


class Evaluator(Protocol):
    """Measures a model on data of its own."""

    name: str

    def evaluate(self, model: Model) -> dict[str, float]:
        """Named numbers, prefixed with the evaluator's name."""
        ...


class MetricWriter(Protocol):
    """Keeps the numbers of a run somewhere else too."""

    def start(self, *, model_dir: Path, step: int) -> None:
        """Called once before the first number; `step` is where the run resumes, 0 at its beginning."""

    def write(self, step: int, numbers: dict[str, float]) -> None:
        """Metrics by name, after this number of steps."""

    def close(self) -> None:
        """Called once, whatever happened."""
