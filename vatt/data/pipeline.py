"""Records -> batches, in five steps: read, sample, decode, augment (`vatt.data.source`), batch.

Everything runs in TensorFlow's own threads. Order and random draws depend on the seed and the position in the
stream alone, so the number of threads changes nothing and a run resumes at any batch without saved state.
"""

import functools
import os

import tensorflow as tf

from vatt import spec
from vatt.data import batch_check, mixup, order, replacement, source

# Positions put in order at once: the ops cost the same for one as for a thousand.
_ORDERED_AT_ONCE = 1024
_END_OF_STREAM = 1 << 62
# Of each source, decoded once before the first batch.
_CHECKED_CLIPS = 2
# No function here has Python control flow that AutoGraph would have to turn into graph ops; leaving it out
# makes building the first pipeline of a process eight times as fast (0.6 s instead of 4.8).
_as_written = tf.autograph.experimental.do_not_convert


class ClipPipeline:
    """Makes the batches of one source of clips, or of several mixed.

    Args:
        sources: `ClipSource`s, all of clips of one size.
        clip: that `ClipSpec`.
        tokenizer: `vatt.protocols.Tokenizer` of all captions.
        weights: share of each source in training, see `order.examples_of_sets_at`.
        mixup_alpha: mixes the training clips of a batch and their labels, see `vatt.data.mixup`; None: not.
        threads: threads that decode; None is one per core.
        prefetch: batches kept ready.
    """

    def __init__(self, sources, *, clip, tokenizer, weights=None, mixup_alpha=None, threads=None, prefetch=2):
        self._sources = tuple(sources)
        self._clip = clip
        self._tokenizer = tokenizer
        self._weights = weights
        self._mixup_alpha = mixup_alpha
        self._threads = threads or os.cpu_count()
        self._prefetch = prefetch

    def train_batches(self, *, batch_size, first_step, seed, shard_index=0, shard_count=1):
        """Endless; batch n holds positions n * batch_size to (n + 1) * batch_size - 1 of the stream, and of
        those a shard the `shard_index`-th part."""
        rows = rows_of_shard(batch_size, shard_index, shard_count)

        @_as_written
        def to_positions(counted):
            return counted // rows * batch_size + shard_index * rows + counted % rows

        counted = tf.data.Dataset.range(first_step * rows, _END_OF_STREAM)
        positions = counted.batch(_ORDERED_AT_ONCE).map(to_positions).unbatch()
        clips = self._training_clips(self._sources, self._weights, positions, seed)
        if len(self._sources) == 1:
            self._check_values(clips)
        else:
            for each in self._sources:
                self._check_values(self._training_clips([each], None, positions, seed))
        batches = self._deliver(clips.batch(rows, drop_remainder=True), mixup_seed=seed)
        self._check_structure(batches, rows, evaluation=False)
        return batches

    def eval_batches(self, *, batch_size, shard_index=0, shard_count=1):
        """Every clip of the only source once, in the order of the shards; what is left of the last batch is
        filled with zeros. With several shards record n is in shard n mod `shard_count`, and all of them give
        as many batches."""
        rows = rows_of_shard(batch_size, shard_index, shard_count)
        (only,) = self._sources
        size, views = len(only.records), only.views.count
        numbers = range(shard_index, size, shard_count)
        clips = self._evaluation_clips(only, numbers)
        self._check_values(clips)

        @_as_written
        def zeros(_):
            return tf.nest.map_structure(lambda part: tf.zeros(part.shape, part.dtype), clips.element_spec)

        # As many batches as the shard with the most records has: hosts that step together wait for all.
        count = -(-(-(-size // shard_count) * views) // rows)
        filled = clips.concatenate(tf.data.Dataset.range(count * rows - len(numbers) * views).map(zeros))
        batches = self._deliver(filled.batch(rows, drop_remainder=True))
        self._check_structure(batches, rows, evaluation=True)
        return batches

    def _training_clips(self, sources, weights, positions, seed):
        sizes = [len(each.records) for each in sources]

        @_as_written
        def in_order(positions):
            return positions, *order.examples_of_sets_at(positions, sizes=sizes, seed=seed, weights=weights)

        def clip_of(each, number, position, _):
            return each.training_clip(position, number, tf.stack([tf.constant(seed, tf.int64), position]))

        return self._usable(sources, positions.batch(_ORDERED_AT_ONCE).map(in_order).unbatch(), clip_of)

    def _evaluation_clips(self, only, numbers):
        def views_of(each, number, asked, is_itself):
            return each.evaluation_views(number, asked, is_itself)

        asked = tf.data.Dataset.range(numbers.start, numbers.stop, numbers.step)
        asked = asked.map(_as_written(lambda number: (number, tf.constant(0, tf.int64), number)))
        return self._usable([only], asked, views_of).unbatch()

    def _usable(self, sources, asked, make):
        """What `make` makes of each of the records asked for, or of what stands in for it.

        Args:
            sources: `ClipSource`s.
            asked: dataset of (position, number of the source, number of the record), int64 scalars.
            make: function from a source, a record's number, a position and whether the record is the one
                asked for.
        """
        sizes = [len(each.records) for each in sources]

        def of_source(number, function):
            ways = [functools.partial(function, each) for each in sources]
            return ways[0]() if len(ways) == 1 else tf.switch_case(tf.cast(number, tf.int32), ways)

        @_as_written
        def usable(position, source_number, asked_number):
            return replacement.first_usable(
                asked_number,
                size=tf.gather(tf.constant(sizes, tf.int64), source_number),
                make=_as_written(
                    lambda number, is_itself: of_source(
                        source_number, lambda each: make(each, number, position, is_itself)
                    )
                ),
                report=lambda number: of_source(source_number, lambda each: each.records.report(number)),
                refuse=lambda: of_source(source_number, lambda each: each.records.refuse()),
            )

        @_as_written
        def without_contradiction(clip):
            found = tf.reshape(clip.pop(source.CONTRADICTION), [-1])[0]
            with tf.control_dependencies([tf.debugging.Assert(tf.equal(found, ""), [found])]):
                clip[spec.EXAMPLE_INDEX] = tf.identity(clip[spec.EXAMPLE_INDEX])
            return clip

        # One element each, so that the order is that of what was asked for.
        made = asked.interleave(usable, self._threads, num_parallel_calls=self._threads, deterministic=True)
        return made.map(without_contradiction)

    def _deliver(self, batches, mixup_seed=None):
        """Words to ids, a whole batch at a time, and mixup; then how the dataset runs."""

        @_as_written
        def finish(batch):
            if source.CANDIDATES in batch:
                batch |= self._tokenized(batch.pop(source.CANDIDATES))
            if self._mixup_alpha is not None and mixup_seed is not None:
                batch = mixup.mix_batch(batch, alpha=self._mixup_alpha, seed=mixup_seed)
            return batch

        options = tf.data.Options()
        options.deterministic = True
        options.threading.private_threadpool_size = self._threads
        # A clip is one thread's work, and clips are many: an op split over threads only makes them wait.
        options.threading.max_intra_op_parallelism = 1
        options.autotune.enabled = False  # every stage has a stated number of threads and elements
        # With several workers each takes its share of every global batch (there are no files to shard by).
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        return batches.map(finish).prefetch(self._prefetch).with_options(options)

    def _tokenized(self, candidates):
        ids = self._tokenizer.tokenize(tf.reshape(candidates, [-1]), length=self._clip.words)
        ids = tf.reshape(ids, [*candidates.shape, self._clip.words])
        return {spec.TEXT: ids, spec.TEXT_MASK: tf.cast(ids[:, :, 0] != spec.PADDING_ID, tf.float32)}

    def _check_values(self, clips):
        """Raises unless the first clips are what the specification says."""
        # Repeated, because a set may have fewer.
        sample = clips.take(_CHECKED_CLIPS).repeat().batch(_CHECKED_CLIPS, drop_remainder=True)
        for batch in self._deliver(sample.take(1)):
            batch_check.check_values(batch, vocabulary_size=self._tokenizer.size)

    def _check_structure(self, batches, rows, *, evaluation):
        batch_check.check_structure(
            batches.element_spec,
            self._clip,
            rows,
            evaluation=evaluation,
            classes=self._sources[0].classes,
            views=self._sources[0].views.count,
            kept_patches=None if evaluation else self._sources[0].kept_patches,
        )


def rows_of_shard(batch_size, shard_index, shard_count) -> int:
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
