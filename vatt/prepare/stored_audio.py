"""Audio as records store it: 16-bit PCM, FLAC without loss or Opus with, and back to PCM.

FLAC and Opus are one mono stream for each channel, so any number of channels can be stored; a stream begins
with what says which of the two it is.
"""

import io
from collections.abc import Sequence
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from vatt.data.set_description import AUDIO_CODECS, PCM16

OPUS_RATE_HZ = 48_000  # what decoders give, whatever the encoder was given
_OPUS_BITS_PER_SECOND = 64_000  # of a channel: speech and music pass for the original to most listeners
_FORMATS = {"flac": "flac", "opus": "ogg"}
_ENCODERS = {"flac": "flac", "opus": "libopus"}
_MAGIC = {b"fLaC": "flac", b"OggS": "ogg"}
# Equal samples give equal bytes: neither the library's version nor a random number is written.
_BITEXACT = {"fflags": "+bitexact", "metadata_header_padding": "0"}
_BITEXACT_CODEC = 1 << 23  # AV_CODEC_FLAG_BITEXACT


def check_codec(codec: str, rate_hz: int) -> None:
    """ValueError: there is no such codec, or it has no such rate."""
    if codec not in AUDIO_CODECS:
        raise ValueError(f"`audio_codec` must be one of {', '.join(AUDIO_CODECS)}. Received: {codec!r}.")
    if codec == "opus" and rate_hz != OPUS_RATE_HZ:
        raise ValueError(
            f"Opus decodes to {OPUS_RATE_HZ} samples a second. Received: audio_rate_hz={rate_hz}. Give "
            f"--audio_rate_hz {OPUS_RATE_HZ}, or choose flac."
        )


def features(audio: np.ndarray | None, codec: str, rate_hz: int) -> dict[str, Any]:
    """What a record holds of audio, int16 [S, channels], besides its rate, by name."""
    if audio is None:
        return {"WAVEFORM/num_channels": [0]}
    held: dict[str, Any] = {"WAVEFORM/num_channels": [audio.shape[1]]}
    if codec == PCM16:
        return held | {"WAVEFORM/pcm16": [audio.astype("<i2").tobytes()]}
    if not len(audio):
        return held
    streams = [_encoded(np.ascontiguousarray(channel), codec, rate_hz) for channel in audio.T]
    return held | {"WAVEFORM/encoded": streams, "WAVEFORM/num_samples": [len(audio)]}


def decoded(streams: Sequence[Any], samples: Any) -> np.ndarray:
    """int16 [samples, channels] of the streams of a record, as it was read; ValueError: they are not that."""
    if not isinstance(samples, int) or not all(isinstance(each, bytes) for each in streams):
        raise ValueError("audio that is not bytes with a number of samples")
    channels = [_decoded(stream, samples) for stream in streams]
    lengths = {len(each) for each in channels}
    if lengths != {samples}:
        raise ValueError(f"audio of {sorted(lengths)} samples in a record that states {samples}")
    return np.stack(channels, axis=1)


def _encoded(channel: np.ndarray, codec: str, rate_hz: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=_FORMATS[codec], options=_BITEXACT) as container:
        stream: Any = container.add_stream(_ENCODERS[codec], rate=rate_hz, layout="mono")
        stream.codec_context.format = "s16"
        stream.codec_context.flags |= _BITEXACT_CODEC
        if codec == "opus":
            stream.bit_rate = _OPUS_BITS_PER_SECOND
        frame = av.AudioFrame.from_ndarray(channel[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        for each in (frame, None):
            container.mux(stream.encode(each))
    return file.getvalue()


def _decoded(stream: bytes, most: int) -> np.ndarray:
    """The samples; of a stream that has more than stated, some more than that."""
    kind = _MAGIC.get(bytes(stream[:4]))
    if kind is None:
        raise ValueError("audio that is neither FLAC nor Opus")
    try:
        with av.open(io.BytesIO(stream), "r", format=kind) as container:
            parts, count = [], 0
            for frame in container.decode(audio=0):
                parts.append(frame.to_ndarray().reshape(-1))
                count += len(parts[-1])
                if count > most:
                    break
    except (FFmpegError, IndexError) as error:
        raise ValueError(f"audio that can not be decoded ({error})") from None
    samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    if samples.dtype == np.int16:
        return samples
    return np.rint(np.clip(samples * 32768.0, -32768, 32767)).astype(np.int16)
