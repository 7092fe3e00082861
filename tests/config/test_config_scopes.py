"""Scopes reach through composed models: what a tower is made of is made in the tower's scope."""

from pathlib import Path

import gin
import pytest

import vatt.run  # noqa: F401 (registers the root)
from vatt import config


@gin.register(module="house")
def build(*, run, house):
    return run, house


@gin.register(module="house")
class House:
    def __init__(self, *, west, east=None):
        self.west, self.east = west, east


@gin.register(module="house")
class Spire:
    def __init__(self, *, clock, stairs):
        self.clock, self.stairs = clock, stairs


@gin.register(module="house")
class Clock:
    def __init__(self, *, size: int, hand=None):
        self.size, self.hand = size, hand


@gin.register(module="house")
class Hand:
    def __init__(self, *, length: float = 1.0):
        self.length = length


GOOD = """\
run.job = @build
run.model_dir = 'unused'
build.house = @House()
House.west = @west/Spire()
House.east = @east/Spire()
Spire.clock = @Clock()
Spire.stairs = 100
east/Spire.stairs = 50
Clock.size = 3
west/Clock.size = 5
Clock.hand = @Hand()
west/Hand.length = 2.0
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    gin.clear_config()


def house(text, *bindings, complete=True):
    Path("house.gin").write_text(text)
    config.load(["house.gin"], bindings, complete=complete)
    (building,) = config.root_call().calls("job")
    return building


def test_parts_of_parts_inherit_the_scope():
    made = house(GOOD).argument("house")
    assert (made.west.stairs, made.west.clock.size, made.west.clock.hand.length) == (100, 5, 2.0)
    assert (made.east.stairs, made.east.clock.size, made.east.clock.hand.length) == (50, 3, 1.0)


def test_calls_are_followed_in_the_scope_without_being_made():
    (call,) = house(GOOD).calls("house")
    (west,) = call.calls("west")
    (clock,) = west.calls("clock")
    (hand,) = clock.calls("hand")
    assert [each.scope for each in (call, west, clock, hand)] == [(), ("west",), ("west",), ("west",)]
    assert (clock.argument("size"), hand.argument("length")) == (5, 2.0)
    assert (west.argument("stairs"), call.calls("east")[0].argument("stairs")) == (100, 50)


def test_a_scope_of_its_own_replaces_the_tower_s():
    text = GOOD + "Clock.hand = @large/Hand()\nlarge/Hand.length = 9.0\n"
    with pytest.raises(config.ConfigError, match="Nothing reaches `west/Hand.length`") as caught:
        house(text.replace("Clock.hand = @Hand()\n", ""))
    assert "The run uses it as `large/Hand`" in str(caught.value)
    made = house(text).argument("house")  # a replaced value may leave its block behind
    assert made.west.clock.hand.length == made.east.clock.hand.length == 9.0


def test_a_scope_below_a_scope_wins_and_both_are_reached():
    text = GOOD.replace("@west/Spire()", "@west/tall/Spire()") + "west/tall/Clock.size = 7\n"
    made = house(text).argument("house")
    assert (made.west.clock.size, made.west.clock.hand.length, made.east.clock.size) == (7, 2.0, 3)
    assert "west/Clock.size" not in config.config_text()  # in no scope of this run the longest
    assert "west/Hand.length = 2.0" in config.config_text()


def test_what_a_macro_holds_is_made_in_the_scope_of_the_macro():
    text = GOOD.replace("Spire.clock = @Clock()", "CLOCK = @Clock()\nSpire.clock = %CLOCK")
    with pytest.raises(config.ConfigError, match="`west/Clock.size`. The run uses it as `CLOCK/Clock`"):
        house(text)
    building = house(text.replace("west/Clock", "CLOCK/Clock").replace("west/Hand", "CLOCK/Hand"))
    made = building.argument("house")
    assert made.west.clock.size == made.east.clock.size == 5 and made.east.clock.hand.length == 2.0
    (clock,) = building.calls("house")[0].calls("west")[0].calls("clock")
    assert clock.scope == ("CLOCK",) and clock.argument("size") == 5


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("north/Hand.length = 1.0", "The run uses it as `east/Hand`, `west/Hand`"),
        ("wset/Clock.size = 1", "Closest: `west`"),
    ],
)
def test_a_misspelt_scope_far_below_is_refused_with_those_that_are_used(line, expected):
    with pytest.raises(config.ConfigError) as caught:
        house(GOOD + line + "\n")
    assert expected in str(caught.value)


def test_a_missing_value_is_named_in_its_scope():
    with pytest.raises(config.ConfigError) as caught:
        house(GOOD.replace("Clock.size = 3\n", "", 1))
    assert "east/Clock.size (has no default)" in str(caught.value)
    assert "west/Clock.size" not in str(caught.value)
