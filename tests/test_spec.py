"""The size of a clip: what none can have is refused, and the spans that follow from it."""

import math

import pytest

from vatt.spec import ClipSpec


@pytest.mark.parametrize(
    "odd",
    [
        {"frames": 0},
        {"frame_rate_hz": -1.0},
        {"frame_rate_hz": 1e-300},  # a clip of more seconds than a float holds samples for
        {"sample_rate_hz": 10**12},
        {"audio_seconds": math.inf},
        {"frame_rate_hz": math.nan},
        {"modalities": ()},
        {"modalities": ("video", "smell")},
    ],
)
def test_what_no_clip_can_have_is_refused_by_name(odd):
    (name,) = odd
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        ClipSpec(**odd)


def test_spans_and_sizes_follow_from_the_rates():
    clip = ClipSpec(frames=8, frame_rate_hz=4.0, frame_size=6, sample_rate_hz=100, audio_seconds=3.0, words=5)
    assert (clip.clip_seconds, clip.audio_span_seconds, clip.span_seconds, clip.samples) == (
        2.0,
        3.0,
        3.0,
        300,
    )
    assert [clip.sizes(each) for each in ("video", "audio", "text")] == [(8, 6, 6), (300,), (5,)]
    assert ClipSpec(modalities=["text"]).modalities == ("text",)
