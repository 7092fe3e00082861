"""`vatt plan` as it is called: on every kind of experiment, without data, checkpoints or weights."""

import json
from pathlib import Path

import keras
import pytest

from tests.small_models import small_vatt
from vatt import cli, config
from vatt.layers.architecture import Size
from vatt.plan.shapes import without_weights
from vatt.plan.show import print_plan
from vatt.spec import ClipSpec

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def paths(*names):
    return [str(EXPERIMENTS / f"{name}.gin") for name in names]


@pytest.fixture
def plan(capsys):
    def call(*names, more=()):
        status = cli.main(["plan", *paths(*names), "--json", *more])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return json.loads(captured.out)

    return call


def test_the_papers_pretraining(plan):
    made = plan("pretrain", "overlay/paper", more=["--device", "tpu_v3_core", "--devices", "512"])
    assert made["parameters"]["trainable"] == 294_307_584  # as its header says
    assert made["parameters"]["all"] == sum(made["parameters"]["parts"].values())
    assert made["tokens"] == {
        "video": {"sequences": 1, "all": 8 * 14 * 14, "kept_in_training": 784},
        "audio": {"sequences": 1, "all": 1200, "kept_in_training": 600},
        "text": {"sequences": 5, "all": 16, "kept_in_training": 16},
    }
    forward, training = (made["flops"][name] for name in ("forward", "forward_in_training"))
    assert forward["paper_flops"] == pytest.approx(784.8e9, rel=0.01)
    assert training["paper_flops"] == pytest.approx(375.4e9, rel=0.01)
    assert forward["true_flops"] > forward["paper_flops"]

    memory, speed, step = made["memory"], made["speed"], made["flops"]["step"]
    assert memory["rows_per_device"] == 4
    assert memory["optimizer_bytes"] == 2 * memory["gradients_bytes"] == 2 * 4 * 294_307_584  # Adam's two
    assert memory["device"]["fits"] == (memory["peak_bytes"] <= 16 * 2**30)
    assert memory["ways"][0]["step_bytes"] == memory["step_bytes"]
    kept = 784 * (4 * 16 * 16 * 3 + 4) + 12 + 600 * (128 * 4 + 4)  # patches and places; the mean colour
    assert speed["clip_bytes"] == kept + 5 * 16 * 4 + 4 + 4 + 5 * 4 + 8
    seconds = speed["stage_seconds"]
    assert seconds["matrix unit"] == pytest.approx(step["executed_flops"] / (512 * 61.5e12 * 0.4))
    assert speed["step_seconds"] == pytest.approx(seconds["matrix unit"] + seconds["links"])
    assert speed["steps_per_day"] == pytest.approx(86_400 / speed["step_seconds"])
    assert speed["read_bytes_per_second"] == pytest.approx(2048 * speed["clip_bytes"] / speed["step_seconds"])
    assert speed["days"] == pytest.approx(500_000 / speed["steps_per_day"])


@pytest.mark.parametrize(
    ("overlay", "device", "devices"), [("paper_8xh100", "h100", 8), ("paper_v5e_256", "tpu_v5e", 256)]
)
def test_the_papers_run_fits_what_an_overlay_is_named_for(plan, overlay, device, devices):
    where = ["--device", device, "--devices", str(devices)]
    paper = plan("pretrain", "overlay/paper", more=where)
    found = plan("pretrain", "overlay/paper", f"overlay/{overlay}", more=where)
    assert paper["memory"]["peak_bytes"] > 1.15 * found["memory"]["peak_bytes"]
    assert found["memory"]["peak_bytes"] < 0.7 * found["memory"]["device"]["memory_bytes"]
    assert found["flops"]["step"]["model_flops"] == paper["flops"]["step"]["model_flops"]
    assert found["speed"]["binds"] == "matrix unit"
    config.load(paths("pretrain", "overlay/paper", f"overlay/{overlay}"), complete=False)
    assert config.value_of("Checkpoints.every") == 1000


def test_a_stage_that_binds_is_named(plan, capsys):
    where = ["--device", "tpu_v6e", "--devices", "256", "--mfu", "1"]
    found = plan("pretrain", "overlay/paper", more=[*where, "--cores", "1"])
    speed = found["speed"]
    assert set(speed["stage_seconds"]) == {"matrix unit", "memory", "links", "input"}
    assert speed["stage_seconds"]["input"] == pytest.approx(8 * 0.0215) and speed["binds"] == "input"
    assert speed["step_seconds"] == speed["stage_seconds"]["input"]
    assert cli.main(["plan", *paths("pretrain", "overlay/paper"), *where, "--cores", "1"]) == 0
    assert "WARNING: the input binds" in " ".join(capsys.readouterr().out.split())
    # A small batch on many GPUs of many machines waits for the sum of the gradients.
    where = ["--device", "b200", "--devices", "64", "--mfu", "1", "--gin.BATCH_SIZE=64"]
    assert plan("pretrain", "overlay/paper", more=where)["speed"]["binds"] == "links"


def test_the_steps_of_a_loop_are_those_that_a_run_would_choose(plan, capsys):
    where = ["--device_memory_gib", "8", "--peak_tflops", "0.5"]
    chosen = plan("pretrain", more=where)
    speed = chosen["speed"]
    assert speed["steps_per_loop"] == int(1 / speed["step_seconds"]) > 2
    print_plan(chosen)
    assert "chosen by the time of a step (on CPUs 1)" in " ".join(capsys.readouterr().out.split())
    # A line is due before a second is over.
    assert plan("pretrain", more=[*where, "--gin.Logging.every=2"])["speed"]["steps_per_loop"] == 2
    fixed = plan("pretrain", more=[*where, "--gin.Execution.steps_per_loop=5"])
    print_plan(fixed)
    assert "steps per loop 5, as set" in " ".join(capsys.readouterr().out.split())


def test_rounded_numbers_of_tokens_are_said(plan, capsys):
    found = plan("pretrain", "overlay/paper", more=["--gin.DropToken.round_to=64"])
    assert found["tokens"]["video"]["kept_in_training"] == 767
    assert found["lengths_in_training"] == {"video": 768, "audio": 576, "text": 17}
    assert cli.main(["plan", *paths("pretrain", "overlay/paper")]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert (
        "video 785, audio 601, text 17 with AGG; video and audio: no multiple of 64, see DropToken" in words
    )


def test_the_demo_in_cached_chunks_and_with_recomputed_blocks(plan):
    whole = plan("pretrain", more=["--gin.BATCH_SIZE=64"])
    more = [
        "--gin.BATCH_SIZE=64",
        "--gin.Execution.gradients=@Cached()",
        "--gin.Cached.rows=8",
        "--gin_bindings",
        "Size.recompute = True",
    ]
    spared = plan("pretrain", more=more)
    assert spared["configuration"]["cached_rows"] == 8
    assert spared["memory"]["kept_bytes"] < whole["memory"]["kept_bytes"] / 16
    flops = [each["flops"]["step"] for each in (whole, spared)]
    assert flops[0]["model_flops"] == flops[1]["model_flops"] == flops[0]["executed_flops"]
    assert (
        1.3 < flops[1]["executed_flops"] / flops[1]["model_flops"] < 1.7
    )  # the forward pass up to three times


def test_the_agnostic_model_on_spectrograms(plan):
    made = plan("pretrain", "overlay/paper", "overlay/paper_agnostic", "overlay/spectrogram")
    assert made["configuration"]["model"] == "VATT (one encoder 12 × 1024)"
    assert made["tokens"]["audio"]["all"] == 10 * 16
    assert made["parameters"]["parts"]["encoder, shared"] == 151_156_736


@pytest.mark.parametrize(
    ("name", "more", "tokens", "parameters"),
    [
        ("finetune_kinetics600", [], 8 * 20 * 20, 154_958_424 + 12 * 1024),  # 12 rows more of positions
        ("finetune_kinetics400", ["--size", "base"], 8 * 20 * 20, 87_762_832),
        ("finetune_audioset", [], 1200, 86_484_239),
        ("finetune_imagenet", [], 24 * 24, None),
    ],
)
def test_fine_tuning_from_the_papers_model(plan, name, more, tokens, parameters):
    made = plan(name, more=more)
    (of,) = made["tokens"].values()
    assert (of["all"], of["kept_in_training"]) == (tokens, tokens)
    assert parameters in (None, made["parameters"]["all"])
    assert "the paper's" in made["configuration"]["starts_from"]
    assert made["memory"]["optimizer_bytes"] == made["memory"]["gradients_bytes"]  # one momentum


def test_fine_tuning_from_scratch_and_from_another_experiment(plan):
    scratch = plan("finetune_kinetics400", "overlay/from_scratch", "overlay/drop_token_50")
    assert scratch["configuration"]["starts_from"] is None
    assert scratch["tokens"]["video"] == {"sequences": 1, "all": 3200, "kept_in_training": 1600}
    assert scratch["parameters"]["all"] == 87_762_832
    made = plan(
        "finetune_audioset", more=["--start", *paths("pretrain", "overlay/paper", "overlay/spectrogram")]
    )
    assert made["tokens"]["audio"]["all"] == 10 * 16  # as many samples as in pre-training
    assert "spectrogram.gin" in made["configuration"]["starts_from"]


def test_fine_tuning_from_a_run_directory(plan, tmp_path):
    size = Size(depth=1, width=16, hidden_width=32, heads=2, head_width=8)
    with without_weights():
        model = small_vatt(size, clip=ClipSpec(), vocabulary_size=10)
        described = keras.saving.serialize_keras_object(model)
    (tmp_path / "model.json").write_text(json.dumps(described))
    made = plan("finetune_kinetics400", more=[f"--gin.CHECKPOINT='{tmp_path}'"])
    assert made["configuration"]["starts_from"] == str(tmp_path)
    assert made["parameters"]["parts"]["head"] == 400 * (16 + 1)


def test_a_measurement_has_no_step(plan):
    made = plan("probe_ucf101")
    assert set(made) == {"gin", "configuration", "parameters", "tokens", "lengths_in_training", "flops"}
    assert set(made["flops"]) == {"forward", "forward_in_training"}
    assert made["tokens"]["video"]["all"] == 1568


def test_what_accompanies_a_run_is_planned_as_the_run(plan):
    assert plan("pretrain", "overlay/evaluate")["flops"] == plan("pretrain")["flops"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "at least one gin file, or --paper"),
        (
            ["pretrian.gin"],
            "A gin file must exist. Received: pretrian.gin. Closest: `experiments/pretrain.gin`",
        ),
        ([*paths("overlay/tiny")], "needs a job"),
        ([*paths("pretrain"), "--gin.BATCH_SIZ=3"], "Closest: `BATCH_SIZE`"),
        ([*paths("pretrain"), "--gin.adam.epsilom=3"], "Closest: `epsilon`"),
        ([*paths("pretrain"), "--device", "h1000"], "Received: h1000. Closest: `h100`"),
        (
            [*paths("pretrain"), "--device_memory_gib", "-3"],
            "`--device_memory_gib` must be a positive number",
        ),
        ([*paths("pretrain"), "--peak_tflops", "0"], "`--peak_tflops` must be a positive number"),
        ([*paths("pretrain"), "--mfu", "40"], "`--mfu` must be in (0, 1]. Received: 40"),
        ([*paths("pretrain"), "--devices", "0"], "`--devices` must be at least 1"),
        ([*paths("pretrain"), "--devices", "5"], "Received: batch_size=32, replicas=5. Use 30"),
        (
            [*paths("pretrain"), "--gin.Execution.gradients=@Cached()", "--gin.Cached.rows=5"],
            "must divide the rows of each replica",
        ),
        ([*paths("finetune_kinetics400"), "--size", "huge"], "A size must be one of"),
        (
            [*paths("pretrain"), "--gin_bindings=video/TransformerEncoder.size = 'huge'"],
            "A size must be one of",
        ),
        ([*paths("pretrain"), "--gin.ClipSpec.frames=0"], "`frames` must be positive"),
        ([*paths("pretrain"), "--paper"], "`--paper` takes no gin file"),
    ],
)
def test_errors_say_what_to_do(capsys, arguments, message):
    assert cli.main(["plan", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


TOYS = """
import tests.toys
import vatt.train.trainer
import vatt.optimizers.factories
run.job = @Trainer
Trainer.model = @ToyModel()
Trainer.batch_size = 2
Trainer.steps = 1
"""


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("", "Bind `Trainer.optimizer`"),
        ("Trainer.optimizer = @sgd()\nsgd.learning_rate = 0.1", "Received: ToyModel"),
    ],
)
def test_what_can_not_be_planned(capsys, tmp_path, more, message):
    file = tmp_path / "toys.gin"
    file.write_text(TOYS + more)
    assert cli.main(["plan", str(file)]) == 2
    assert message in capsys.readouterr().err


def test_tables_fit_eighty_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert (
        cli.main(["plan", *paths("pretrain", "overlay/paper"), "--device", "a100_80gb", "--devices", "16"])
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for words in ("video/encoder", "paper's count", "does not fit", "mixed_bfloat16, recompute"):
        assert words in text
    assert "…" not in text  # nothing is cut off
