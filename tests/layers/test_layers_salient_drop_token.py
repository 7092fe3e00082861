"""DropToken by energy: the probabilities, the draws, what of a clip is kept."""

import itertools

import numpy as np
import pytest

from tests.small_models import small_vatt
from vatt.layers import draws
from vatt.layers.salient_drop_token import SalientDropToken, energies
from vatt.layers.voxel_tokenizer import VoxelTokenizer
from vatt.models.intermediates import roll_outs

DRAW = np.random.default_rng(8)
ROWS = 6000


def kept_by(patches, steps=2, seed=3, **options):
    layer = SalientDropToken(**options)
    layer.build()
    keys = np.stack([np.full(len(patches), seed), np.arange(len(patches))], axis=1).astype("int32")
    with draws.keyed(keys):
        return np.asarray(layer.kept_indices(patches, steps, training=True))


def patches_of(energy):
    """[1, N, 2]: two values in time, of these variances."""
    return np.sqrt(np.array(energy, "float32"))[None, :, None] * np.array([1.0, -1.0], "float32")


def shares_of(probabilities, count):
    """How often each is among `count` that are drawn one after the other without replacement."""
    shares = np.zeros(len(probabilities))
    for drawn in itertools.permutations(range(len(probabilities)), count):
        left, chance = 1.0, 1.0
        for each in drawn:
            chance *= probabilities[each] / left
            left -= probabilities[each]
        shares[list(drawn)] += chance
    return shares


def test_the_energy_is_the_variance_over_time():
    patches = DRAW.normal(size=(3, 4, 5 * 6)).astype("float32")
    wanted = patches.reshape(3, 4, 5, 6).var(axis=2).mean(axis=2)
    np.testing.assert_allclose(energies(patches, 5), wanted, rtol=1e-5)


@pytest.mark.parametrize("energy", [[1, 2, 4, 8, 1], [0, 0, 3, 0, 0], [0, 0, 0, 0, 0]])
def test_tokens_are_drawn_one_after_the_other_by_energy_over_an_even_floor(energy):
    kept = kept_by(np.repeat(patches_of(energy), ROWS, axis=0), rate=0.6, floor=0.25)
    assert kept.shape == (ROWS, 2) and (np.diff(kept, axis=1) > 0).all()
    total = sum(energy)
    share = np.array(energy) / total if total else np.full(5, 1 / 5)
    wanted = shares_of(0.75 * share + 0.25 / 5, 2)
    np.testing.assert_allclose(np.bincount(kept.ravel(), minlength=5) / ROWS, wanted, atol=0.03)


def test_a_clip_s_draw_is_its_own():
    patches = DRAW.normal(size=(50, 16, 4)).astype("float32")
    whole = kept_by(patches)
    assert whole.shape == (50, 4)
    np.testing.assert_array_equal(kept_by(patches[:7]), whole[:7])
    assert (kept_by(patches, seed=4) != whole).any()


def test_of_a_video_what_moves_is_kept_and_in_evaluation_everything():
    video = np.full((200, 4, 16, 16, 3), 0.5, "float32")  # bright, but still
    video[:, :, :4, 4:8] = DRAW.uniform(-0.1, 0.1, (200, 4, 4, 4, 3))  # the second of the 16 patches
    drop = SalientDropToken(rate=0.875, floor=0.1)
    tokenizer = VoxelTokenizer(sizes=(4, 16, 16), patch=(4, 4, 4), drop_token=drop, dropout_rate=0.0)
    tokenizer.build(8)
    taken = []
    real = drop.kept_indices
    drop.kept_indices = lambda *given, **options: taken.append(real(*given, **options)) or taken[-1]
    assert tokenizer(video, training=True)[0].shape == (200, 1 + 2, 8)
    assert (np.asarray(taken[0]) == 1).any(axis=1).mean() > 0.95
    assert tokenizer(video)[0].shape == (200, 1 + 16, 8)
    assert tokenizer.patches_read is None  # a host cannot choose by the key alone


def test_in_evaluation_the_same_tokens_of_a_clip_are_kept_where_that_is_asked_for():
    patches = np.concatenate([patches_of([0, 5, 0, 0, 0, 0, 0, 9]), patches_of([7, 0, 0, 0, 0, 0, 0, 1])])
    layer = SalientDropToken(rate=0.625, floor=1e-4, in_evaluation=True)
    layer.build()
    kept = np.asarray(layer.kept_indices(patches, 2, training=False)).tolist()
    assert len(kept[0]) == 3 and {1, 7} <= {*kept[0]} and {0, 7} <= {*kept[1]}
    assert np.asarray(layer.kept_indices(patches[1:], 2, training=False)).tolist() == kept[1:]
    assert SalientDropToken(rate=0.625).kept_indices(patches, 2, training=False) is None
    assert SalientDropToken(rate=0.0, in_evaluation=True).kept_indices(patches, 2, training=False) is None
    assert kept_by(patches, rate=0.625, in_evaluation=True).shape == (2, 3)  # training draws as before


def test_attention_of_tokens_that_are_left_out_is_refused():
    model = small_vatt(video_patch=(2, 8, 8), make_drop_token=SalientDropToken)
    model.towers["video"].tokenizer.drop_token.in_evaluation = True
    video = np.zeros((2, 4, 32, 32, 3), "float32")
    assert model({"video": video})["video/tokens"].shape[1] == 16
    with pytest.raises(ValueError, match="video of 32 tokens, of which 16 are kept"):
        roll_outs(model, {"video": video})


def test_a_floor_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"`floor` must be in \(0, 1\]"):
        SalientDropToken(floor=0.0)
