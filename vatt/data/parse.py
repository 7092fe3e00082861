"""A serialised SequenceExample -> the tensors of one record, from any writer.

Ours (vatt/prepare) and DMVR's spellings are read alike: a feature that is absent is empty, and the first
spelling that is there counts.
"""

import tensorflow as tf

from vatt.protocols import Tensor

# DMVR's default, and what the VATT release's example factory calls it.
_FLOAT_AUDIO = ("WAVEFORM/feature/floats", "waveform/floats")
_LABELS = ("clip/label/index", "label/index")
# A frame each in a SequenceExample; one in a tf.train.Example, which is the same message without sequences.
_FRAMES = "image/encoded"

_FIRST_WITH_REPEATS = 2  # version of the schema

# Every context feature is read as a list: writers leave a feature out, or write it with no value.
_CONTEXT = {
    key: tf.io.RaggedFeature(dtype)
    for dtype, keys in {
        tf.string: ("clip/media_id", "clip/group", "WAVEFORM/pcm16", "caption/string", _FRAMES),
        tf.int64: (
            "schema_version",
            "clip/start/timestamp",
            "WAVEFORM/sample_rate",
            "WAVEFORM/num_channels",
            *_LABELS,
        ),
        tf.float32: ("image/frame_rate", "caption/start_seconds", "caption/end_seconds"),
    }.items()
    for key in keys
}
_SEQUENCES = {_FRAMES: tf.io.FixedLenSequenceFeature([], tf.string, allow_missing=True)} | {
    key: tf.io.RaggedFeature(tf.float32) for key in _FLOAT_AUDIO
}


def _value(values, default):
    """The only value of a list, or the default of an empty one."""
    return tf.concat([values, tf.constant([default], values.dtype)], axis=0)[0]


def _first_present(candidates):
    """The first tensor of rank 1 that is not empty, else the last."""
    *earlier, chosen = candidates
    for candidate in reversed(earlier):
        chosen = tf.cond(tf.size(candidate) > 0, lambda a=candidate: a, lambda b=chosen: b)
    return chosen


def parse_record(serialized: Tensor, *, frame_rate_hz: float, audio_rate_hz: int) -> dict[str, Tensor]:
    """Decodes one record; the frames stay JPEGs.

    Args:
        serialized: string scalar, a tf.train.SequenceExample, or a tf.train.Example of a still.
        frame_rate_hz: frame rate of a record that states none (DMVR's do not).
        audio_rate_hz: audio samples per second of a record that states none (DMVR's do not).

    Returns:
        Dict of tensors. Times are in seconds from the record's first frame.
            "jpegs" string [frames]; "has_repeats" bool scalar: whether an empty one stands for the frame
            before it; "frame_rate_hz" float32 scalar;
            "pcm16" string scalar, little-endian int16, channels interleaved, and "floats" float32 [samples],
            one channel in [-1, 1]: at most one of the two is not empty;
            "sample_rate_hz" int64 scalar; "channels" int64 scalar, at least 1;
            "captions" string [n]; "caption_start_seconds" and "caption_end_seconds" float32 [n], or [0] when
            unknown; "labels" int64 [m]; "clip_id" string scalar, "media_id@start_seconds"; "group" string
            scalar.
    """
    context, sequences = tf.io.parse_single_sequence_example(serialized, _CONTEXT, _SEQUENCES)
    pcm16 = _value(context["WAVEFORM/pcm16"], "")
    floats = _first_present([sequences[key].flat_values for key in _FLOAT_AUDIO])
    floats = floats[: tf.where(tf.strings.length(pcm16) > 0, 0, tf.size(floats))]
    stated_audio_rate_hz = _value(context["WAVEFORM/sample_rate"], 0)
    stated_frame_rate_hz = _value(context["image/frame_rate"], 0.0)
    start_seconds = tf.cast(_value(context["clip/start/timestamp"], 0), tf.float64) * 1e-6
    media_id = _value(context["clip/media_id"], "")
    return {
        "jpegs": _first_present([sequences[_FRAMES], context[_FRAMES]]),
        "has_repeats": _value(context["schema_version"], 0) >= _FIRST_WITH_REPEATS,
        "frame_rate_hz": tf.where(stated_frame_rate_hz > 0, stated_frame_rate_hz, frame_rate_hz),
        "pcm16": pcm16,
        "floats": floats,
        "sample_rate_hz": tf.where(
            stated_audio_rate_hz > 0, stated_audio_rate_hz, tf.constant(audio_rate_hz, tf.int64)
        ),
        "channels": tf.maximum(_value(context["WAVEFORM/num_channels"], 1), 1),
        "captions": context["caption/string"],
        "caption_start_seconds": context["caption/start_seconds"],
        "caption_end_seconds": context["caption/end_seconds"],
        "labels": _first_present([context[key] for key in _LABELS]),
        "clip_id": tf.strings.join([media_id, tf.strings.as_string(start_seconds, precision=3)], "@"),
        "group": _value(context["clip/group"], ""),
    }


def contradiction(record: dict[str, Tensor], *, audio_rate_hz: int | None, classes: int) -> Tensor:
    """Where a record that can be read is not what `dataset.json` says: no damage, but a set put together
    wrongly, which must not be passed over.

    Args:
        record: what `parse_record` returns.
        audio_rate_hz: of every record that has audio; None: audio is not used.
        classes: number of labels, Y; 0: labels are not used.

    Returns:
        string scalar, "" or the sentence of an error.
    """
    rate, labels, frames = record["frame_rate_hz"], record["labels"], tf.size(record["jpegs"])
    faults = [
        (
            (frames > 1) & ~(rate > 0),
            "Frames must have a frame rate: the record's, or `frame_rate_hz` of dataset.json",
            rate,
        )
    ]
    if audio_rate_hz is not None:
        has_audio = (tf.strings.length(record["pcm16"]) > 0) | (tf.size(record["floats"]) > 0)
        sample_rate_hz = record["sample_rate_hz"]
        rule = f"Every record must have the audio rate that dataset.json states, {audio_rate_hz} Hz"
        faults.append((has_audio & (sample_rate_hz != audio_rate_hz), rule, sample_rate_hz))
    if classes:
        outside = (labels < 0) | (labels >= classes)
        rule = f"Every label must be one of the {classes} that dataset.json lists, 0 to {classes - 1}"
        faults.append((tf.reduce_any(outside), rule, tf.boolean_mask(labels, outside)))
    message = tf.constant("")
    for is_there, rule, found in faults:

        def sentence(rule=rule, found=found):
            form = rule + ". Received: {} in clip {}. Prepare the set again; `vatt doctor` finds them all."
            return tf.strings.format(form, (found, record["clip_id"]))

        message = tf.cond(is_there, sentence, lambda before=message: before)
    return message
