import numpy as np
import pytest

from vatt.embed.looks import SIDE, cuts, kept_step, small_frames

DRAW = np.random.default_rng(0)


@pytest.mark.parametrize("size", [(64, 64), (8, 8), (90, 160), (17, 33)])
def test_small_frames_are_means_of_areas(size):
    frames = DRAW.integers(0, 256, (2, *size, 3), np.uint8)
    made = small_frames(frames)
    assert made.shape == (2, SIDE, SIDE) and made.dtype == np.uint8
    grey = frames @ np.array([0.299, 0.587, 0.114])
    if size == (64, 64):
        expected = grey.reshape(2, SIDE, 4, SIDE, 4).mean(axis=(2, 4))
        assert np.abs(made - expected).max() <= 0.51
    assert abs(made.mean() - grey.mean()) < 6


def moving(frames, seed):
    """A scene in which something moves, uint8 [T, SIDE, SIDE]."""
    draw = np.random.default_rng(seed)
    still = draw.integers(0, 256, (SIDE, SIDE + frames), np.uint8)
    smooth = (still[:, :-1].astype(int) + still[:, 1:]) // 2
    blurred = np.stack([smooth] * 1)[0]
    return np.stack([np.roll(blurred, number // 4, axis=1)[:, :SIDE] for number in range(frames)]).astype(
        np.uint8
    )


def test_cuts_are_where_shots_change_and_not_where_things_move():
    shots = [moving(25, seed) for seed in range(6)]
    frames = np.concatenate(shots)
    seconds = np.arange(len(frames)) / 10
    # Each fourth frame moves by a whole pixel of a random image: as much as a cut, four times a second.
    assert cuts(np.repeat(shots[0][:1], 30, axis=0), np.arange(30) / 10, 0.15).size == 0
    slow = np.concatenate([np.repeat(shot[:1], 25, axis=0) for shot in shots])
    np.testing.assert_allclose(cuts(slow, seconds, 0.15), [2.5, 5.0, 7.5, 10.0, 12.5])
    noisy = np.clip(slow + DRAW.integers(-8, 9, slow.shape), 0, 255).astype(np.uint8)
    np.testing.assert_allclose(cuts(noisy, seconds, 0.15), [2.5, 5.0, 7.5, 10.0, 12.5])
    fading = np.linspace(0, 255, 60).astype(np.uint8)[:, None, None] * np.ones((1, SIDE, SIDE), np.uint8)
    assert cuts(fading, np.arange(60) / 10, 0.15).size == 0


def test_frames_that_are_far_apart_do_not_follow_each_other():
    frames = np.stack([np.full((SIDE, SIDE), value, np.uint8) for value in (0, 0, 200, 200)])
    assert cuts(frames, np.array([0.0, 0.1, 5.0, 5.1]), 0.15).size == 0
    assert cuts(frames, np.array([0.0, 0.1, 0.2, 0.3]), 0.15).tolist() == [0.2]
    assert cuts(frames[:1], np.zeros(1), 0.15).size == 0


def test_small_frames_are_kept_about_two_and_a_half_times_a_second():
    assert [kept_step(rate) for rate in (10.0, 25.0, 1.0, 5.0)] == [4, 10, 1, 2]
