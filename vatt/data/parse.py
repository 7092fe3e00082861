"""A serialised SequenceExample -> the tensors of one record, whoever wrote it.

Ours (vatt/prepare) and DMVR's spellings are read alike: a feature that is absent is empty, and the first
spelling that is there counts.
"""

import tensorflow as tf

# DMVR's default, and what the VATT release's example factory calls it.
_FLOAT_AUDIO = ("WAVEFORM/feature/floats", "waveform/floats")
_LABELS = ("clip/label/index", "label/index")
_DMVR_AUDIO_RATE_HZ = 48_000  # DMVR records state no rate; the release assumes this one

# Every context feature is read as a list: writers leave a feature out, or write it with no value.
_CONTEXT = {
    key: tf.io.RaggedFeature(dtype)
    for dtype, keys in {
        tf.string: ("clip/media_id", "clip/group", "WAVEFORM/pcm16", "caption/string"),
        tf.int64: ("clip/start/timestamp", "WAVEFORM/sample_rate", "WAVEFORM/num_channels", *_LABELS),
        tf.float32: ("image/frame_rate", "caption/start_seconds", "caption/end_seconds"),
    }.items()
    for key in keys
}
_SEQUENCES = {"image/encoded": tf.io.FixedLenSequenceFeature([], tf.string, allow_missing=True)} | {
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


def parse_record(serialized, *, frame_rate_hz):
    """Decodes one record; the pictures stay JPEGs.

    Args:
        serialized: string scalar, a tf.train.SequenceExample.
        frame_rate_hz: frame rate of a record that states none (DMVR's do not).

    Returns:
        Dict of tensors. Times are in seconds from the record's first frame.
            "jpegs" string [frames]; "frame_rate_hz" float32 scalar;
            "pcm16" string scalar, little-endian int16, channels interleaved, and "floats" float32 [samples],
            one
                channel in [-1, 1]: at most one of the two is not empty;
            "sample_rate_hz" int64 scalar, 0 without sound; "channels" int64 scalar, at least 1;
            "captions" string [n]; "caption_start_seconds" and "caption_end_seconds" float32 [n], or [0] when
            unknown; "labels" int64 [m]; "clip_id" string scalar, "media_id@start_seconds"; "group" string
            scalar.
    """
    context, sequences = tf.io.parse_single_sequence_example(serialized, _CONTEXT, _SEQUENCES)
    pcm16 = _value(context["WAVEFORM/pcm16"], "")
    floats = _first_present([sequences[key].flat_values for key in _FLOAT_AUDIO])
    floats = floats[: tf.where(tf.strings.length(pcm16) > 0, 0, tf.size(floats))]
    stated_audio_rate_hz = _value(context["WAVEFORM/sample_rate"], 0)
    is_unstated = (stated_audio_rate_hz == 0) & (tf.size(floats) > 0)
    stated_frame_rate_hz = _value(context["image/frame_rate"], 0.0)
    start_seconds = tf.cast(_value(context["clip/start/timestamp"], 0), tf.float64) * 1e-6
    media_id = _value(context["clip/media_id"], "")
    return {
        "jpegs": sequences["image/encoded"],
        "frame_rate_hz": tf.where(stated_frame_rate_hz > 0, stated_frame_rate_hz, frame_rate_hz),
        "pcm16": pcm16,
        "floats": floats,
        "sample_rate_hz": tf.where(
            is_unstated, tf.constant(_DMVR_AUDIO_RATE_HZ, tf.int64), stated_audio_rate_hz
        ),
        "channels": tf.maximum(_value(context["WAVEFORM/num_channels"], 1), 1),
        "captions": context["caption/string"],
        "caption_start_seconds": context["caption/start_seconds"],
        "caption_end_seconds": context["caption/end_seconds"],
        "labels": _first_present([context[key] for key in _LABELS]),
        "clip_id": tf.strings.join([media_id, tf.strings.as_string(start_seconds, precision=3)], "@"),
        "group": _value(context["clip/group"], ""),
    }
