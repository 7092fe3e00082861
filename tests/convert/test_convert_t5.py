"""T5 encoders: equal to transformers', every array accounted for, and clear words for what is no T5."""

import json
import shutil

import ml_dtypes
import numpy as np
import pytest

import vatt
from tests.goldens import GOLDEN, arrays, assert_near
from vatt import cli
from vatt.convert.report import ConversionError
from vatt.convert.safetensors_folder import SafetensorsFolder, write_folder
from vatt.convert.t5 import convert_t5
from vatt.models.bounds import TooLargeError

FORMS = ("t5_relu", "t5_gated")


def tokens_of(model, ids):
    return np.asarray(model({"text": ids.astype("int32")})["text/tokens"])


@pytest.mark.parametrize("name", FORMS)
def test_tokens_are_those_of_transformers(name):
    model, report = convert_t5(GOLDEN / name)
    golden = arrays(name)
    assert_near(tokens_of(model, golden["ids"]), golden["tokens"], 1e-4)
    assert not report.problems() and report.coverage_percent == 100.0
    assert len(report.matched) + len(report.transformed) == len(model.weights)
    assert {entry.note for entry in report.transformed} == {"transposed"}
    assert {entry.note for entry in report.skipped} == {"decoder"}
    folder = SafetensorsFolder(GOLDEN / name)
    accounted = {entry.source for entry in report.matched + report.transformed + report.skipped}
    assert accounted == set(folder.shapes)


def test_pooled_is_the_mean_over_words():
    model, _ = convert_t5(GOLDEN / "t5_relu")
    golden = arrays("t5_relu")
    outputs = model({"text": golden["ids"].astype("int32")})
    wanted = [tokens[ids > 0].mean(axis=0) for tokens, ids in zip(golden["tokens"], golden["ids"])]
    assert_near(outputs["text/pooled"], np.stack(wanted), 1e-4)


def edited(tmp_path, name="t5_relu", *, config=None, rename=None, change=None):
    """A copy of a golden with other settings or arrays."""
    folder = SafetensorsFolder(GOLDEN / name)
    read = {(rename or {}).get(key, key): folder.read(key) for key in folder.shapes}
    write_folder(tmp_path / "edited", read | (change or {}), folder.config | (config or {}))
    return tmp_path / "edited"


def test_the_encoders_own_word_table_comes_first(tmp_path):
    folder = SafetensorsFolder(GOLDEN / "t5_relu")
    own = folder.read("shared.weight") + 1
    model, report = convert_t5(edited(tmp_path, change={"encoder.embed_tokens.weight": own}))
    assert_near(model.text.tokenizer.table.embeddings, own, 0)
    assert "shared.weight" in {entry.source for entry in report.skipped} and not report.problems()


def test_an_encoder_alone_under_its_own_name(tmp_path):
    source = edited(tmp_path, rename={"shared.weight": "encoder.embed_tokens.weight"})
    model, report = convert_t5(source)
    assert_near(tokens_of(model, arrays("t5_relu")["ids"]), arrays("t5_relu")["tokens"], 1e-4)
    assert not report.problems()


def test_shards(tmp_path):
    folder = SafetensorsFolder(GOLDEN / "t5_relu")
    files = {}
    for number, name in enumerate(sorted(folder.shapes)):
        files.setdefault(f"part-{number % 2}", {})[name] = folder.read(name)
    for file, content in files.items():
        write_folder(tmp_path / file, content, {})
        shutil.move(tmp_path / file / "model.safetensors", tmp_path / f"{file}.safetensors")
    weight_map = {name: f"{file}.safetensors" for file, content in files.items() for name in content}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    shutil.copy(GOLDEN / "t5_relu" / "config.json", tmp_path)
    assert SafetensorsFolder(tmp_path).shapes == folder.shapes
    (tmp_path / "part-1.safetensors").unlink()
    with pytest.raises(ConversionError, match="must be whole"):
        SafetensorsFolder(tmp_path)


def test_half_precision_is_read(tmp_path):
    kinds = {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
    arrays_of = {name: np.array([[0.5, -2.0]]).astype(kind) for name, kind in kinds.items()}
    write_folder(tmp_path, arrays_of, {})
    folder = SafetensorsFolder(tmp_path)
    for name in kinds:
        assert folder.read(name).dtype == np.float32
        assert_near(folder.read(name), [[0.5, -2.0]], 0)


def test_integers_are_refused(tmp_path):
    write_folder(tmp_path, {"quantised": np.ones((2, 2), "int8")}, {})
    with pytest.raises(ConversionError, match="`quantised` of I8"):
        SafetensorsFolder(tmp_path)


def test_the_command(tmp_path, capsys):
    output, report = tmp_path / "t5.keras", tmp_path / "report.json"
    arguments = ["convert", "t5", str(GOLDEN / "t5_gated"), str(output), "--report", str(report)]
    assert cli.main(arguments) == 0
    assert "coverage     100.00 %" in capsys.readouterr().out
    assert json.loads(report.read_text())["complete"]
    golden = arrays("t5_gated")
    assert_near(tokens_of(vatt.load(output), golden["ids"]), golden["tokens"], 1e-4)


def test_a_configuration_that_contradicts_the_arrays_is_refused_and_both_are_named(tmp_path, capsys):
    source, output = edited(tmp_path, config={"num_heads": 3}), tmp_path / "t5.keras"
    assert cli.main(["convert", "t5", str(source), str(output)]) == 2
    error = capsys.readouterr().err
    assert "num_heads=3 in config.json" in error and "relative_attention_bias.weight` [32, 2]" in error
    assert not output.exists()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"num_layers": 1}, "num_layers=1 in config.json, 2 blocks in the arrays"),
        ({"num_layers": 1000}, "num_layers=1000 in config.json, 2 blocks"),
        ({"num_layers": 10**7}, "`depth` may be at most 1,024"),
        ({"d_model": 400_000}, "`width` may be at most 65,536"),
        ({"d_model": 65_536, "d_ff": 500_000}, "d_model=65536 in config.json"),
        ({"d_model": 32}, "d_model=32 in config.json"),
        ({"d_ff": 41}, "d_ff=41 in config.json"),
        ({"vocab_size": 61}, "vocab_size=61 in config.json"),
        ({"vocab_size": 10**9}, "vocab_size=1000000000 in config.json"),
        ({"relative_attention_num_buckets": 16}, "relative_attention_num_buckets=16"),
        ({"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new"}, "a plain network"),
        ({"dense_act_fn": "gelu_new"}, "must mean one activation"),
        ({"dropout_rate": "some"}, "`dropout_rate`.* number from 0"),
        ({"d_kv": 0}, "`d_kv` in config.json must be positive"),
    ],
)
def test_every_contradiction_is_refused_before_anything_is_built(tmp_path, config, words):
    with pytest.raises(ValueError, match=words):
        convert_t5(edited(tmp_path, config=config))


@pytest.mark.parametrize("settings", [{"d_ff": 500_000, "d_model": 65_536}, {"vocab_size": 2**24}])
def test_a_directory_of_few_arrays_may_not_ask_for_a_large_model(tmp_path, settings):
    few = {"encoder.block.0.note": np.zeros(3, "float32"), "encoder.block.1.note": np.zeros(3, "float32")}
    write_folder(tmp_path, few, SafetensorsFolder(GOLDEN / "t5_relu").config | {"d_model": 512} | settings)
    with pytest.raises(TooLargeError, match="must hold most of the weights"):
        convert_t5(tmp_path)


def test_what_old_configurations_leave_out_is_reported(tmp_path):
    source = edited(tmp_path)
    config = json.loads((source / "config.json").read_text())
    left_out = ["feed_forward_proj", "dense_act_fn", "relative_attention_max_distance"]
    (source / "config.json").write_text(json.dumps({k: v for k, v in config.items() if k not in left_out}))
    model, report = convert_t5(source)
    assert_near(tokens_of(model, arrays("t5_relu")["ids"]), arrays("t5_relu")["tokens"], 1e-4)
    assert [each.split(":")[0] for each in report.assumed] == [
        "relative_attention_max_distance 128",
        "feed_forward_proj relu",
    ]
    assert "assumed: feed_forward_proj relu: transformers' own value" in report.summary()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "bert"}, "`model_type`.*bert"),
        ({"feed_forward_proj": "gated-silu"}, "gated-silu"),
        ({"pad_token_id": 2}, "`pad_token_id`"),
        ({"d_model": None}, "`d_model`"),
    ],
)
def test_other_architectures_are_refused(tmp_path, config, words):
    with pytest.raises(ConversionError, match=words):
        convert_t5(edited(tmp_path, config=config))


def test_broken_directories_end_with_status_two(tmp_path, capsys):
    output = str(tmp_path / "t5.keras")

    def refusal(source):
        assert cli.main(["convert", "t5", str(source), output]) == 2
        return capsys.readouterr().err

    assert "not there" in refusal(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "must hold config.json" in refusal(tmp_path / "empty")
    shutil.copy(GOLDEN / "t5_relu" / "config.json", tmp_path / "empty")
    assert "must hold model.safetensors" in refusal(tmp_path / "empty")
    whole = (GOLDEN / "t5_relu" / "model.safetensors").read_bytes()
    (tmp_path / "empty" / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert "must be whole" in refusal(tmp_path / "empty")
    (tmp_path / "empty" / "config.json").write_text("[1, 2]")
    assert "JSON object" in refusal(tmp_path / "empty")


@pytest.mark.parametrize("name", FORMS)
def test_live(name, tmp_path):
    """Against transformers as installed, on fresh weights."""
    pytest.importorskip("torch", reason="the live comparison needs torch (goldens cover the rest)")
    pytest.importorskip(
        "transformers", reason="the live comparison needs transformers (goldens cover the rest)"
    )
    from tests.golden import make_t5_goldens as maker

    maker.tiny(maker.FORMS[name]).save_pretrained(tmp_path)
    model, _ = convert_t5(tmp_path)
    assert_near(tokens_of(model, maker.ids()), maker.encode(tmp_path, maker.ids()), 1e-4)
