"""Image ViTs: a still clip gives what transformers gives of the image; and back, bit for bit."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import vatt
from tests import goldens
from tests.goldens import GOLDEN, arrays, assert_near
from vatt import cli
from vatt.convert.loading import fill, match
from vatt.convert.report import ConversionError
from vatt.convert.restore import restore_classifier
from vatt.convert.safetensors_folder import SafetensorsFolder, write_folder
from vatt.convert.vit import convert_vit, to_vit, write_vit
from vatt.convert.vit_architecture import read_vit
from vatt.convert.vit_names import hugging_face_recipes
from vatt.convert.vit_settings import Stated
from vatt.convert.vit_tokenizer import split_loss, split_table

LAYOUTS = ("vit_hugging_face", "vit_timm")
# `vit_tiny` of the golden is no name of timm, and tells nothing.
STATED = {"vit_timm": Stated(heads=3, norm_epsilon=1e-6, activation="gelu")}
FLAGS = ["--heads", "3", "--norm_epsilon", "1e-6", "--activation", "gelu"]


def still(pictures, frames=4):
    """[B, 3, H, W] -> [B, frames, H, W, 3]."""
    return np.repeat(pictures.transpose(0, 2, 3, 1)[:, None], frames, axis=1)


def tokens_of(model, video):
    """[B, 1 + N, D], AGG first as the class token is."""
    outputs = model({"video": video})
    return np.concatenate([np.asarray(outputs["video/pooled"])[:, None], outputs["video/tokens"]], axis=1)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("patch_frames", [1, 4])
def test_a_still_clip_gives_what_the_picture_gives(layout, patch_frames):
    model, report = convert_vit(
        GOLDEN / layout, patch_frames=patch_frames, stated=STATED.get(layout, Stated())
    )
    golden = arrays("vit")
    clip = still(golden["pictures32"], patch_frames)
    # The layouts' norms differ in epsilon: 1e-12 and 1e-6.
    assert_near(tokens_of(model, clip), golden["tokens32"], 1e-4)
    assert model.video.tokenizer.grid == (32 // patch_frames, 4, 4)
    assert not report.problems() and report.coverage_percent == 100.0
    assert len(report.matched) + len(report.transformed) == len(model.weights)


def test_other_sizes_are_interpolated_as_transformers_does():
    golden = arrays("vit")
    video = still(golden["pictures48"])
    at_run_time, _ = convert_vit(GOLDEN / "vit_hugging_face")
    assert_near(tokens_of(at_run_time, video), golden["tokens48"], 1e-4)
    at_conversion, report = convert_vit(GOLDEN / "vit_hugging_face", frame_size=48)
    assert_near(tokens_of(at_conversion, video), golden["tokens48"], 1e-4)
    assert "4 × 4 -> 6 × 6 positions, torch bicubic" in " ".join(entry.note for entry in report.transformed)


def test_a_moving_clip_has_all_its_places():
    model, _ = convert_vit(GOLDEN / "vit_hugging_face", frames=8)
    video = goldens.rnd(1, (1, 8, 32, 32, 3))
    assert model({"video": video})["video/tokens"].shape == (1, 2 * 4 * 4, 24)


def test_the_command(tmp_path, capsys):
    output, report = tmp_path / "vit.keras", tmp_path / "report.json"
    arguments = ["convert", "vit", str(GOLDEN / "vit_timm"), str(output), "--report", str(report)]
    assert cli.main([*arguments, *FLAGS, "--frames", "16"]) == 0
    assert "coverage     100.00 %" in capsys.readouterr().out
    facts = json.loads(report.read_text())
    assert facts["complete"] and {entry["note"] for entry in facts["skipped"]} == {"classifier"}
    golden = arrays("vit")
    assert_near(tokens_of(vatt.load(output), still(golden["pictures32"])), golden["tokens32"], 1e-4)
    assert cli.main(["convert", "to-vit", str(output), str(tmp_path / "back")]) == 0
    back, original = SafetensorsFolder(tmp_path / "back"), SafetensorsFolder(GOLDEN / "vit_hugging_face")
    assert {name for name in original.shapes if name.startswith(("encoder", "layernorm"))} == set(back.shapes)
    for name in back.shapes:
        assert back.read(name).tobytes() == original.read(name).tobytes()


@pytest.mark.parametrize("modality", ["video", "audio"])
def test_our_encoders_there_and_back(modality, tmp_path):
    source, _ = goldens.model_and_report("tx_fac_tiny")
    write_vit(source, tmp_path, modality)
    folder, ours = SafetensorsFolder(tmp_path), getattr(source, modality).encoder
    encoder = read_vit(folder).encoder()
    encoder.build()
    report = match(recipes := hugging_face_recipes(encoder), folder.shapes, source="file", target="encoder")
    fill(report, recipes, folder.read)
    assert not report.problems()
    assert encoder.get_config() | {"dtype": 0} == ours.get_config() | {"dtype": 0}
    for before, after in zip(ours.weights, encoder.weights, strict=True):
        assert np.asarray(before).tobytes() == np.asarray(after).tobytes()


def test_an_encoder_alone_needs_leave_to_go_without_patches(tmp_path):
    source, _ = goldens.model_and_report("tx_fac_tiny")
    write_vit(source, tmp_path / "encoder")
    command = ["convert", "vit", str(tmp_path / "encoder"), str(tmp_path / "vit.keras")]
    assert cli.main(command) == 1
    assert cli.main([*command, "--allow_missing", "*/tokenizer/*"]) == 0
    ours, again = source.video.encoder, vatt.load(tmp_path / "vit.keras").video.encoder
    for before, after in zip(ours.weights, again.weights, strict=True):
        assert np.asarray(before).tobytes() == np.asarray(after).tobytes()


def test_fine_tuning_starts_from_it():
    model, _ = convert_vit(GOLDEN / "vit_hugging_face")
    classifier, report = restore_classifier(model, classes=3, modality="image")
    golden = arrays("vit")
    outputs = classifier({"image": golden["pictures32"].transpose(0, 2, 3, 1)})
    assert_near(outputs["image/pooled"], golden["tokens32"][:, 0], 1e-4)
    assert [entry.target for entry in report.missing] == [weight.path for weight in classifier.head.weights]
    larger, _ = restore_classifier(
        model, classes=3, modality="image", sizes=(1, 48, 48), interpolation="torch_bicubic"
    )
    outputs = larger({"image": golden["pictures48"].transpose(0, 2, 3, 1)})
    assert_near(outputs["image/pooled"], golden["tokens48"][:, 0], 1e-4)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(larger))
    again.set_weights(larger.get_weights())
    given = {"image": golden["pictures48"].transpose(0, 2, 3, 1)}
    assert_near(again(given)["image/pooled"], outputs["image/pooled"], 0)


def test_split_keeps_what_rows_and_columns_can_say():
    generator = np.random.default_rng(0)
    rows, columns = generator.normal(size=(3, 1, 5)), generator.normal(size=(1, 4, 5))
    table = (rows + columns).reshape(12, 5)
    kept_rows, kept_columns = split_table(table, (3, 4))
    assert_near((kept_rows[:, None] + kept_columns[None]).reshape(12, 5), table, 1e-12)
    assert split_loss(table, (3, 4)) < 1e-12
    noise = generator.normal(size=(12, 5))
    # A naive twin: least squares over the indicator matrix of rows and columns.
    indicators = np.concatenate(
        [np.kron(np.eye(3), np.ones((4, 1))), np.kron(np.ones((3, 1)), np.eye(4))], axis=1
    )
    fitted = indicators @ np.linalg.lstsq(indicators, noise, rcond=None)[0]
    kept_rows, kept_columns = split_table(noise, (3, 4))
    assert_near((kept_rows[:, None] + kept_columns[None]).reshape(12, 5), fitted, 1e-10)
    lost = np.square(noise - fitted).sum() / np.square(noise - noise.mean(axis=0)).sum()
    assert split_loss(noise, (3, 4)) == pytest.approx(lost)


def test_split_positions_make_a_factorised_model():
    model, report = convert_vit(GOLDEN / "vit_hugging_face", positions="split")
    assert [table.name for table in model.video.tokenizer.positions.tables] == [
        "time_table",
        "row_table",
        "column_table",
    ]
    notes = [entry.note for entry in report.transformed if "split" in entry.note]
    assert len(notes) == 2 and all("% of its variance lost" in note for note in notes)
    assert not report.problems()


def edited(tmp_path, layout="vit_hugging_face", *, config=None, without=(), rename=str, change=None):
    """A copy of a golden with other settings or arrays."""
    folder = SafetensorsFolder(GOLDEN / layout)
    read = {rename(name): folder.read(name) for name in folder.shapes if name not in without}
    write_folder(tmp_path / "edited", read | (change or {}), folder.config | (config or {}))
    return tmp_path / "edited"


def test_pixels_that_were_normalised_otherwise(tmp_path):
    source = edited(tmp_path)
    normalised = {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.23, 0.22, 0.25]}
    (source / "preprocessor_config.json").write_text(json.dumps(normalised))
    model, report = convert_vit(source)
    golden = arrays("vit")["pictures32"].transpose(0, 2, 3, 1)
    pixels = (golden * normalised["image_std"] + normalised["image_mean"]).astype("float32")
    video = np.repeat((2 * pixels - 1)[:, None], 4, axis=1)
    assert_near(tokens_of(model, video), arrays("vit")["tokens32"], 1e-4)
    assert not report.problems()


def test_a_classifiers_names(tmp_path):
    source = edited(
        tmp_path, rename=lambda name: f"vit.{name}", change={"classifier.bias": np.zeros(3, "float32")}
    )
    model, report = convert_vit(source)
    golden = arrays("vit")
    assert_near(tokens_of(model, still(golden["pictures32"])), golden["tokens32"], 1e-4)
    assert {entry.note for entry in report.skipped} == {"pooler", "classifier"} and not report.problems()


def test_nothing_is_left_out_in_silence(tmp_path, capsys):
    extra = {"blocks.0.ls1.gamma": np.ones(24, "float32")}
    source = edited(tmp_path, "vit_timm", without=("norm.bias",), change=extra)
    command = ["convert", "vit", str(source), str(tmp_path / "vit.keras"), *FLAGS]
    assert cli.main(command) == 1
    out = capsys.readouterr().out
    assert "missing: norm.bias" in out and "unused: blocks.0.ls1.gamma" in out
    assert not (tmp_path / "vit.keras").exists()
    allowed = ["--allow_missing", "*/final_norm/beta", "--allow_unused", "blocks.0.ls1.gamma"]
    assert cli.main([*command, *allowed]) == 0


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "clip"}, "must be an image ViT.*clip"),
        ({"hidden_act": "relu"}, "`activation` must be 'gelu'"),
        ({"qkv_bias": False}, "qkv_bias=True"),
        ({"num_attention_heads": 5}, "must divide"),
        ({"num_attention_heads": None}, "Give --heads"),
        ({"num_attention_heads": True}, "`heads` must be a whole number"),
        ({"hidden_act": "quick_gelu"}, "`activation` must be 'gelu'"),
        ({"layer_norm_eps": "small"}, "`norm_epsilon` must be a number"),
        ({"layer_norm_eps": "1e-6"}, "`norm_epsilon` must be a number"),
        ({"patch_size": [8, 8, 8]}, "`patch_size` in config.json must be"),
        ({"hidden_size": "wide"}, "`hidden_size`"),
    ],
)
def test_other_architectures_are_refused(tmp_path, config, words):
    with pytest.raises(ConversionError, match=words):
        convert_vit(edited(tmp_path, config=config))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"num_hidden_layers": 3}, "num_hidden_layers=3 in config.json, 2 blocks in the arrays"),
        ({"num_hidden_layers": 10**7}, "num_hidden_layers=10000000 in config.json, 2 blocks"),
        ({"hidden_size": 400_000}, "hidden_size=400000 in config.json.* an axis of"),
        ({"intermediate_size": 41}, "intermediate_size=41 in config.json"),
        ({"patch_size": 16}, "patch_size=16 in config.json"),
        ({"image_size": 64}, "positions=65 in config.json"),
        ({"image_size": 10**9}, "in config.json"),
        ({"image_size": 4}, "of images of fewer"),
    ],
)
def test_a_configuration_that_contradicts_the_arrays_is_refused_and_both_are_named(tmp_path, config, words):
    with pytest.raises(ValueError, match=words):
        convert_vit(edited(tmp_path, config=config))


def test_what_a_configuration_leaves_out_is_reported(tmp_path):
    source = edited(tmp_path)
    config = json.loads((source / "config.json").read_text())
    kept = {name: value for name, value in config.items() if name not in ("hidden_act", "layer_norm_eps")}
    (source / "config.json").write_text(json.dumps(kept))
    _, report = convert_vit(source)
    assert [each.split(":")[0] for each in report.assumed] == [
        "norm_epsilon 1e-12",
        "activation gelu",
        "image_mean 0.5,0.5,0.5",
        "image_std 0.5,0.5,0.5",
    ]
    model, report = convert_vit(source, stated=Stated(norm_epsilon=1e-3, image_std=(0.25, 0.25, 0.25)))
    assert len(report.assumed) == 2 and model.video.encoder.form.norm_epsilon == 1e-3
    with pytest.raises(ConversionError, match="--heads 4, 3 in config.json"):
        convert_vit(source, stated=Stated(heads=4))


def timm_folder(config, *, width, depth, patch):
    """A folder of timm's layout as it is read: shapes without weights, which would take gigabytes."""
    folder = object.__new__(SafetensorsFolder)
    folder.path, folder.config = Path("vit"), config
    folder.shapes = {
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "pos_embed": (1, 1 + (224 // patch) ** 2, width),
    }
    for block in range(depth):
        folder.shapes |= {
            f"blocks.{block}.attn.qkv.weight": (3 * width, width),
            f"blocks.{block}.mlp.fc1.weight": (4 * width, width),
        }
    return folder


@pytest.mark.parametrize(
    ("name", "sizes", "heads", "epsilon"),
    [
        ("vit_huge_patch14_224", (1280, 32, 14), 16, 1e-6),
        ("vit_huge_patch14_224.orig_in21k", (1280, 32, 14), 16, 1e-6),
        ("vit_huge_patch14_clip_224.laion2b", (1280, 32, 14), 16, 1e-5),
        ("vit_giant_patch14_224", (1408, 40, 14), 16, 1e-6),
        ("vit_gigantic_patch14_224", (1664, 48, 14), 16, 1e-6),
        ("vit_large_patch16_224.augreg_in21k", (1024, 24, 16), 16, 1e-6),
        ("deit_tiny_patch16_224.fb_in1k", (192, 12, 16), 3, 1e-6),
    ],
)
def test_an_architecture_that_is_named_has_its_own_heads(name, sizes, heads, epsilon):
    width, depth, patch = sizes
    vit = read_vit(timm_folder({"architecture": name}, width=width, depth=depth, patch=patch))
    assert (vit.size.heads, vit.size.head_width) == (heads, width // heads)
    assert vit.norm_epsilon == epsilon and vit.size.depth == depth
    # Its default configuration tells the pixels, and the report says so.
    assert len(vit.assumed) == 2 and all(name in each for each in vit.assumed)


HUGE = {"width": 1280, "depth": 32, "patch": 14}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "no `architecture`. Give --heads … --norm_epsilon … --activation … --image_mean … --image_std"),
        ({"architecture": "vit_7b_patch16_dinov3"}, "'vit_7b_patch16_dinov3', which is not known"),
        ({"architecture": "vit_huge_patch14_clip_quickgelu_224"}, "--activation"),
        ({"architecture": "vit_large_patch14_224"}, "width 1024 by .*vit_large.* width 1280 in the arrays"),
        ({"architecture": "vit_huge_patch16_224"}, "patch 16 by .* patch 14 in the arrays"),
        ({"architecture": "vit_huge_patch14_224", "model_args": {"depth": 3}}, "depth 3 by .* depth 32"),
        ({"architecture": "vit_huge_patch14_224", "global_pool": "avg"}, "pool by its class token"),
        ({"architecture": "vit_huge_patch14_224", "model_args": {"act_layer": "silu"}}, "`activation` must"),
        ({"architecture": "vit_huge_patch14_224", "model_args": {"norm_layer": "x"}}, "Give --norm_epsilon"),
        ({"architecture": "vit_huge_patch14_224", "pretrained_cfg": [1]}, "`pretrained_cfg`.* an object"),
        ({"architecture": "vit_huge_patch14_224", "model_args": {"block_fn": "ResPostBlock"}}, "block_fn"),
        ({"architecture": "vit_huge_patch14_224", "model_args": {"img_size": 384}}, "257 positions in the"),
        ({"architecture": "vit_huge_patch14_224", "pretrained_cfg": {"mean": "555"}}, "must be 3 numbers"),
    ],
)
def test_what_timms_shapes_do_not_tell_is_asked_for(config, words):
    with pytest.raises(ConversionError, match=words):
        read_vit(timm_folder(config, **HUGE))


def test_settings_of_a_model_of_timm_come_before_those_of_its_name():
    config = {"architecture": "vit_huge_patch14_224", "model_args": {"num_heads": 20}}
    assert read_vit(timm_folder(config, **HUGE)).size.heads == 20
    with pytest.raises(ConversionError, match="--heads 16, 20 in `model_args`"):
        read_vit(timm_folder(config, **HUGE), Stated(heads=16))


@pytest.mark.parametrize(
    ("config", "grid"),
    [
        ({}, (16, 16)),
        ({"model_args": {"img_size": [112, 448]}}, (8, 32)),
        ({"pretrained_cfg": {"input_size": [3, 448, 112]}}, (32, 8)),
        ({"model_args": {"img_size": 224}, "pretrained_cfg": {"input_size": [3, 448, 112]}}, (16, 16)),
        ({"pretrained_cfg": {"input_size": [3, 384, 384]}}, (16, 16)),  # of what it was pre-trained on
    ],
)
def test_as_many_places_as_a_square_has_may_be_no_square(config, grid):
    vit = read_vit(timm_folder({"architecture": "vit_huge_patch14_224", **config}, **HUGE))
    assert vit.grid == grid


def test_blocks_with_gaps_and_arrays_without_numbers_are_refused(tmp_path):
    far = {"blocks.1000000000.norm1.bias": np.zeros(24, "float32")}
    with pytest.raises(ConversionError, match="without gaps"):
        convert_vit(edited(tmp_path, "vit_timm", change=far), stated=STATED["vit_timm"])
    hollow = {"extra": np.zeros((10**9, 0), "float32")}
    with pytest.raises(ConversionError, match="Weights must have numbers"):
        convert_vit(edited(tmp_path, change=hollow))


def test_refusals_end_with_status_two(tmp_path, capsys):
    output = str(tmp_path / "vit.keras")

    def refusal(*arguments):
        assert cli.main(["convert", *map(str, arguments)]) == 2
        return capsys.readouterr().err

    asked = refusal("vit", GOLDEN / "vit_timm", output)
    assert "Give --heads … --norm_epsilon … --activation …" in asked and "architecture='vit_tiny'" in asked
    registers = edited(
        tmp_path, "vit_timm", without=("pos_embed",), change={"pos_embed": np.zeros((1, 19, 24), "float32")}
    )
    assert "Received: 19 positions" in refusal("vit", registers, output, *FLAGS)
    assert "`frames` must be positive" in refusal("vit", GOLDEN / LAYOUTS[0], output, "--frames", 0)
    assert "must be an image ViT" in refusal("vit", GOLDEN / "t5_relu", output)
    shutil.copytree(GOLDEN / LAYOUTS[0], tmp_path / "cut")
    file = tmp_path / "cut" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert "must be whole" in refusal("vit", tmp_path / "cut", output)


def test_encoders_without_a_place_in_a_vit(tmp_path):
    source, _ = goldens.model_and_report("tx_fac_tiny")
    with pytest.raises(ConversionError, match="attention_norm=layer"):
        to_vit(source.text.encoder)
    with pytest.raises(ConversionError, match="tower for 'audio'"):
        write_vit(convert_vit(GOLDEN / "vit_hugging_face")[0], tmp_path, "audio")


def test_live(tmp_path):
    """Against transformers as installed, on fresh weights."""
    pytest.importorskip("torch", reason="the live comparison needs torch (goldens cover the rest)")
    pytest.importorskip(
        "transformers", reason="the live comparison needs transformers (goldens cover the rest)"
    )
    from tests.golden import make_vit_goldens as maker

    maker.tiny().save_pretrained(tmp_path)
    model, _ = convert_vit(tmp_path)
    pictures = maker.pictures(40)
    assert_near(tokens_of(model, still(pictures)), maker.encode(tmp_path, pictures), 1e-4)
