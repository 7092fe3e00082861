"""A record -> a clip, in four steps: read, sample, decode, augment. The pipeline adds the fifth, batch."""

import dataclasses
import functools

import tensorflow as tf

from vatt import spec
from vatt.data import audio, parse, text, video, window
from vatt.protocols import Crop

CANDIDATES = "candidates"  # string [K], until the batch is tokenized
CONTRADICTION = "contradiction"  # string scalar, until the pipeline has refused all but ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is drawn at random in training beside the window in time (A.2.1); colour follows on the device.

    Args:
        crop: a `vatt.protocols.Crop`.
        flip: whether half of the clips are mirrored.
        audio_noise: standard deviation of noise added to the sound, as a share of the clip's peak.
    """

    crop: Crop
    flip: bool
    audio_noise: float

    def __post_init__(self):
        if not 0 <= self.audio_noise < 1:
            raise ValueError(
                f"`audio_noise` must be a share of the peak, in [0, 1). Received: "
                f"audio_noise={self.audio_noise}. The release's is 0.01."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Views:
    """What evaluation shows of a record.

    Args:
        clips: windows, spread evenly over the record; 1 is the middle (the release fine-tunes with 4).
        crops: squares, spread evenly along the long side; 1 is the middle (the release fine-tunes with 3).
    """

    clips: int = 1
    crops: int = 1

    def __post_init__(self):
        for name in ("clips", "crops"):
            if getattr(self, name) < 1:
                raise ValueError(f"`eval_{name}` must be at least 1. Received: {getattr(self, name)}.")

    @property
    def count(self) -> int:
        """Views of a record, V."""
        return self.clips * self.crops


class ClipSource:
    """Clips of one split of a prepared set, one record at a time.

    Args:
        records: `RecordIndex` of the split.
        clip: `ClipSpec`.
        description: `SetDescription` of the set.
        augmentation: `Augmentation` of training clips.
        views: `Views` of evaluation.
        label_names: the classes that a clip comes with, of those of the set; () for none.
        kept_patches: `KeptPatches` that leaves of a training clip what the model reads; None for all.
    """

    def __init__(self, records, *, clip, description, augmentation, views, label_names=(), kept_patches=None):
        self.records = records
        self.views = views
        self.kept_patches = kept_patches
        self.classes = len(label_names)
        self._chosen_labels = [description.labels.index(name) for name in label_names]
        self._clip = clip
        self._description = description
        self._augmentation = augmentation
        self._resampler = None
        if spec.AUDIO in clip.modalities:
            self._resampler = audio.Resampler(description.audio_rate_hz, clip.sample_rate_hz, clip.samples)

    def training_clip(self, position, number, key):
        """A clip drawn at random.

        Args:
            position: int64 scalar, the clip's place in the stream.
            number: int64 scalar, of the record; the op that reads it fails if it is damaged.
            key: int64 [2], (seed, position).

        Returns:
            The clip by the names of `vatt.spec`, but with its captions as strings.
        """
        augmentation = self._augmentation

        def choose_boxes(height, width):
            return augmentation.crop.box(height, width, key)[tf.newaxis]

        record = self._record(number)
        clip = self._clip_of(record, functools.partial(window.random_start, key=key), choose_boxes, crops=1)
        flipped = video.is_flipped(key) if augmentation.flip else tf.constant(False)
        if spec.VIDEO in clip:
            (clip[spec.VIDEO],) = tf.unstack(clip[spec.VIDEO])
        if spec.AUDIO in clip and augmentation.audio_noise:
            clip[spec.AUDIO] = audio.add_noise(clip[spec.AUDIO], key, share_of_peak=augmentation.audio_noise)
        if self.kept_patches is not None:
            clip = self.kept_patches(clip, key, flipped)
        elif spec.VIDEO in clip:
            clip[spec.VIDEO] = video.mirror_if(flipped, clip[spec.VIDEO])
        return self._with_facts(record, clip, position)

    def evaluation_views(self, number, asked, is_itself):
        """All views of a record, windows in order and the crops of each.

        Args:
            number: int64 scalar, of the record; the op that reads it fails if it is damaged.
            asked: int64 scalar, of the record that the rows are for.
            is_itself: bool scalar: False if the one stands in for the other. That is as good in training; in
                evaluation it would count twice.

        Returns:
            As `training_clip`, with an axis of V views in front.
        """
        record, crops, views = self._record(number), self.views.crops, []
        for place in range(self.views.clips):
            choose_start = functools.partial(window.spaced_start, window=place, windows=self.views.clips)
            clip = self._clip_of(
                record,
                choose_start,
                functools.partial(video.squares, crops=crops),
                crops=crops,
                own_spans=True,
            )
            frames = {spec.VIDEO: clip.pop(spec.VIDEO)} if spec.VIDEO in clip else {}
            views.append({name: tf.stack([part] * crops) for name, part in clip.items()} | frames)
        rows = {name: tf.concat([view[name] for view in views], axis=0) for name in views[0]}

        facts = self._with_facts(record, {}, asked)
        facts |= {
            spec.VALID: tf.cast(is_itself, tf.float32),
            spec.CLIP_ID: record["clip_id"],
            spec.GROUP: record["group"],
        }
        rows |= {name: tf.stack([fact] * self.views.count) for name, fact in facts.items()}
        if CANDIDATES in rows:
            rows[spec.CAPTION] = rows[CANDIDATES][:, 0]
        if self.views.count > 1:
            rows[spec.VIEW] = tf.range(self.views.count)
        return rows

    def _record(self, number):
        """Read."""
        source = self._description
        return parse.parse_record(
            self.records.read(number),
            frame_rate_hz=source.frame_rate_hz,
            audio_rate_hz=source.audio_rate_hz,
        )

    def _clip_of(self, record, choose_start, choose_boxes, *, crops, own_spans=False):
        """Sample, then decode that and no more; the pictures have an axis of crops in front.

        With `own_spans` each signal chooses its start by its own span, so that windows spread over a record
        reach its end in both, the shorter within the longer; without, both begin at one instant.
        """
        clip, made = self._clip, {}

        def start(span_seconds):
            return window.start_seconds(
                record, span_seconds, choose_start, by_pictures=spec.VIDEO in clip.modalities
            )

        start_seconds = start(clip.span_seconds)
        starts = {spec.VIDEO: start_seconds, spec.AUDIO: start_seconds}
        if own_spans:
            starts = {spec.VIDEO: start(clip.clip_seconds), spec.AUDIO: start(clip.sound_seconds)}
        if spec.VIDEO in clip.modalities:
            made[spec.VIDEO], mask = video.clip_views(
                record, starts[spec.VIDEO], clip=clip, choose_boxes=choose_boxes, crops=crops
            )
            made[spec.VIDEO_MASK] = mask
        if spec.AUDIO in clip.modalities:
            made[spec.AUDIO], made[spec.AUDIO_MASK] = audio.clip_audio(
                record, starts[spec.AUDIO], self._resampler, source_hz=self._description.audio_rate_hz
            )
        if spec.TEXT in clip.modalities:
            made[CANDIDATES] = text.nearest_captions(
                record, start_seconds + clip.span_seconds / 2, candidates=clip.candidates
            )
        return made

    def _with_facts(self, record, clip, index):
        """The clip with what is the same in every view of its record."""
        clip[spec.EXAMPLE_INDEX] = index
        clip[CONTRADICTION] = parse.contradiction(
            record,
            audio_rate_hz=self._resampler and self._description.audio_rate_hz,
            classes=len(self._description.labels) if self.classes else 0,
        )
        if self.classes:
            # A label given twice is one label; a clip without any is a row of zeros.
            is_given = record["labels"][:, tf.newaxis] == tf.constant(self._chosen_labels, tf.int64)
            clip[spec.LABEL] = tf.cast(tf.reduce_any(is_given, axis=0), tf.float32)
        return clip
