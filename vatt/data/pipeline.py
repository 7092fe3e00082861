"""Records -> batches, in five steps: read, sample, decode, augment, batch.

Everything runs in TensorFlow's own threads. Order and random draws depend on the seed and the position in the
stream alone, so the number of threads changes nothing and a run resumes at any batch without saved state.
"""

import dataclasses
import functools
import math
import os

import tensorflow as tf

from vatt import spec
from vatt.data import audio, batch_check, order, parse, text, video, window

# Positions put in order at once: the ops cost the same for one as for a thousand.
_ORDERED_AT_ONCE = 1024
_END_OF_STREAM = 1 << 62
# Of each source, decoded once before the first batch; their sizes and types hold for all.
_CHECKED_CLIPS = 2
EVALUATION_ONLY = (spec.VALID, spec.CLIP_ID, spec.GROUP, spec.CAPTION)
# No function here has Python control flow that AutoGraph would have to turn into graph ops; leaving it out
# makes building the first pipeline of a process eight times as fast (0.6 s instead of 4.8).
_as_written = tf.autograph.experimental.do_not_convert
_CANDIDATES = "candidates"  # string [K], until the batch is tokenized


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is drawn at random in training beside the window in time (A.2.1); colour follows on the device.

    Args:
        crop_area: lowest and highest share of the frame's area, within (0, 1].
        crop_aspect: lowest and highest width / height of the cropped box.
        flip: whether half of the clips are mirrored.
    """

    crop_area: tuple
    crop_aspect: tuple
    flip: bool

    def __post_init__(self):
        for name, (low, high), limit in (
            ("crop_area", self.crop_area, 1.0),
            ("crop_aspect", self.crop_aspect, math.inf),
        ):
            if not 0 < low <= high <= limit:
                raise ValueError(
                    f"`{name}` must be (lowest, highest), above 0{' and at most 1' if limit == 1 else ''}. "
                    f"Received: {name}={(low, high)}. The paper's is "
                    f"{'(0.08, 1)' if limit == 1 else '(0.5, 2)'}."
                )


class ClipSource:
    """Clips of one split of a prepared set, one at a time.

    Args:
        records: `RecordIndex` of the split.
        clip: `ClipSpec`.
        description: `SetDescription` of the set.
        augmentation: `Augmentation` of training clips.
    """

    def __init__(self, records, *, clip, description, augmentation):
        self._records = records
        self._clip = clip
        self._description = description
        self._augmentation = augmentation
        self._resampler = audio.Resampler(description.audio_rate_hz, clip.sample_rate_hz, clip.samples)

    def __len__(self):
        return len(self._records)

    def clip_of(self, position, example, key=None):
        """One record -> one clip: drawn at random with a key, the middle of the record without.

        Args:
            position: int64 scalar, the clip's place in the stream.
            example: int64 scalar, number of the record.
            key: int64 [2], (seed, position), or None.

        Returns:
            The clip by the names of `vatt.spec`, but with its captions as strings.
        """
        clip, source = self._clip, self._description

        # Read.
        serialized, intact = self._records.read(example)
        record = parse.parse_record(serialized, frame_rate_hz=source.frame_rate_hz)

        # Sample: when the clip begins, which part of the picture it shows.
        choose_start, choose_box = window.spaced_start, video.central_box
        if key is not None:
            area, aspect = self._augmentation.crop_area, self._augmentation.crop_aspect
            choose_start = functools.partial(window.random_start, key=key)
            choose_box = functools.partial(video.random_box, key=key, area=area, aspect=aspect)
        start_seconds = window.start_seconds(record, clip.clip_seconds, choose_start)

        # Decode: that and no more.
        frames, video_mask = video.clip_frames(record, start_seconds, clip=clip, choose_box=choose_box)
        sound, audio_mask = audio.clip_audio(
            record, start_seconds, self._resampler, source_hz=source.audio_rate_hz
        )
        captions = text.nearest_captions(
            record, start_seconds + clip.clip_seconds / 2, candidates=clip.candidates
        )

        # Augment.
        if key is not None and self._augmentation.flip:
            frames = video.random_flip(frames, key)
        return {
            spec.VIDEO: frames,
            spec.AUDIO: sound,
            spec.VIDEO_MASK: video_mask,
            spec.AUDIO_MASK: audio_mask,
            spec.EXAMPLE_INDEX: position,
            # What stands in for a damaged clip is as good in training; in evaluation it would count twice.
            spec.VALID: tf.cast(intact, tf.float32),
            spec.CLIP_ID: record["clip_id"],
            spec.GROUP: record["group"],
            spec.CAPTION: captions[0],
            _CANDIDATES: captions,
        }


class ClipPipeline:
    """Makes the batches of one source of clips, or of several mixed.

    Args:
        sources: `ClipSource`s, all of the same `ClipSpec`.
        clip: that `ClipSpec`.
        vocabulary: `Vocabulary` that all captions are tokenized with.
        weights: share of each source in training, see `order.examples_of_sets_at`.
        threads: threads that decode; None is one per core.
        prefetch: batches kept ready.
    """

    def __init__(self, sources, *, clip, vocabulary, weights=None, threads=None, prefetch=2):
        self._sources = tuple(sources)
        self._clip = clip
        self._vocabulary = vocabulary
        self._weights = weights
        self._threads = threads or os.cpu_count()
        self._prefetch = prefetch

    def train_batches(self, *, batch_size, first_step, seed):
        """Endless; batch n holds positions n * batch_size to (n + 1) * batch_size - 1 of the stream."""
        for source in self._sources:
            clips = self._training_clips([source], None, first_position=0, seed=seed)
            self._check_values(self._deliver(clips.batch(_CHECKED_CLIPS, drop_remainder=True)))
        clips = self._training_clips(
            self._sources, self._weights, first_position=first_step * batch_size, seed=seed
        )
        batches = self._deliver(clips.batch(batch_size, drop_remainder=True))
        batch_check.check_structure(batches.element_spec, self._clip, batch_size, evaluation=False)
        return batches

    def eval_batches(self, *, batch_size):
        """Every clip of the only source once, in the order of the shards; the last batch is filled up with
        zeros."""
        self._check_values(self._evaluation_batches(_CHECKED_CLIPS))
        batches = self._evaluation_batches(batch_size)
        batch_check.check_structure(batches.element_spec, self._clip, batch_size, evaluation=True)
        return batches

    def _training_clips(self, sources, weights, *, first_position, seed):
        sizes = [len(source) for source in sources]

        @_as_written
        def in_order(positions):
            return positions, *order.examples_of_sets_at(positions, sizes=sizes, seed=seed, weights=weights)

        @_as_written
        def training_clip(position, number, example):
            key = tf.stack([tf.constant(seed, tf.int64), position])
            ways = [functools.partial(source.clip_of, position, example, key) for source in sources]
            clip = ways[0]() if len(ways) == 1 else tf.switch_case(tf.cast(number, tf.int32), ways)
            return {name: value for name, value in clip.items() if name not in EVALUATION_ONLY}

        positions = tf.data.Dataset.range(first_position, _END_OF_STREAM)
        examples = positions.batch(_ORDERED_AT_ONCE).map(in_order).unbatch()
        return examples.map(training_clip, self._threads)

    def _evaluation_batches(self, batch_size):
        (source,) = self._sources
        positions = tf.data.Dataset.range(len(source))
        clips = positions.map(_as_written(lambda position: source.clip_of(position, position)), self._threads)
        fill = _as_written(functools.partial(_fill, batch_size=batch_size))
        return self._deliver(clips.batch(batch_size).map(fill))

    def _check_values(self, sample):
        """Raises unless the values of the first batch of `sample` are what the specification says."""
        batch_check.check_values(next(iter(sample)), vocabulary_size=self._vocabulary.size)

    def _deliver(self, batches):
        """Words to ids, a whole batch at a time; then how the dataset runs."""

        @_as_written
        def tokenize(batch):
            candidates = batch.pop(_CANDIDATES)
            ids = self._vocabulary.tokenize(tf.reshape(candidates, [-1]), length=self._clip.words)
            ids = tf.reshape(ids, [*candidates.shape, self._clip.words])
            exists = tf.cast(ids[:, :, 0] != spec.PADDING_ID, tf.float32)
            return batch | {spec.TEXT: ids, spec.TEXT_MASK: exists}

        options = tf.data.Options()
        options.deterministic = True
        options.threading.private_threadpool_size = self._threads
        options.autotune.enabled = False  # every stage has a stated number of threads and elements
        # With several workers each takes its share of every global batch (there are no files to shard by).
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        return batches.map(tokenize).prefetch(self._prefetch).with_options(options)


def _fill(batch, batch_size):
    """Fills every tensor of the batch with zeros (empty strings) up to `batch_size` rows."""

    def fill(rows):
        missing = tf.zeros([batch_size - tf.shape(rows)[0], *rows.shape[1:]], rows.dtype)
        return tf.ensure_shape(tf.concat([rows, missing], axis=0), [batch_size, *rows.shape[1:]])

    return {name: fill(rows) for name, rows in batch.items()}
