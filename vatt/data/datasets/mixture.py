"""Several prepared sets as one training stream (paper 4.1: HowTo100M and AudioSet, mixed).

Which clip of which set stands at a position is a pure function of the seed and the position
(`vatt.data.order`), as for one set: nothing to save, nothing to fill, and a run resumes at any batch.
"""

import functools
from collections.abc import Iterable, Sequence

import gin

from vatt.data import batch_check, order
from vatt.data.datasets.pipeline_dataset import PipelineDataset
from vatt.data.datasets.prepared import PreparedClips
from vatt.data.description import describe_inputs
from vatt.data.pipeline import ClipPipeline
from vatt.protocols import Batch, DatasetInfo, Tokenizer
from vatt.spec import ClipSpec

_SPECIAL_WORDS = 2  # padding and unknown: the whole word list of a set without captions


@gin.register
class MixedClips(PipelineDataset):
    """Training clips of several prepared sets; evaluation reads one `PreparedClips` at a time.

    Each set keeps its own rates, augmentation and limit of damaged records. Captions of all of them are read
    with one word list: the one of the sets that have captions. A set without (AudioSet) gives zeros for text
    and text_mask, which leaves its clips out of MIL-NCE (paper A.1.1).

    Args:
        datasets: `PreparedClips`, one or more, of clips of one size (each may have a frame rate of its own,
            as the release's have). Their `threads` and `readers` play no part.
        name: name in reports; None is the sets' names, joined by "+".
        weights: None: clips are drawn uniformly from all sets together (the paper), or one positive number
            for each set, its share of the stream up to a common factor (the release's (1, 1)). Then each set
            runs through its own permutations, and a small one comes round more often than a large one.
        threads: clips that are decoded at once; None is one per core.
        readers: records that are read ahead at once, in threads of their own; 0 reads in those that decode.
            None is 0 for folders, 16 for object stores, which need latency times records per second.

    Attributes:
        info: `vatt.protocols.DatasetInfo`; its clip is that of the first set.
    """

    def __init__(
        self,
        *,
        datasets: Sequence[PreparedClips],
        name: str | None = None,
        weights: Sequence[float] | None = None,
        threads: int | None = None,
        readers: int | None = None,
    ):
        self._datasets = tuple(datasets)
        if not self._datasets:
            raise ValueError("`datasets` must hold at least one `PreparedClips`. Received: none.")
        self._name = name or "+".join(dataset.info.name for dataset in self._datasets)
        if weights is not None:
            if len(weights) != len(self._datasets):
                raise ValueError(
                    f"`weights` must be as many as `datasets`. Received: {len(weights)} weights for "
                    f"{len(self._datasets)} sets ({self._name}). None draws uniformly from all clips."
                )
            order.slots_of_sets(weights)  # refuses what is no share now, not at the first batch
        self._clip = _common_clip(self._datasets)
        self._tokenizer = _common_vocabulary(self._datasets)
        self._label_names = _common_labels(self._datasets)
        _common_mixup(self._datasets)
        self._weights = weights
        self._threads, self._readers = threads, readers

    @functools.cached_property
    def info(self) -> DatasetInfo:
        """See `vatt.protocols.Dataset`; there is nothing of an evaluation."""
        infos = [dataset.info for dataset in self._datasets]
        return DatasetInfo(
            name=self._name,
            clip=self._clip,
            tokenizer=self._tokenizer,
            label_names=self._label_names,
            fingerprint=" ".join(str(each.fingerprint) for each in infos),
            train_size=sum(each.train_size or 0 for each in infos),
            input_facts=describe_inputs(self._clip, self._tokenizer, self._label_names),
            corrupt_records=lambda: sum(each.corrupt_records() for each in infos),
        )

    def training_pipeline(self) -> ClipPipeline:
        """See `PipelineDataset`."""
        return ClipPipeline(
            [source for each in self._datasets for source in each.training_pipeline().sources],
            clip=self._clip,
            tokenizer=self._tokenizer,
            weights=self._weights,
            mixup_alpha=_common_mixup(self._datasets),
            threads=self._threads,
            readers=self._readers,
        )

    def eval_batches(self, *, batch_size: int, shard_index: int = 0, shard_count: int = 1) -> Iterable[Batch]:
        """Refuses: a figure over a mixture would be a figure of no data set."""
        raise ValueError(
            f"A mixture is for training. Received: a request for evaluation batches of {self._name!r}. Give "
            f"each evaluator one set, a `PreparedClips`."
        )


def _common_clip(datasets) -> ClipSpec:
    """The `ClipSpec` of the first set, whose sizes are those of all."""
    first = datasets[0].info.clip
    wanted = batch_check.expected_features(first, 1, evaluation=False)
    for dataset in datasets:
        found = batch_check.expected_features(dataset.info.clip, 1, evaluation=False)
        if found != wanted or dataset.info.clip.sample_rate_hz != first.sample_rate_hz:
            raise ValueError(
                f"The sets of a mixture must agree on the size of a clip. Received: {first} for "
                f"{datasets[0].info.name!r}, but {dataset.info.clip} for {dataset.info.name!r}. Give all "
                "of them the same `PreparedClips.clip`."
            )
    return first


def _common_labels(datasets):
    """The one list of classes of all sets; none where none is asked for."""
    first = datasets[0].info.label_names
    for dataset in datasets:
        if dataset.info.label_names != first:
            counts = ", ".join(f"{each.info.name!r} with {len(each.info.label_names)}" for each in datasets)
            raise ValueError(
                f"The sets of a mixture must agree on every label's number. Received: {counts} labels. Leave "
                f"labels out (`PreparedClips.labels = False`, as pre-training does), or prepare all "
                f"sets with one list."
            )
    return first


def _common_mixup(datasets):
    alphas = {dataset.training_pipeline().mixup_alpha for dataset in datasets}
    if len(alphas) > 1:
        raise ValueError(
            f"Mixup is of a whole batch, so the sets of a mixture must agree on it. Received: mixup_alpha="
            f"{sorted(map(str, alphas))}. Give all of them the same `Augmentation.mixup_alpha`."
        )
    return alphas.pop()


def _common_vocabulary(datasets) -> Tokenizer:
    """The one tokenizer of the sets that have captions; any set's where none has."""
    spoken = [dataset for dataset in datasets if dataset.info.tokenizer.size > _SPECIAL_WORDS] or datasets[:1]
    chosen = spoken[0].info.tokenizer
    for dataset in spoken:
        if dataset.info.tokenizer.words != chosen.words:
            found = "; ".join(f"{each.info.name!r} with {each.info.tokenizer.path}" for each in spoken)
            raise ValueError(
                f"The sets of a mixture must agree on every word's number. Received different word lists: "
                f"{found}. Name one file, theirs or another, as `Captions.vocabulary_file` of all."
            )
        if _rule(dataset.info.tokenizer) != _rule(chosen):
            raise ValueError(
                f"The sets of a mixture must cut captions into words alike. Received: "
                f"{_rule(chosen)} for {spoken[0].info.name!r}, but {_rule(dataset.info.tokenizer)} for "
                f"{dataset.info.name!r}. Give all of them the same `Captions.release_tokenizer`, or one "
                f"`Captions.tokenizer`."
            )
    return chosen


def _rule(tokenizer):
    """How a tokenizer cuts, in words: its kind and its switches."""
    switches = {name: value for name, value in vars(tokenizer).items() if isinstance(value, bool)}
    return " ".join([type(tokenizer).__name__, *(f"{name}={value}" for name, value in switches.items())])
