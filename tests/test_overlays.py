"""Every overlay with every experiment that its header says it fits: read, and half of them trained or built
in miniature; the other half is in test_overlays_others.py, so that two workers share them.
"""

import fnmatch
import logging
import re

import pytest

from tests.miniature_runs import Miniatures
from tests.overlay_runs import (
    COMBINATIONS,
    IDS,
    NAMES,
    TEXTS,
    check_in_miniature,
    files_of,
    halves,
    name_of,
)
from tests.small_models import small_classifier
from vatt import config
from vatt.config import fits

combinations = pytest.mark.parametrize(("overlay", "name", "before"), COMBINATIONS, ids=IDS)


@pytest.mark.parametrize("overlay", TEXTS)
def test_its_header_states_experiments_that_are_there(overlay):
    recipes = fits.stated(TEXTS[overlay])
    assert recipes
    for pattern, before in recipes:
        assert fnmatch.filter(NAMES, pattern), pattern
        assert set(before) <= set(TEXTS)


@combinations
def test_something_of_it_applies_and_the_log_is_content(overlay, name, before, caplog):
    with caplog.at_level(logging.INFO):
        config.load(files_of(overlay, name, before), complete=False)
    dropped = len(re.findall(rf"overlay/{overlay}\.gin:\d+", caplog.text))
    own = len(re.findall(r"^[^#\s].*? = ", TEXTS[overlay], re.MULTILINE))
    assert dropped < own
    assert "is made for" not in caplog.text


def test_an_overlay_on_what_it_was_not_made_for_is_told(caplog):
    config.load(files_of("released_finetune", "probe_demo", ()), complete=False)
    assert "released_finetune.gin is made for finetune_kinetics400" in caplog.text
    assert "given after probe_demo" in caplog.text


def test_fixed_positions_hold_the_whole_of_the_positions_and_nothing_else():
    config.load(files_of("fixed_positions", "finetune_kinetics400", ("from_scratch",)), complete=False)
    (group,) = config.value_of("Optimization.groups")
    assert group.learning_rate_factor == 0
    model = small_classifier()
    held = {weight.path for weight in model.trainable_weights if group.holds(weight.path)}
    assert held == {weight.path for weight in model.tower.tokenizer.positions.trainable_weights}
    assert len(held) == 5  # three tables, gain and offset


@pytest.mark.slow
class TestInMiniature:
    """One process, one pre-trained run, one set per experiment."""

    @pytest.fixture(scope="class")
    def miniatures(self, tmp_path_factory):
        return Miniatures(tmp_path_factory.mktemp("overlays"))

    @pytest.mark.parametrize("run", halves()[0], ids=name_of)
    def test_it_runs(self, run, miniatures):
        check_in_miniature(*run, miniatures)
