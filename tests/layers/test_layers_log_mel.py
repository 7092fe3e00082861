"""Log-mel spectrograms: the release's numbers, other rates and lengths, silence, models that make them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.goldens import arrays, assert_near, rnd
from tests.small_models import small_classifier, small_vatt
from vatt.layers.log_mel import LogMel, mel_triangles
from vatt.spec import ClipSpec

# The golden's second setting: frames of 512 samples, a step of 256.
SMALL = {"frame_seconds": 512 / 48_000, "step_seconds": 256 / 48_000, "bins": 16}


@pytest.mark.parametrize(("name", "options"), [("default2048", {}), ("small", SMALL)])
def test_it_is_the_releases(name, options):
    golden = arrays("log_mel")
    wave = golden["wave"][None]
    assert_near(LogMel(normalise=False, **options)(wave)[0], golden[f"{name}/logmel"], 1e-4)
    assert_near(LogMel(**options)(wave)[0], golden[f"{name}/normalized"][..., 0], 1e-4)


def test_the_papers_clip_has_150_frames_of_80_bins():
    clip, layer = ClipSpec(), LogMel()
    assert (layer.frame_samples, layer.step_samples) == (2048, 1024)
    assert layer.sizes(clip.samples) == (150, 80)
    assert layer(np.zeros((1, clip.samples), "float32")).shape == (1, 150, 80)
    assert layer.compute_output_shape((1, clip.samples)) == (1, 150, 80)


@pytest.mark.parametrize("samples", [1, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_any_length_has_a_frame_for_every_step(samples, rate):
    layer = LogMel(sample_rate_hz=rate, bins=40)
    wave = rnd(0, (2, samples))
    got = layer(wave)
    assert got.shape == (2, *layer.sizes(samples))
    padded = tf.signal.stft(wave, layer.frame_samples, layer.step_samples, pad_end=True)
    assert got.shape[1] == padded.shape[1]


def test_each_example_is_normalised_alone():
    waves = rnd(1, (3, 4096)) * np.array([[1.0], [0.1], [0.001]], "float32")
    together = LogMel()(waves)
    assert_near(np.min(together, axis=(1, 2)), np.zeros(3), 0)
    assert_near(np.max(together, axis=(1, 2)), np.ones(3), 0)
    assert_near(together[1], LogMel()(waves[1:2])[0], 1e-5)


def test_silence_is_zeros_and_its_gradient_is_finite():
    wave = tf.zeros((1, 3000))
    with tf.GradientTape() as tape:
        tape.watch(wave)
        values = LogMel()(wave)
    assert_near(values, np.zeros((1, 3, 80)), 0)
    assert np.isfinite(tape.gradient(values, wave)).all()


def test_a_tone_is_in_the_bin_of_its_frequency():
    layer = LogMel(normalise=False)
    for hertz in (300.0, 1000.0, 5000.0):
        wave = np.sin(2 * np.pi * hertz * np.arange(8192) / 48_000).astype("float32")
        loudest = int(np.argmax(layer(wave[None])[0, 1]))
        weights = mel_triangles(np.array([0.0, hertz]), bins=80, lowest_hz=80.0, highest_hz=7600.0)
        assert abs(loudest - int(np.argmax(weights[1]))) <= 1


def test_compiled_and_in_low_precision():
    wave = rnd(2, (2, 4096))
    exact = LogMel()(wave)
    compiled = tf.function(LogMel(), jit_compile=True)
    assert_near(compiled(wave), exact, 1e-5)
    # Only the result is rounded: eight bits of mantissa on values up to 1.
    assert_near(tf.cast(LogMel(dtype="mixed_bfloat16")(wave), "float32"), exact, 2.0**-8)
    assert_near(LogMel()(wave[..., None]), exact, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sample_rate_hz": 8000}, "Lower `highest_hz`"),
        ({"lowest_hz": 900.0, "highest_hz": 800.0}, "must be below `highest_hz`"),
        ({"frame_seconds": 1e-6}, "at least one sample"),
        ({"frame_seconds": 0.005}, "Take fewer bins, or longer frames"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        LogMel(**options)


CLIP = ClipSpec(frames=4, frame_size=32, sample_rate_hz=48_000)
MODELS = {
    "specific": lambda: small_vatt(clip=CLIP, log_mel=LogMel()),
    "agnostic": lambda: small_vatt(agnostic=True, clip=CLIP, log_mel=LogMel()),
    "classifier": lambda: small_classifier(modality="audio", clip=CLIP, log_mel=LogMel()),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_makes_its_own_spectrogram(name, tmp_path):
    model = MODELS[name]()
    wave = rnd(3, (2, CLIP.samples))
    outputs = model({"audio": wave})
    # 19 frames of 80 bins in patches of 16 × 5.
    assert outputs["audio/tokens"].shape == (2, 2 * 16, 8)
    tower = model.towers["audio"]
    patches = tower.tokenizer.patches.cut(LogMel()(wave)[..., None])
    assert_near(tower.tokenizer.patches.cut(tower.tokenizer.prepare(wave)), patches, 1e-6)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert_near(again({"audio": wave})["audio/pooled"], outputs["audio/pooled"], 0)


@pytest.mark.parametrize("name", MODELS)
def test_the_waveform_reaches_it_in_full_precision(name, monkeypatch):
    seen = []
    monkeypatch.setattr(
        LogMel,
        "call",
        lambda self, wave: seen.append(wave.dtype) or tf.zeros((2, 19, 80), self.compute_dtype),
    )
    keras.config.set_dtype_policy("mixed_bfloat16")
    MODELS[name]()({"audio": tf.constant(rnd(3, (2, CLIP.samples)))})
    assert seen == [tf.float32]
