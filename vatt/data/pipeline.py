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
from vatt.data import audio, order, parse, text, video, window

# Positions put in order at once: the ops cost the same for one as for a thousand.
_ORDERED_AT_ONCE = 1024
_END_OF_STREAM = 1 << 62
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


class ClipPipeline:
    """Makes the batches of one split of a prepared set.

    Args:
        records: `RecordIndex` of the split.
        clip: `ClipSpec`.
        description: `SetDescription` of the set.
        vocabulary: its `Vocabulary`.
        threads: threads that decode; None is one per core.
        prefetch: batches kept ready.
    """

    def __init__(self, records, *, clip, description, vocabulary, threads=None, prefetch=2):
        self._records = records
        self._clip = clip
        self._description = description
        self._vocabulary = vocabulary
        self._threads = threads or os.cpu_count()
        self._prefetch = prefetch
        self._resampler = audio.Resampler(description.audio_rate_hz, clip.sample_rate_hz, clip.samples)

    def train_batches(self, augmentation, *, batch_size, first_step, seed):
        """Endless; batch n holds positions n * batch_size to (n + 1) * batch_size - 1 of the stream."""

        @_as_written
        def in_order(positions):
            return positions, order.examples_at(positions, size=len(self._records), seed=seed)

        @_as_written
        def training_clip(position, example):
            key = tf.stack([tf.constant(seed, tf.int64), position])
            clip = self._clip_of(position, example, key, augmentation)
            return {name: value for name, value in clip.items() if name not in EVALUATION_ONLY}

        positions = tf.data.Dataset.range(first_step * batch_size, _END_OF_STREAM)
        examples = positions.batch(_ORDERED_AT_ONCE).map(in_order).unbatch()
        clips = examples.map(training_clip, self._threads)
        return self._deliver(clips.batch(batch_size, drop_remainder=True))

    def eval_batches(self, *, batch_size):
        """Every clip once, in the order of the shards; the last batch is filled up with zeros."""
        positions = tf.data.Dataset.range(len(self._records))
        clips = positions.map(_as_written(lambda position: self._clip_of(position, position)), self._threads)
        fill = _as_written(functools.partial(_fill, batch_size=batch_size))
        return self._deliver(clips.batch(batch_size).map(fill))

    def _clip_of(self, position, example, key=None, augmentation=None):
        """One record -> one clip: drawn at random with a key and an augmentation, the middle without."""
        clip, source = self._clip, self._description

        # Read.
        serialized, intact = self._records.read(example)
        record = parse.parse_record(serialized, frame_rate_hz=source.frame_rate_hz)

        # Sample: when the clip begins, which part of the picture it shows.
        choose_start, choose_box = window.spaced_start, video.central_box
        if augmentation is not None:
            choose_start = functools.partial(window.random_start, key=key)
            choose_box = functools.partial(
                video.random_box, key=key, area=augmentation.crop_area, aspect=augmentation.crop_aspect
            )
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
        if augmentation is not None and augmentation.flip:
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
