import argparse
import json

import pytest

from vatt.prepare import cli
from vatt.prepare.job import Running
from vatt.prepare.media import MediaOptions
from vatt.prepare.record import RecordOptions

CAPTIONS = "1\n00:00:00,000 --> 00:00:00,300\nhello there\n"


def parsed(*words):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def vatt_prepare(*words):
    return cli.main(parsed(*words))


@pytest.fixture
def media(place, tmp_path):
    folder = place("a.mp4", "deep/b.mkv", "c.wav", "d.jpeg")
    (folder / "a.srt").write_text(CAPTIONS)
    (folder / "notes.md").write_text("no media")
    (folder / ".hidden.mp4").write_bytes(b"no media")
    return folder


def dataset_of(out):
    return json.loads((out / "dataset.json").read_text())


def test_folder(media, tmp_path, capsys):
    out = tmp_path / "out"
    assert vatt_prepare("folder", media, out, "--test_share", 0, "--labels", "folders", "--processes", 1) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(out)
    assert f"--data_dir {out}" in told.err and "--gin.VOCABULARY_SIZE=4" in told.err
    dataset = dataset_of(out)
    assert dataset["splits"]["train"]["clips"] == 4 and dataset["name"] == "media"
    assert dataset["labels"] == ["deep"]
    assert (out / "vocabulary.txt").read_text().split() == ["<pad>", "<unk>", "hello", "there"]


@pytest.mark.parametrize("seconds, records", [(0.25, 2), (0, 1)])
def test_files_are_cut_into_segments(place, tmp_path, seconds, records):
    folder = place("a.mp4")
    words = ("folder", folder, tmp_path / "out", "--test_share", 0, "--processes", 1)
    assert vatt_prepare(*words, "--segment_seconds", seconds) == 0
    assert dataset_of(tmp_path / "out")["splits"]["train"]["clips"] == records


def test_a_manifest_in_place_of_a_folder(media, tmp_path):
    manifest = tmp_path / "clips.csv"
    manifest.write_text("path,caption,label,split\nmedia/a.mp4,A thing.,thing,test\nmedia/none.mp4,,,\n")
    assert vatt_prepare("folder", manifest, tmp_path / "out", "--processes", 1) == 0
    dataset = dataset_of(tmp_path / "out")
    assert dataset["labels"] == ["thing"] and dataset["splits"]["test"]["clips"] == 1


def test_storage_options_reach_the_records(media, tmp_path):
    words = ("--max_frame_rate_hz", 5, "--short_side_pixels", 16, "--audio_rate_hz", 8000, "--processes", 1)
    assert vatt_prepare("folder", media, tmp_path / "out", *words) == 0
    dataset = dataset_of(tmp_path / "out")
    kept = [dataset[name] for name in ("frame_rate_hz", "short_side_pixels", "audio_rate_hz")]
    assert kept == [5.0, 16, 8000]


def test_every_storage_option_is_used():
    """What is parsed is what `prepare_clips` is given, and nothing is parsed for nothing."""
    args = parsed(
        *("folder", "in", "out", "--jpeg_quality", 70, "--all_channels", "--clips_per_shard", 7),
        *("--timeout_seconds", 3, "--memory_gib", 0.5, "--max_failures", 0.2, "--runner", "beam"),
        "--beam_options=--runner=FlinkRunner --job_name='a b'",
    )
    options = cli.storage_options(args)
    assert options == {
        "options": RecordOptions(jpeg_quality=70, media=MediaOptions(mono=False)),
        "clips_per_shard": 7,
        "running": Running(
            processes=None,
            timeout_seconds=3.0,
            memory_bytes=1 << 29,
            max_failures=0.2,
            runner="beam",
            beam_options=("--runner=FlinkRunner", "--job_name=a b"),
        ),
    }


@pytest.mark.parametrize(
    "option, value, message",
    [
        ("--jpeg_quality", 96, "must be between 1 and 95. Received: 96"),
        ("--processes", 0, "must be positive. Received: 0"),
        ("--audio_rate_hz", "fast", "invalid int value: 'fast'"),
        ("--max_failures", 5, "must be a share between 0 and 1. Received: 5"),
        ("--runner", "spark", "invalid choice: 'spark'"),
    ],
)
def test_wrong_values_are_refused_before_anything_starts(option, value, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        parsed("folder", "in", "out", option, value)
    assert stopped.value.code == 2
    assert f"argument {option}: {message}" in capsys.readouterr().err


def test_options_of_a_pipeline_that_is_not_asked_for(media, tmp_path, capsys):
    assert vatt_prepare("folder", media, tmp_path / "out", "--beam_options=--project=p") == 2
    assert "needs `--runner=beam`. Received: --runner=local" in capsys.readouterr().err


def test_a_place_that_can_not_be_written(media, capsys):
    (media / "c.srt").write_text("")
    assert vatt_prepare("folder", media, media / "a.mp4" / "out") == 2
    told = capsys.readouterr().err
    assert "a.mp4/out can not be written" in told and "name another" in told
    assert "1 caption file without a caption" in told


def test_too_many_failures_give_a_status_of_their_own(media, tmp_path, capsys):
    (media / "bad.mp4").write_bytes(b"no media")
    assert vatt_prepare("folder", media, tmp_path / "out", "--processes", 1) == 1
    assert "bad.mp4" in capsys.readouterr().err


def test_nothing_to_prepare(tmp_path, capsys):
    assert vatt_prepare("folder", tmp_path / "none", tmp_path / "out") == 2
    (tmp_path / "empty").mkdir()
    assert vatt_prepare("folder", tmp_path / "empty", tmp_path / "out") == 2
    assert "holds no media file" in capsys.readouterr().err


def test_an_interrupted_run(media, tmp_path, monkeypatch, capsys):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "prepare_clips", interrupted)
    assert vatt_prepare("folder", media, tmp_path / "out") == 130
    assert "the same command resumes" in capsys.readouterr().err


def test_demo_refuses_nonsense(tmp_path, capsys):
    assert vatt_prepare("demo", "--data_dir", tmp_path, "--clips", 0) == 2
    assert "clips=0" in capsys.readouterr().err


LAYOUTS = cli.known_layouts()


def test_help_lists_every_layout(capsys):
    with pytest.raises(SystemExit):
        parsed("--help")
    told = capsys.readouterr().out
    assert all(name in told for name in (*LAYOUTS, "demo", "folder"))


@pytest.mark.parametrize("layout", [*LAYOUTS, "demo", "folder"])
def test_the_help_of_a_layout_teaches(layout, capsys):
    with pytest.raises(SystemExit) as stopped:
        parsed(layout, "--help")
    told = capsys.readouterr().out
    assert stopped.value.code == 0 and len(told.splitlines()) > 10


PUBLISHED = [name for name, module in LAYOUTS.items() if hasattr(module, "plan")]


@pytest.mark.parametrize("layout", PUBLISHED)
def test_the_example_of_a_layout_is_understood(layout, capsys):
    with pytest.raises(SystemExit):
        parsed(layout, "--help")
    told = capsys.readouterr().out
    examples = [line.split() for line in told.splitlines() if line.startswith("  vatt prepare ")]
    assert examples, "no example"
    for words in examples:
        assert words[2] == layout and callable(parsed(*words[2:]).prepare)
