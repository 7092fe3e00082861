"""Released checkpoints: all names consumed, both ways, and clear words for what is no such checkpoint."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

import vatt
from tests import goldens
from tests.goldens import GOLDEN, assert_near
from tests.small_models import small_classifier, small_vatt
from vatt import cli
from vatt.convert.checkpoint import LEAF, SLOT, Checkpoint, find_prefix
from vatt.convert.released import load_released, match_released, to_released, write_released
from vatt.convert.released_architecture import released_model
from vatt.convert.report import ConversionError
from vatt.layers.architecture import SIZES
from vatt.models.vatt import VATT

CHECKPOINTS = ("tx_fac_tiny", "ut_fac_tiny", "wat_finetune_tiny")


def manifest_shapes(name):
    keys = goldens.facts(f"manifest/{name}")["keys"]
    return {
        key.removesuffix(LEAF): tuple(fact["shape"])
        for key, fact in keys.items()
        if key.startswith("model/") and SLOT not in key
    }


@pytest.mark.parametrize("name", goldens.MANIFESTS)
def test_every_name_of_every_manifest(name, without_weights):
    shapes = manifest_shapes(name)
    report = match_released(released_model(shapes), shapes, source=name)
    assert not report.missing and not report.unused and not report.transformed
    assert len(report.matched) == len(shapes)
    assert report.coverage_percent == 100.0


def test_the_architecture_is_read_off_the_shapes(without_weights):
    model = released_model(manifest_shapes("tx_fac_lbs"))
    assert [tower.encoder.size for tower in model.towers.values()] == [
        SIZES[name] for name in ("large", "base", "small")
    ]
    assert (model.video.tokenizer.grid, model.audio.tokenizer.grid) == ((8, 14, 14), (1200,))
    assert (model.spaces.video_audio_width, model.spaces.video_text_width) == (512, 256)
    model = released_model(manifest_shapes("ut_fac_medium"))
    assert model.shares_encoder and model.video.encoder.size == SIZES["medium"]
    assert (model.text.tokenizer.sizes, model.video.projection_width) == ((16,), 1024)
    model = released_model(manifest_shapes("spt_base"))
    tokenizer = model.tower.tokenizer
    assert (model.modality, tokenizer.grid, model.tower.encoder.form.use_bias) == (
        "spectrogram",
        (9, 16),
        False,
    )
    assert (tokenizer.patch, tokenizer.positions.order, model.classes) == ((16, 5), "column_major", 527)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_back_to_the_release_bit_for_bit(name, tmp_path):
    model, report = goldens.model_and_report(name)
    checkpoint = Checkpoint(GOLDEN / name)
    ours = to_released(model)
    assert set(ours) == set(checkpoint.shapes)
    write_released(model, tmp_path / "back" / "ckpt-1")
    again = Checkpoint(tmp_path / "back")
    assert again.shapes == checkpoint.shapes
    for key, array in ours.items():
        assert array.dtype == np.float32
        assert array.tobytes() == checkpoint.read(key).tobytes() == again.read(key).tobytes()
    kinds = {entry.note for entry in report.skipped}
    assert {"optimizer slot", "counter", "object graph"} == kinds
    assert len(report.matched) + len(report.skipped) == len(tf.train.list_variables(str(GOLDEN / name)))


def test_a_written_checkpoint_restores_by_object(tmp_path):
    model, _ = goldens.model_and_report("wat_finetune_tiny")
    write_released(model, tmp_path / "ckpt-1")
    bias = tf.Variable(tf.zeros(5))
    root = tf.train.Checkpoint(**{"layer_with_weights-0": tf.train.Checkpoint(_ops=tf.train.Checkpoint())})
    root._lookup_dependency("layer_with_weights-0")._ops.cls = tf.train.Checkpoint(bias=bias)
    tf.train.Checkpoint(model=root).read(str(tmp_path / "ckpt-1")).expect_partial()
    assert_near(bias, model.head.bias, 0)


def test_fine_tuned_logits():
    model, _ = goldens.model_and_report("wat_finetune_tiny")
    golden = goldens.arrays("wat_finetune_tiny")
    assert_near(model({"audio": golden["in/audio"]})["logits"], golden["out/logits"], 2e-5)


def test_the_command(tmp_path, capsys):
    output, report = tmp_path / "model.keras", tmp_path / "report.json"
    arguments = ["convert", "released", str(GOLDEN / "ut_fac_tiny"), str(output), "--head_width", "8"]
    assert cli.main([*arguments, "--report", str(report)]) == 0
    assert "coverage     100.00 %" in capsys.readouterr().out
    facts = json.loads(report.read_text())
    assert facts["complete"] and facts["coverage_percent"] == 100.0
    assert len(facts["matched"]) == 84 and not facts["missing"] and not facts["unused"]
    model = vatt.load(output)
    wanted, _ = goldens.model_and_report("ut_fac_tiny")
    given = goldens.inputs("ut_fac_tiny")
    outputs, expected = model(given), wanted(given)
    assert set(outputs) == set(expected)
    for key in expected:
        assert_near(outputs[key], expected[key], 0)
    assert cli.main(["convert", "to-released", str(output), str(tmp_path / "ckpt-3")]) == 0
    assert find_prefix(tmp_path) == str(tmp_path / "ckpt-3")


def edited_checkpoint(folder, *, without=(), extra=None):
    """The tiny fine-tuning checkpoint without some names and with others."""
    from vatt.convert.checkpoint import write_checkpoint

    checkpoint = Checkpoint(GOLDEN / "wat_finetune_tiny")
    variables = {name: checkpoint.read(name) for name in checkpoint.shapes if name not in without}
    write_checkpoint(variables | (extra or {}), folder / "ckpt-1")
    return folder / "ckpt-1"


def convert(tmp_path, checkpoint, *options):
    output = tmp_path / "out" / "model.keras"
    status = cli.main(["convert", "released", str(checkpoint), str(output), "--head_width", "8", *options])
    return status, output


def test_a_missing_name_stops_the_conversion_unless_it_is_allowed(tmp_path, capsys):
    gone = "model/layer_with_weights-0/_base/tx/layers/1/mha/v/bias"
    checkpoint = edited_checkpoint(tmp_path, without=[gone])
    status, output = convert(tmp_path, checkpoint, "--report", str(tmp_path / "report.json"))
    assert status == 1 and not output.exists()
    captured = capsys.readouterr()
    assert gone in captured.out and "--allow_missing" in captured.err
    facts = json.loads((tmp_path / "report.json").read_text())
    assert [entry["source"] for entry in facts["missing"]] == [gone] and facts["coverage_percent"] < 100
    status, output = convert(tmp_path, checkpoint, "--allow_missing", "*/block_1/attention/value/*")
    assert status == 0 and output.exists()


def test_an_unused_name_stops_the_conversion_unless_it_is_allowed(tmp_path, capsys):
    extra = {"model/layer_with_weights-0/_base/mask_embedding": np.zeros(32, "float32")}
    checkpoint = edited_checkpoint(tmp_path, extra=extra)
    assert convert(tmp_path, checkpoint)[0] == 1
    assert "mask_embedding" in capsys.readouterr().out
    assert convert(tmp_path, checkpoint, "--allow_unused", "*/mask_embedding")[0] == 0


def test_another_shape_is_missing_here_and_unused_there(tmp_path):
    name = "model/layer_with_weights-0/_base/tx/layers/1/mha/v/bias"
    checkpoint = edited_checkpoint(tmp_path, without=[name], extra={name: np.zeros(7, "float32")})
    with pytest.raises(ConversionError, match="1 missing, 1 unused"):
        load_released(checkpoint, head_width=8)


def refused(capsys, tmp_path, checkpoint, *options):
    status, output = convert(tmp_path, checkpoint, *options)
    assert status == 2 and not output.exists()
    return capsys.readouterr().err


def test_a_cut_data_file(tmp_path, capsys):
    for file in (GOLDEN / "ut_fac_tiny").iterdir():
        shutil.copy(file, tmp_path)
    data = tmp_path / "ckpt-7.data-00000-of-00001"
    whole = data.read_bytes()
    for part in (0.2, 0.5, 0.999):  # the weights come first: at 0.5 optimizer slots alone are lost
        data.write_bytes(whole[: int(part * len(whole))])
        assert "index and data files must be whole" in refused(capsys, tmp_path, tmp_path)
    middle = len(whole) // 4
    data.write_bytes(whole[:middle] + b"changed!" + whole[middle + 8 :])
    assert "index and data files must be whole" in refused(capsys, tmp_path, tmp_path)
    data.unlink()
    assert "index and data files must be whole" in refused(capsys, tmp_path, tmp_path / "ckpt-7.index")


def test_a_cut_index(tmp_path, capsys):
    for file in (GOLDEN / "ut_fac_tiny").iterdir():
        shutil.copy(file, tmp_path)
    index = tmp_path / "ckpt-7.index"
    index.write_bytes(index.read_bytes()[:1000])
    assert "index and data files must be whole" in refused(capsys, tmp_path, tmp_path / "ckpt-7")


def test_no_checkpoint_there(tmp_path, capsys):
    assert "must be given as its prefix" in refused(capsys, tmp_path, tmp_path / "ckpt-9")
    assert "contains: ckpt-7" in refused(capsys, tmp_path, GOLDEN / "ut_fac_tiny" / "ckpt-9")
    assert "with checkpoints: none" in refused(capsys, tmp_path, tmp_path)


def test_a_width_of_heads_that_does_not_fit(tmp_path, capsys):
    output = str(tmp_path / "model.keras")
    wrong = ["--head_width", "64"]
    assert cli.main(["convert", "released", str(GOLDEN / "tx_fac_tiny"), output, *wrong]) == 2
    assert "give --head_width 8" in capsys.readouterr().err
    # No shape of the modality-agnostic model tells it, and the release has no such size.
    assert cli.main(["convert", "released", str(GOLDEN / "ut_fac_tiny"), output]) == 2
    assert "Give --head_width N" in capsys.readouterr().err
    assert cli.main(["convert", "released", str(GOLDEN / "ut_fac_tiny"), output, "--head_width", "7"]) == 2
    assert "must divide" in capsys.readouterr().err


def test_heads_that_are_taken_over_from_the_text_model_are_reported(tmp_path, capsys):
    output = str(tmp_path / "model.keras")
    assert cli.main(["convert", "released", str(GOLDEN / "tx_fac_tiny"), output]) == 0
    assert "assumed: heads of 8 features in video and audio" in capsys.readouterr().out


def test_a_layer_of_a_huge_number_is_refused():
    shapes = manifest_shapes("ut_fac_medium")
    far = {name.replace("/layers/0/", "/layers/1000000000/"): shape for name, shape in shapes.items()}
    with pytest.raises(ConversionError, match="without gaps"):
        released_model(shapes | far)


def test_an_output_that_is_no_keras_file(tmp_path, capsys):
    assert cli.main(["convert", "released", str(GOLDEN / "ut_fac_tiny"), str(tmp_path / "model.h5")]) == 2
    assert "must end in .keras" in capsys.readouterr().err


def test_a_checkpoint_of_another_program():
    with pytest.raises(ConversionError, match="A released VATT checkpoint holds one of"):
        released_model({"model/encoder/kernel": (3, 3)})


def test_a_model_without_a_place_in_the_release():
    with pytest.raises(ConversionError, match="the video tower's FactorisedPositions have normalise=False"):
        to_released(small_classifier(normalise=False))
    with pytest.raises(ConversionError, match="WordTokenizer has table_width=None instead of 300"):
        to_released(small_vatt(form="released"))
    with pytest.raises(ConversionError, match="CommonSpaces are not of form='released'"):
        to_released(small_vatt(table_width=300))
    with pytest.raises(ConversionError, match="the model has no tower for audio, text"):
        to_released(VATT(video=small_vatt().video))
