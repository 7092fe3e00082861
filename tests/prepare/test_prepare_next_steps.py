"""What `prepare` prints at its end: the command fits what the records hold, and a dry run takes it."""

import argparse
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.miniature_sets import MiniatureSets
from tests.prepare.media_maker import beep, grey, make_media
from vatt.prepare import cli
from vatt.prepare.next_steps import Contents, next_steps

ROOT = Path(__file__).parents[2]


def steps(*, layout="folder", experiment=None, splits=("train", "test"), **holds):
    facts = {key: holds.pop(key) for key in ("is_of_images", "several_labels") if key in holds}
    contents = Contents(
        directory=Path("/sets/it's"),
        splits={split: {"records": 9} | holds for split in splits},
        classes=4 if holds.get("labels") else 0,
        words=8,
        **facts,
    )
    return "\n".join(next_steps(contents, layout, experiment))


EVERYTHING = {"video": 9, "audio": 9, "captions": 9}


def test_a_small_set_gets_a_small_batch_and_is_called_small():
    told = steps(**EVERYTHING)
    assert "--gin.BATCH_SIZE=4" in told and "9 records for testing measure little" in told
    assert "--gin.BATCH_SIZE=2" in steps(**EVERYTHING | {"records": 1})
    told = steps(**EVERYTHING | {"records": 64})
    assert "BATCH_SIZE" not in told and "measure little" not in told


@pytest.mark.parametrize(
    ("holds", "told", "not_told"),
    [
        (EVERYTHING, ["pretrain.gin", "VOCABULARY_SIZE=8"], ["ClipSpec.modalities", "probe"]),
        (EVERYTHING | {"labels": 9}, ["pretrain.gin", "probe_ucf101.gin"], ["finetune"]),
        (
            {"video": 9, "audio": 9},
            ['ClipSpec.modalities=("video", "audio")', "video and audio: it holds no text"],
            ["probe"],
        ),
        ({"video": 9, "captions": 9}, ['ClipSpec.modalities=("video", "text")'], ["probe"]),
        ({"audio": 9, "labels": 9}, ["probe_esc50.gin", "CHECKPOINT"], ["pretrain.gin"]),
        (
            {"audio": 9, "labels": 9, "several_labels": True},
            ["finetune_audioset.gin", "CLASSES=4"],
            ["pretrain"],
        ),
        ({"audio": 9}, ["vatt index MEDIA INDEX --model RUN", "holds audio without"], ["vatt.main"]),
        ({"audio": 9, "captions": 9}, ["holds audio and text without labels"], ["vatt.main"]),
        ({"video": 9}, ["vatt index", "holds video without"], ["vatt.main"]),
        ({"video": 9, "labels": 9}, ["probe_ucf101.gin"], ["pretrain.gin"]),
        (
            {"video": 9, "labels": 9, "is_of_images": True},
            ["finetune_imagenet.gin", "CLASSES=4", "eval_split=test"],
            ["probe", "pretrain"],
        ),
        ({"video": 9, "is_of_images": True}, ["holds images without labels"], ["vatt.main"]),
        (EVERYTHING | {"splits": ["train"]}, ["Evaluation.evaluators=[]", "no test split"], ["probe"]),
        ({"audio": 9, "labels": 9, "splits": ["train"]}, ["prepare it with two"], ["vatt.main"]),
        ({"audio": 9, "labels": 9, "splits": ["train", "validation"]}, ["eval_split=validation"], []),
    ],
)
def test_the_command_fits_what_the_records_hold(holds, told, not_told):
    said = steps(**holds)
    assert all(words in said for words in told), said
    assert not any(words in said for words in not_told), said
    for line in said.splitlines():
        if "vatt.main" in line:  # a shell takes it apart into flags, whatever the folder is called
            words = shlex.split(line)
            assert words[words.index("--data_dir") + 1] == "/sets/it's"


@pytest.mark.parametrize(
    ("layout", "gin_file"),
    [
        ("ucf101", "probe_ucf101"),
        ("hmdb51", "probe_hmdb51"),
        ("esc50", "probe_esc50"),
        ("audioset", "finetune_audioset"),
        ("imagenet", "finetune_imagenet"),
        ("moments_in_time", "finetune_moments_in_time"),
        *((f"kinetics{count}", f"finetune_kinetics{count}") for count in (400, 600, 700)),
        ("msrvtt", "retrieve_msrvtt"),
        ("youcook2", "retrieve_youcook2"),
    ],
)
def test_each_published_set_is_told_its_own_experiment(layout, gin_file):
    module = cli.known_layouts()[layout]
    said = steps(layout=layout, experiment=module.EXPERIMENT, **EVERYTHING, labels=9)
    assert f"experiments/{gin_file}.gin" in said and (ROOT / "experiments" / f"{gin_file}.gin").is_file()
    assert ("CLASSES=4" in said) == gin_file.startswith("finetune")
    split = re.search(r"eval_split = '(\w+)'", (ROOT / "experiments" / f"{gin_file}.gin").read_text())
    if split:
        assert split[1] == module.EXPERIMENT.eval_split


def test_every_layout_with_a_plan_has_a_command():
    for layout, module in cli.known_layouts().items():
        if hasattr(module, "plan"):
            assert "vatt.main" in steps(
                layout=layout, experiment=getattr(module, "EXPERIMENT", None), **EVERYTHING, labels=9
            )


@pytest.mark.slow
class TestDryRun:
    """Every command that is printed, with a small run in place of RUN, is taken by `--dry_run`."""

    @pytest.fixture(scope="class")
    def run(self, tmp_path_factory):
        from tests.trained_run import tiny_vatt, write_run

        run = write_run(tmp_path_factory.mktemp("run") / "run", tiny_vatt())
        (run / "vocabulary.txt").write_text("<pad>\n<unk>\ndog\n")
        return run

    @pytest.fixture(autouse=True)
    def afterwards(self, monkeypatch):
        monkeypatch.chdir(ROOT)  # its gin files lie below

    def take(self, said, run):
        from vatt import main as vatt_main

        commands = re.findall(r"python -m vatt\.main (.*)", said)  # pytest is not the installed `vatt`
        for command in commands:
            words = command.replace("WORDS.txt", str(run / "vocabulary.txt"))
            flags = shlex.split(words.replace("RUN", str(run)))
            assert vatt_main.main([*flags, "--dry_run"]) == 0, command
        return len(commands)

    @pytest.mark.parametrize(
        ("kinds", "labels", "commands"),
        [
            (("video", "audio", "text"), "none", 1),
            (("video", "audio", "text"), "folders", 2),
            (("video", "audio"), "none", 1),
            (("video", "text"), "none", 1),
            (("audio",), "folders", 1),
            (("audio",), "none", 0),
            (("image",), "folders", 1),
        ],
    )
    def test_a_folder(self, kinds, labels, commands, run, tmp_path, capsys):
        for number in range(6):
            place = tmp_path / "media" / ("cat" if number % 2 else "dog")
            place.mkdir(parents=True, exist_ok=True)
            if "image" in kinds:
                Image.fromarray(np.full((40, 48, 3), 40 * number, np.uint8)).save(place / f"{number}.png")
                continue
            pictures = {"pictures": grey(np.arange(100)), "rate_hz": 25} if "video" in kinds else {}
            sound = {"sound": beep(4, at=0.1, length=3)} if "audio" in kinds else {}
            suffix, codec = (".mkv", {}) if pictures else (".wav", {"audio_codec": "pcm_s16le"})
            make_media(place / f"{number}{suffix}", **pictures, **sound, **codec)
            if "text" in kinds:
                (place / f"{number}.txt").write_text("a dog\n")
        parser = argparse.ArgumentParser()
        cli.add_arguments(parser)
        flags = ["--labels", labels, "--test_share", "0.4", "--processes", "1"]
        given = ["folder", str(tmp_path / "media"), str(tmp_path / "out"), *flags]
        assert cli.main(parser.parse_args(given)) == 0
        assert set(json.loads((tmp_path / "out" / "dataset.json").read_text())["splits"]) == {"train", "test"}
        assert self.take(capsys.readouterr().err, run) == commands

    @pytest.fixture(scope="class")
    def sets(self, tmp_path_factory):
        return MiniatureSets(tmp_path_factory.mktemp("sets"))

    @pytest.mark.parametrize(
        "layout", [name for name, module in cli.known_layouts().items() if hasattr(module, "plan")]
    )
    def test_a_published_set(self, layout, run, sets, capsys):
        sets.path(layout)
        assert self.take(capsys.readouterr().err, run) == 1
