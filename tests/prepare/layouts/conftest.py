"""Official files as text, and the plan that a layout makes of them."""

import argparse
import json

import pytest

from vatt.prepare import cli


@pytest.fixture
def official(tmp_path):
    """official("train.csv", "text"): writes an annotation file; returns its folder."""

    def write(name, text):
        path = tmp_path / "annotations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())  # line ends as they are given
        return tmp_path / "annotations"

    return write


@pytest.fixture
def command(tmp_path):
    """command("ucf101", "--official_split", 2): the parsed command line for the folders of the test."""

    def parse(layout, *options):
        parser = argparse.ArgumentParser()
        cli.add_arguments(parser)
        folders = ["--annotations", tmp_path / "annotations", "--media", tmp_path / "media", tmp_path / "out"]
        return parser.parse_args([layout, *map(str, options), *map(str, folders)])

    return parse


@pytest.fixture
def plan(command):
    """plan("ucf101", "--official_split", 2): the plan of a layout."""

    def make(layout, *options):
        return cli.known_layouts()[layout].plan(command(layout, *options))

    return make


@pytest.fixture
def prepare(command, tmp_path):
    """prepare("ucf101", "--official_split", 2): dataset.json of the set that the whole command makes."""

    def make(layout, *options):
        assert cli.main(command(layout, "--processes", 1, *options)) == 0
        return json.loads((tmp_path / "out" / "dataset.json").read_text())

    return make


@pytest.fixture
def records():
    """records(dataset): split -> number of records, of a dataset.json."""
    return lambda dataset: {split: members["clips"] for split, members in dataset["splits"].items()}
