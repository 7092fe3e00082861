"""The patch map's options: log energies and linear features, a start from cosines; against naive twins."""

import keras
import numpy as np
import pytest
from keras import ops

from tests.goldens import assert_near
from vatt.layers.cosine_basis import CosineBasis
from vatt.layers.fourier_basis import FourierBasis
from vatt.layers.patches import PatchEmbedding
from vatt.layers.waveform_tokenizer import WaveformTokenizer
from vatt.plan.layers import signal_tokenizer_costs

RANDOM = np.random.default_rng(3)


def embedding(**options):
    layer = PatchEmbedding(patch=(8,), channels=1, width=6, **options)
    layer.build()
    layer.bias.assign(RANDOM.normal(size=6))
    return layer


def test_energies_are_those_of_pairs_of_linear_maps():
    layer = embedding(energies=4)
    patches = RANDOM.normal(size=(2, 3, 8))
    kernel, bias = (np.asarray(ops.convert_to_numpy(each), "float64") for each in (layer.kernel, layer.bias))
    expected = np.zeros((2, 3, 6))
    for row, cell in np.ndindex(2, 3):
        for feature in range(6):
            value = sum(patches[row, cell, i] * kernel[i, 0, feature] for i in range(8))
            if feature >= 2:
                other = sum(patches[row, cell, i] * kernel[i, 0, feature + 4] for i in range(8))
                value = 0.1 * np.log(1e-5 + value**2 + other**2)
            expected[row, cell, feature] = value + bias[feature]
    assert_near(layer(patches.astype("float32")), expected, 1e-5)


def test_a_quadrature_pair_gives_the_same_energy_at_every_phase():
    layer = embedding(energies=1)
    kernel = np.zeros((8, 1, 7), "float32")
    angle = 2 * np.pi * np.arange(8) / 8
    kernel[:, 0, 5], kernel[:, 0, 6] = np.cos(angle), np.sin(angle)
    layer.kernel.assign(kernel)
    tones = np.stack([np.cos(angle + phase) for phase in (0.0, 0.4, 1.3, 3.0)]).astype("float32")
    energies = ops.convert_to_numpy(layer(tones))[:, 5] - ops.convert_to_numpy(layer.bias)[5]
    assert_near(energies, np.full(4, 0.1 * np.log(16.0)), 1e-5)
    assert np.isfinite(ops.convert_to_numpy(layer(np.zeros((1, 8), "float32")))).all()


def test_energies_beyond_the_width_are_refused():
    with pytest.raises(ValueError, match=r"in \[0, 6\].*energies=7"):
        embedding(energies=7)


def test_the_tokenizer_shares_its_features_and_the_plan_counts_them():
    plain, half = (WaveformTokenizer(sizes=(20,), patch=4, energy_share=share) for share in (0.0, 0.5))
    for each in (plain, half):
        each.build(8)
    assert tuple(half.patches.kernel.shape) == (4, 1, 12)
    (row, _), (base, _) = (signal_tokenizer_costs(each, (20,), 5) for each in (half, plain))
    assert row.products == base.products * 12 // 8


def test_cosines_are_orthogonal_functions_of_growing_frequency():
    patch, width = (2, 4, 4), 40
    kernel = ops.convert_to_numpy(CosineBasis(power=1.0, gain=2.0)((*patch, 3, width)))
    columns = kernel.reshape(-1, width)
    gram = columns.T @ columns
    norms = np.sqrt(np.diag(gram))
    assert_near(gram, np.diag(norms**2), 1e-5)
    assert_near(np.sqrt(np.mean(norms**2)), 2.0, 1e-6)
    assert (np.diff(norms) > -1e-5).all()
    # Luma and two chromas of the constant function, then the lowest slopes.
    assert_near(norms[:4] / norms[0], [1, 1, 1, 2], 1e-6)
    grey = np.ones((*patch, 3)).ravel() @ columns
    assert abs(grey[0]) > 1
    assert_near(grey[1:], np.zeros(width - 1), 1e-5)


def test_cosines_match_their_formula():
    patch = (3, 5)
    kernel = ops.convert_to_numpy(CosineBasis(power=0.0)((*patch, 1, 15)))[:, :, 0]
    found = {tuple(np.round(kernel[..., i].ravel(), 5)) for i in range(15)}
    for u, v in np.ndindex(patch):
        function = np.zeros(patch)
        for y, x in np.ndindex(patch):
            function[y, x] = np.cos(np.pi * u * (y + 0.5) / 3) * np.cos(np.pi * v * (x + 0.5) / 5)
        function /= np.linalg.norm(function)
        assert any(np.allclose(function.ravel(), each, atol=2e-5) for each in found)
    wider = ops.convert_to_numpy(CosineBasis()((*patch, 1, 20)))
    assert not wider[..., 15:].any() and wider[..., :15].any(axis=(0, 1, 2)).all()


def test_cosines_are_restored_from_their_configuration():
    basis = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(CosineBasis(power=1.0, gain=3.0))
    )
    assert (basis.power, basis.gain) == (1.0, 3.0)


def test_energies_that_start_from_fourier_s_functions_tell_frequencies_and_not_phases():
    samples, width = 64, 16
    patches = PatchEmbedding(
        patch=(samples,), channels=1, width=width, energies=8, initializer=FourierBasis(energy_share=0.5)
    )
    patches.build()
    times = np.arange(samples)
    heard = []
    for pair in range(8):  # tones at the frequency of each pair, in two phases
        cycles = (pair + 1) / 18
        tones = np.stack([np.sin(2 * np.pi * cycles * times + phase) for phase in (0.3, 1.7)])
        energies = ops.convert_to_numpy(patches(tones.astype(np.float32)))[:, 8:]
        assert (energies.argmax(axis=1) == pair).all()
        assert_near(energies[0, pair], energies[1, pair], 0.01)
        heard.append(energies[0])
    assert np.std(heard, axis=0).min() > 0.1
    assert_near(np.linalg.norm(ops.convert_to_numpy(patches.kernel)[:, 0, 8:], axis=0), np.ones(16), 1e-5)


def test_fourier_s_functions_are_for_the_energies_of_waveforms():
    with pytest.raises(ValueError, match="one channel"):
        FourierBasis()((4, 3, 12))
    with pytest.raises(ValueError, match="energy_share"):
        FourierBasis(energy_share=0.0)
    kernel = ops.convert_to_numpy(FourierBasis(energy_share=1.0)((16, 1, 20)))
    assert kernel.shape == (16, 1, 20) and np.isfinite(kernel).all()  # ten pairs, no linear feature
    basis = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(FourierBasis(energy_share=0.25))
    )
    assert basis.energy_share == 0.25
