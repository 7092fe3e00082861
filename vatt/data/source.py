"""The clips of one split of a prepared set: a record is parsed, and what a clip shows of it is decoded.

`vatt.data.pipeline` puts the steps in order.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from vatt import spec
from vatt.data import audio, parse, text, video, window
from vatt.data.augmentation import Augmentation
from vatt.data.records import RecordIndex
from vatt.data.set_description import SetDescription
from vatt.data.views import Views

CANDIDATES = "candidates"  # string [K], until the batch is tokenized
CONTRADICTION = "contradiction"  # string scalar, until the pipeline has refused all but ""
Clip = dict[str, tf.Tensor]


class ClipSource:
    """Clips of one split, one record at a time.

    Args:
        records: the split.
        clip: size of a clip.
        description: of the set.
        augmentation: of training clips.
        views: of a record in evaluation.
        label_names: the classes that a clip comes with, of those of the set; () for none.
    """

    def __init__(
        self,
        records: RecordIndex,
        *,
        clip: spec.ClipSpec,
        description: SetDescription,
        augmentation: Augmentation,
        views: Views,
        label_names: Sequence[str] = (),
    ):
        self.records = records
        self.augmentation = augmentation
        self.views = views
        self.classes = len(label_names)
        self._chosen_labels = [description.labels.index(name) for name in label_names]
        self._clip = clip
        self._description = description
        self._resampler: Any = None
        if spec.AUDIO in clip.modalities:
            self._resampler = audio.Resampler(description.audio_rate_hz, clip.sample_rate_hz, clip.samples)

    def parse(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        """What `parse_record` returns of a record of `records`; fails if it is damaged."""
        return parse.parse_record(
            serialized,
            frame_rate_hz=self._description.frame_rate_hz,
            audio_rate_hz=self._description.audio_rate_hz,
        )

    def starts(self, record: dict[str, tf.Tensor], choose_start: Callable, *, apart: bool) -> Clip:
        """When a clip begins by modality, float64 scalars in seconds.

        Args:
            record: the record.
            choose_start: function from the last possible start, int32 scalar in frames or samples, to one.
            apart: whether video and audio each choose by their own spans, so that windows spread over a
                record reach its end in both, the shorter within the longer; else all begin at one instant.
        """
        clip = self._clip
        spans = {
            spec.VIDEO: clip.clip_seconds,
            spec.AUDIO: clip.audio_span_seconds,
            spec.TEXT: clip.span_seconds,
        }
        chosen = {
            span: window.start_seconds(record, span, choose_start, by_frames=spec.VIDEO in clip.modalities)
            for span in ({*spans.values()} if apart else {clip.span_seconds})
        }
        return {each: chosen[spans[each] if apart else clip.span_seconds] for each in spans}

    def decode(
        self, record: dict[str, tf.Tensor], starts: Clip, choose_boxes: Callable, *, crops: int
    ) -> Clip:
        """What a clip shows of a record, and no more of it; video has an axis of crops in front.

        Args:
            record: the record.
            starts: from `starts`.
            choose_boxes: function from a frame's height and width to int32 [crops, 4].
            crops: boxes.
        """
        clip, made = self._clip, {}
        if spec.VIDEO in clip.modalities:
            made[spec.VIDEO], made[spec.VIDEO_MASK] = video.clip_views(
                record, starts[spec.VIDEO], clip=clip, choose_boxes=choose_boxes, crops=crops
            )
        if spec.AUDIO in clip.modalities:
            made[spec.AUDIO], made[spec.AUDIO_MASK] = audio.clip_audio(
                record, starts[spec.AUDIO], self._resampler, source_hz=self._description.audio_rate_hz
            )
        if spec.TEXT in clip.modalities:
            middle = starts[spec.TEXT] + clip.span_seconds / 2
            made[CANDIDATES] = text.nearest_captions(record, middle, candidates=clip.candidates)
        return made

    def facts(self, record: dict[str, tf.Tensor], index: tf.Tensor) -> Clip:
        """What is the same in every view of a record; `index` becomes its `spec.EXAMPLE_INDEX`."""
        facts = {spec.EXAMPLE_INDEX: index}
        facts[CONTRADICTION] = parse.contradiction(
            record,
            audio_rate_hz=self._resampler and self._description.audio_rate_hz,
            classes=len(self._description.labels) if self.classes else 0,
        )
        if self.classes:
            # A label given twice is one label; a clip without any is a row of zeros.
            is_given = record["labels"][:, tf.newaxis] == tf.constant(self._chosen_labels, tf.int64)
            facts[spec.LABEL] = tf.cast(tf.reduce_any(is_given, axis=0), tf.float32)
        return facts
