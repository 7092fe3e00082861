"""Records -> batches. `ClipPipeline.train_batches` shows the whole way: order, read, sample, decode, augment,
batch. Damaged records are dealt with in `vatt.data.corrupt_records`.

Everything runs in TensorFlow's own threads. Order and random draws depend on the seed and the position in the
stream alone, so the number of threads changes nothing and a run resumes at any batch without saved state.
"""

import functools
import os
from collections.abc import Sequence

import tensorflow as tf

from vatt import spec
from vatt.data import batch_check, kept_patches, mixup, order, video, window
from vatt.data.corrupt_records import as_written, with_fallback
from vatt.data.source import CANDIDATES, Clip, ClipSource
from vatt.protocols import Batch, Tokenizer

# Positions put in order at once: the ops cost the same for one as for a thousand.
_ORDERED_AT_ONCE = 1024
_END_OF_STREAM = 1 << 62
# Of each source, decoded once before the first batch.
_CHECKED_CLIPS = 2
_PREFETCH = 2  # batches kept ready
_REMOTE_READERS = 16  # hide 50 ms of an object store at 320 records a second
# No function here has Python control flow that AutoGraph would have to turn into graph ops; leaving it out
# (`as_written`) makes building the first pipeline of a process eight times as fast (0.6 s instead of 4.8).


class ClipPipeline:
    """Makes the batches of one source of clips, or of several mixed.

    Args:
        sources: all of clips of one size.
        clip: that size.
        tokenizer: of all captions.
        weights: share of each source in training, see `order.examples_of_sets_at`.
        mixup_alpha: mixes the training clips of a batch and their labels, see `vatt.data.mixup`; None
            disables it.
        threads: clips that are decoded at once; None is one per core.
        readers: records that are read ahead at once, in threads of their own; 0 reads in those that decode;
            None is 0, or 16 for object stores.
    """

    def __init__(
        self,
        sources: Sequence[ClipSource],
        *,
        clip: spec.ClipSpec,
        tokenizer: Tokenizer,
        weights: Sequence[float] | None = None,
        mixup_alpha: float | None = None,
        threads: int | None = None,
        readers: int | None = None,
    ):
        self.sources = tuple(sources)
        self.mixup_alpha = mixup_alpha
        self._clip = clip
        self._tokenizer = tokenizer
        self._weights = weights
        self._threads = threads or os.cpu_count() or 1
        remote = any(source.records.is_remote for source in self.sources)
        self._readers = (_REMOTE_READERS if remote else 0) if readers is None else readers

    def train_batches(
        self,
        *,
        batch_size: int,
        first_step: int,
        seed: int,
        shard_index: int = 0,
        shard_count: int = 1,
        mixes: bool = True,
        reads: kept_patches.Reads | None = None,
    ) -> tf.data.Dataset:
        """Endless; batch n holds positions n * batch_size to (n + 1) * batch_size - 1 of the stream, and of
        those a shard the `shard_index`-th part. Without `mixes` mixup is left to the caller, see `mixed`.
        With `reads` signals are the patches that a model reads."""
        rows, reads = rows_of_shard(batch_size, shard_index, shard_count), reads or {}
        if reads and self.mixup_alpha is not None:
            raise ValueError(
                "`Execution.host_drop_token` sends parts of a clip, and mixup mixes whole ones. Received: "
                "both. Set the one to False, or `Augmentation.mixup_alpha = None`."
            )

        def order_of(counted, sources, weights):
            positions = counted // rows * batch_size + shard_index * rows + counted % rows
            sizes = [len(each.records) for each in sources]
            return positions, *order.examples_of_sets_at(positions, sizes=sizes, seed=seed, weights=weights)

        def clip_of(source, serialized, position, _):
            key = tf.stack([tf.constant(seed, tf.int64), position])
            record = source.parse(serialized)
            starts = source.starts(record, functools.partial(window.random_start, key=key), apart=False)

            def box(height, width):
                return source.augmentation.crop.box(height, width, key)[tf.newaxis]

            clip = source.decode(record, starts, box, crops=1)
            if spec.VIDEO in clip:
                clip[spec.VIDEO] = clip[spec.VIDEO][0]
            clip = kept_patches.keep(source.augmentation(clip, key), reads, seed=seed, position=position)
            return clip | source.facts(record, position)

        def clips_of(sources, weights):
            counted = tf.data.Dataset.range(first_step * rows, _END_OF_STREAM).batch(_ORDERED_AT_ONCE)
            asked = counted.map(as_written(lambda n: order_of(n, sources, weights))).unbatch()
            return self._made(asked, sources, clip_of)

        def finish(batch):
            batch = self._with_word_ids(batch)
            return self.mixed(batch, seed=seed) if mixes else batch

        clips = clips_of(self.sources, self._weights)
        for each in self.sources:
            alone = clips if len(self.sources) == 1 else clips_of([each], None)
            self._check_values(alone)
        batches = clips.batch(rows, drop_remainder=True)
        return self._checked(self._run(batches.map(as_written(finish))), rows, evaluation=False, reads=reads)

    def eval_batches(self, *, batch_size: int, shard_index: int = 0, shard_count: int = 1) -> tf.data.Dataset:
        """Every clip of the only source once, in the order of the shards; what is left of the last batch is
        filled with zeros. With several shards record n is in shard n mod `shard_count`, and all of them give
        as many batches."""
        rows = rows_of_shard(batch_size, shard_index, shard_count)
        (source,) = self.sources
        size, views = len(source.records), source.views.count
        numbers = range(shard_index, size, shard_count)
        asked = tf.data.Dataset.range(numbers.start, numbers.stop, numbers.step)
        asked = asked.map(as_written(lambda number: (number, tf.constant(0, tf.int64), number)))
        clips = self._made(asked, [source], _views_of).unbatch()
        self._check_values(clips)

        @as_written
        def zeros(_):
            return tf.nest.map_structure(lambda part: tf.zeros(part.shape, part.dtype), clips.element_spec)

        # As many batches as the shard with the most records has: hosts that step together wait for all.
        count = -(-(-(-size // shard_count) * views) // rows)
        filled = clips.concatenate(tf.data.Dataset.range(count * rows - len(numbers) * views).map(zeros))
        batches = filled.batch(rows, drop_remainder=True).map(as_written(self._with_word_ids))
        return self._checked(self._run(batches), rows, evaluation=True)

    def mixed(self, batch: Batch, *, seed: int) -> Batch:
        """A training batch after mixup, where there is any."""
        if self.mixup_alpha is None:
            return batch
        return mixup.mix_batch(batch, alpha=self.mixup_alpha, seed=seed)

    def _made(self, asked, sources, make):
        return with_fallback(asked, sources, make, threads=self._threads, readers=self._readers)

    def _with_word_ids(self, batch):
        """Captions to ids, a whole batch at a time."""
        if CANDIDATES not in batch:
            return batch
        candidates = batch.pop(CANDIDATES)
        ids = self._tokenizer.tokenize(tf.reshape(candidates, [-1]), length=self._clip.words)
        ids = tf.reshape(ids, [*candidates.shape, self._clip.words])
        text_mask = tf.cast(ids[:, :, 0] != spec.PADDING_ID, tf.float32)
        return batch | {spec.TEXT: ids, spec.TEXT_MASK: text_mask}

    def _run(self, batches):
        """How a dataset runs."""
        options = tf.data.Options()
        options.deterministic = True
        # Who waits for a disk or an object store keeps nobody from decoding.
        options.threading.private_threadpool_size = self._threads + self._readers
        # A clip is one thread's work, and clips are many: an op split over threads only makes them wait.
        options.threading.max_intra_op_parallelism = 1
        options.autotune.enabled = False  # every stage has a stated number of threads and elements
        # Threads that make clips copy them into their batch, where one thread would copy a batch at its end.
        options.experimental_optimization.map_and_batch_fusion = True
        # With several workers each takes its share of every global batch (there are no files to shard by).
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        return batches.prefetch(_PREFETCH).with_options(options)

    def _check_values(self, clips):
        """Raises unless the first clips are what the specification says."""
        # Repeated, because a set may have fewer.
        sample = clips.take(_CHECKED_CLIPS).repeat().batch(_CHECKED_CLIPS, drop_remainder=True)
        for batch in self._run(sample.take(1).map(as_written(self._with_word_ids))):
            batch_check.check_values(batch, vocabulary_size=self._tokenizer.size)

    def _checked(self, batches, rows, *, evaluation, reads=None):
        first = self.sources[0]
        batch_check.check_structure(
            batches.element_spec,
            self._clip,
            rows,
            evaluation=evaluation,
            classes=first.classes,
            views=first.views.count,
            reads=reads,
        )
        return batches


def _views_of(source: ClipSource, serialized: tf.Tensor, asked: tf.Tensor, is_itself: tf.Tensor) -> Clip:
    """All views of a record, windows in order and the crops of each, as rows of an evaluation.

    Args:
        source: of the record.
        serialized: string scalar, the record.
        asked: int64 scalar, of the record that the rows are for.
        is_itself: bool scalar: False if another record replaces it. That is as good in training; in
            evaluation it would count twice.
    """
    record, crops, windows = source.parse(serialized), source.views.crops, source.views.clips
    views = []
    for place in range(windows):
        choose = functools.partial(window.spaced_start, window=place, windows=windows)
        starts = source.starts(record, choose, apart=True)
        clip = source.decode(record, starts, functools.partial(video.squares, crops=crops), crops=crops)
        frames = {spec.VIDEO: clip.pop(spec.VIDEO)} if spec.VIDEO in clip else {}
        views.append({name: tf.stack([part] * crops) for name, part in clip.items()} | frames)
    rows = {name: tf.concat([view[name] for view in views], axis=0) for name in views[0]}
    facts = source.facts(record, asked) | {
        spec.VALID: tf.cast(is_itself, tf.float32),
        spec.CLIP_ID: record["clip_id"],
        spec.GROUP: record["group"],
    }
    rows |= {name: tf.stack([fact] * source.views.count) for name, fact in facts.items()}
    if CANDIDATES in rows:
        rows[spec.CAPTION] = rows[CANDIDATES][:, 0]
    if source.views.count > 1:
        rows[spec.VIEW] = tf.range(source.views.count)
    return rows


def rows_of_shard(batch_size: int, shard_index: int, shard_count: int) -> int:
    """Rows of a batch that one of the hosts makes, b = B / shard_count."""
    if not 0 <= shard_index < shard_count:
        raise ValueError(
            f"`shard_index` must be one of the `shard_count` shards, from 0. Received: "
            f"shard_index={shard_index}, shard_count={shard_count}."
        )
    if batch_size < 1 or batch_size % shard_count:
        raise ValueError(
            f"`batch_size` must be a positive multiple of the number of shards. Received: "
            f"batch_size={batch_size}, shard_count={shard_count}. Every host makes as many rows."
        )
    return batch_size // shard_count
