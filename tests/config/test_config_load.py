"""What gin would let pass, vatt.config refuses; what a run can use, it keeps."""

import logging
from collections.abc import Sequence
from pathlib import Path

import gin
import pytest

import vatt.run  # noqa: F401 (registers the root)
from vatt import config


@gin.register(module="kitchen")
def cook(*, run, dish, guests: int = 2, sauce=None):
    return run, dish, guests, sauce


@gin.register(module="kitchen")
class Soup:
    def __init__(
        self, *, salt_grams: float | None = 3.0, water_litres, stock=None, herbs: Sequence[str] = ()
    ):
        self.herbs = herbs
        self.salt_grams, self.water_litres, self.stock = salt_grams, water_litres, stock


@gin.register(module="kitchen")
class Stock:
    def __init__(self, *, hours=2):
        self.hours = hours


GOOD = """\
MODEL_DIR = "unused"
SEED = 3
run.job = @cook
run.model_dir = %MODEL_DIR
run.seed = %SEED
cook.dish = @hot/Soup()
Soup.water_litres = 2
hot/Soup.salt_grams = 5.0
Soup.stock = @Stock()
hot/Stock.hours = 7
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def load(text, bindings=(), overlay=None):
    Path("base.gin").write_text(text)
    files = ["base.gin"]
    if overlay is not None:
        Path("overlay").mkdir(exist_ok=True)
        Path("overlay/small.gin").write_text(overlay)
        files.append("overlay/small.gin")
    config.load(files, bindings)


def refusal(*arguments, **options) -> str:
    with pytest.raises(config.ConfigError) as caught:
        load(*arguments, **options)
    return str(caught.value)


def test_a_good_file_reaches_the_objects_through_scopes():
    load(GOOD)
    soup = gin.get_configurable("hot/Soup")()
    assert (soup.salt_grams, soup.water_litres, soup.stock.hours) == (5.0, 2, 7)


def test_recorded_text_reproduces_the_configuration_alone():
    load(GOOD, ["cook.guests = 9"])
    text = config.config_text()
    load(text)
    assert config.config_text() == text
    assert "cook.guests = 9" in text


def test_a_missing_file_lists_what_is_there(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "pretrain.gin").write_text("")
    with pytest.raises(config.ConfigError) as caught:
        config.load(["experiments/pretrian.gin"])
    assert "Closest: `experiments/pretrain.gin`" in str(caught.value)


def test_an_include_is_found_from_the_working_directory(tmp_path):
    (tmp_path / "part.gin").write_text(GOOD)
    load('include "part.gin"\ncook.guests = 4\n')
    assert gin.query_parameter("cook.guests") == 4


def test_a_file_that_includes_itself_is_refused():
    assert "must not include itself" in refusal('include "base.gin"\n')


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Soup.salt_gram = 1", ("base.gin:11", "no parameter `salt_gram`", "Closest: `salt_grams`")),
        ("Soop.salt_grams = 1", ("base.gin:11", "Received: `Soop`", "Closest: `Soup`")),
        ("cook.sauce = @Stok()", ("base.gin:11", "Received: `Stok`", "Closest: `Stock`")),
        ("cook.guests = %SEEED", ("base.gin:11", "`%SEEED` in `cook.guests`", "Closest: `SEED`")),
        ("SEEED = 4", ("base.gin:11", "a macro must be used", "`SEEED`", "Closest: `SEED`")),
        ("hott/Soup.salt_grams = 1", ("base.gin:11", "`hott/Soup.salt_grams`", "Closest: `hot`")),
        ("Hash.salt = 1", ("base.gin:11", "Received: `Hash`")),
        ("import kitchn_module", ("base.gin:11", "importable", "kitchn_module")),
        ("Soup.salt_grams = = 1", ("base.gin:11", "gin's syntax")),
        ("Soup.salt_grams = [1,", ("gin's syntax",)),
    ],
)
def test_a_line_no_run_can_use_is_refused_with_its_place(line, expected):
    message = refusal(GOOD + line + "\n")
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("cook.guests = 2.5", "`cook.guests` must be int. Received: 2.5."),
        ("cook.guests = True", "`cook.guests` must be int. Received: True."),
        ("SEED = 'three'", "`run.seed` must be int. Received: 'three', through `%SEED`."),
        ("MODEL_DIR = None", "`run.model_dir` must be str. Received: None, through `%MODEL_DIR`."),
        ("Soup.salt_grams = 'two'", "`Soup.salt_grams` must be float or None. Received: 'two'."),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_place(binding, message):
    text = GOOD.replace("hot/Soup.salt_grams", "Soup.salt_grams")
    assert f"command line: {message}" in refusal(text, [binding])


def test_numbers_without_a_point_and_none_fit_where_they_may():
    load(GOOD, ["hot/Soup.salt_grams = 5", "Soup.salt_grams = None"])
    assert gin.query_parameter("hot/Soup.salt_grams") == 5


def test_a_block_nothing_reaches_is_refused():
    message = refusal(GOOD.replace("Soup.stock = @Stock()\n", ""))
    assert "Nothing reaches `hot/Stock.hours`" in message
    assert "base.gin:9" in message


def test_every_missing_value_is_named_at_once():
    text = GOOD.replace('"unused"', "%gin.REQUIRED").replace("Soup.water_litres = 2\n", "")
    message = refusal(text + "cook.guests = %gin.REQUIRED\n")
    assert "MODEL_DIR (left open at base.gin:1)" in message
    assert "--gin.cook.guests=" in message
    assert "hot/Soup.water_litres (has no default)" in message


def test_later_files_and_the_command_line_win():
    load(GOOD, ["cook.guests = 6", "SEED = 8"], overlay="cook.guests = 5\n")
    assert gin.query_parameter("cook.guests") == 6
    assert config.value_of("run.seed") == 8


def test_a_replaced_reference_may_leave_its_block_behind():
    load(GOOD, ["cook.dish = @cold/Soup()"])
    assert "hot" not in config.config_text()
    load(config.config_text())


def test_an_overlay_drops_what_does_not_apply_and_says_so(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("vatt"), "propagate", True)
    with caplog.at_level("INFO", logger="vatt"):
        load(GOOD, overlay="cold/Soup.salt_grams = 1.0\nUnheardOf.size = 3\nPAN = 4\nStock.hours = 1\n")
    assert gin.query_parameter("hot/Stock.hours") == 7
    for name in ("cold/Soup.salt_grams", "UnheardOf.size", "PAN (overlay/small.gin:3)"):
        assert name in caplog.text
    assert "PAN" not in config.config_text()


def test_an_overlay_may_not_misspell_a_parameter():
    assert "overlay/small.gin:1" in refusal(GOOD, overlay="Stock.hour = 1\n")


def test_the_shared_names_may_be_given_to_any_run():
    load(GOOD, ["TRAIN_STEPS = 20", "BATCH_SIZE = 2"])
    assert "TRAIN_STEPS" not in config.config_text()


def test_other_names_of_the_command_line_must_be_used():
    assert "command line" in refusal(GOOD, ["TRAIN_STEP = 20"])
    assert "Closest: `TRAIN_STEPS`" in refusal(GOOD, ["TRAIN_STEP = 20"])


def test_a_sequence_of_strings_is_no_string():
    load(GOOD, ["hot/Soup.herbs = ['dill', 'bay']"])
    assert gin.query_parameter("hot/Soup.herbs") == ["dill", "bay"]


def test_difference_ignores_layout_and_the_run_directory():
    other = "# a comment\n" + GOOD.replace('"unused"', '"elsewhere"').replace("SEED = 3", "SEED  =  3")
    assert config.difference(GOOD, other) == []
    changed = config.difference(GOOD, GOOD.replace("SEED = 3", "SEED = 4"))
    assert "-SEED = 3" in changed
    assert "+SEED = 4" in changed


def test_what_a_call_would_be_given_can_be_looked_at():
    load(GOOD)
    (cooking,) = config.root_call().calls("job")
    (soup,) = cooking.calls("dish")
    assert (cooking.function.__name__, soup.scope) == ("cook", ("hot",))
    assert (soup.argument("water_litres"), soup.argument("salt_grams")) == (2, 5.0)
    assert soup.argument("herbs", ("none",)) == ("none",)
    assert soup.argument("stock").hours == 7  # made in the scope of the soup
    assert soup.make().stock.hours == 7
    assert config.root_call().argument("seed") == 3


def test_what_only_a_run_needs_may_be_left_open():
    text = GOOD.replace("Soup.water_litres = 2", "WATER = %gin.REQUIRED\nSoup.water_litres = %WATER")
    assert "WATER" in refusal(text)
    Path("base.gin").write_text(text)
    config.load(["base.gin"], complete=False)
    (cooking,) = config.root_call().calls("job")
    (soup,) = cooking.calls("dish")
    assert soup.argument("water_litres") is None
    assert soup.argument("salt_grams") == 5.0
    with pytest.raises(config.ConfigError, match="Closest: `Soup.salt_grams`|no parameter"):
        config.load(["base.gin"], ["Soup.salt_gram = 1"], complete=False)
