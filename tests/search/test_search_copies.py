"""Excerpts of video, changed as copies are; what shows nothing or stands still finds nothing."""

import numpy as np
import pytest

from vatt.embed.looks import small_frames
from vatt.search.copies import RATE_HZ, Frames, find_copies

SECONDS, SIZE = 20, 64


def moving(seed, frames):
    """Soft spots that wander, uint8 [T, SIZE, SIZE, 3]."""
    draw = np.random.default_rng(seed)
    at, to = draw.random((6, 2)), draw.random((6, 2))
    width, level = draw.uniform(0.1, 0.3, 6), draw.uniform(80, 255, 6)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    made = []
    for number in range(frames):
        phase = number / RATE_HZ * draw.uniform(1, 1)
        centre = at + 0.35 * np.sin(phase * (0.5 + to) + 6 * to[:, ::-1])
        spots = level * np.exp(
            -((rows[..., None] - centre[:, 0]) ** 2 + (columns[..., None] - centre[:, 1]) ** 2) / width**2
        )
        made.append(np.clip(spots.max(axis=-1), 0, 255))
    return np.repeat(np.stack(made).astype(np.uint8)[..., None], 3, axis=-1)


def kept(videos):
    """The reference: every fourth frame of each."""
    small = [small_frames(video)[::4] for video in videos]
    return Frames(
        frames=np.concatenate(small),
        seconds=np.concatenate([np.arange(len(each)) * 4 / RATE_HZ for each in small]),
        numbers=np.repeat(np.arange(len(small)), [len(each) for each in small]),
    )


def excerpt(frames):
    small = small_frames(np.ascontiguousarray(frames))
    return Frames(frames=small, seconds=np.arange(len(small)) / RATE_HZ, numbers=np.zeros(len(small), int))


@pytest.fixture(scope="module")
def videos():
    made = [moving(seed, round(SECONDS * RATE_HZ)) for seed in range(8)]
    made.append(np.zeros_like(made[0]))  # black
    title = np.zeros_like(made[0])
    title[:, 24:40, 8:56] = np.random.default_rng(0).integers(0, 256, (1, 16, 48, 1), np.uint8)
    made.append(title)
    return made


CHANGES = {
    "as it is": lambda frames: frames,
    "darker": lambda frames: (frames * 0.7).astype(np.uint8),
    "noisy": lambda frames: np.clip(
        frames + np.random.default_rng(1).normal(0, 12, frames.shape), 0, 255
    ).astype(np.uint8),
    "cropped in the middle": lambda frames: frames[:, 3:61, 3:61],
    "cropped at a corner": lambda frames: frames[:, 6:, 6:],
    "scaled": lambda frames: frames[:, ::2, ::2],
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_excerpt_is_found_where_it_comes_from(videos, change):
    reference = kept(videos)
    for number, first in ((2, 31), (5, 120), (7, 0)):
        part = CHANGES[change](videos[number][first : first + 30])
        (copy,) = find_copies(excerpt(part), reference)
        assert copy.number == number and copy.start_seconds == pytest.approx(first / RATE_HZ, abs=0.3)


def test_what_is_not_there_is_not_found(videos):
    reference = kept(videos)
    for seed in range(100, 110):
        assert find_copies(excerpt(moving(seed, 30)), reference) == []
    assert find_copies(excerpt(videos[0][:2]), reference) == []  # too short


def test_black_and_titles_find_nothing(videos):
    reference = kept(videos)
    assert find_copies(excerpt(videos[8][:30]), reference) == []
    assert find_copies(excerpt(videos[9][:30]), reference) == []
    assert find_copies(excerpt(videos[0][:30]), kept([videos[8]])) == []


def test_a_file_can_be_left_out(videos):
    reference = kept([*videos, videos[3][50:]])
    found = find_copies(excerpt(videos[3][80:110]), reference, skip=3)
    assert [copy.number for copy in found] == [10] and found[0].start_seconds == pytest.approx(3.0, abs=0.3)
