"""A rename that fails, folders that can not be written to, shards that vanish: an error that says so, what
was there before as it was, and nothing half written.
"""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import records_fixture
from tests.embed.embedding_files import make_folder
from tests.faults.conftest import ROOT
from tests.toy_embedder import ToyEmbedder
from vatt import cli
from vatt.embed.files import Options
from vatt.search.build import build_index
from vatt.search.index import Index

NO_FOLDER = Path("/proc/vatt")  # where nobody can write, not even root


@pytest.fixture
def failing(monkeypatch):
    """failing(NAME): from now on, no file or folder gets that name."""
    names = []
    for function in ("replace", "rename"):
        real = getattr(os, function)

        def refuse(source, target, *rest, real=real, **more):
            if Path(target).name in names:
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(target))
            return real(source, target, *rest, **more)

        monkeypatch.setattr(os, function, refuse)
    return names.append


def unfinished(directory):
    return [
        path for path in Path(directory).rglob("*") if path.name.endswith(".part") or ".saving" in path.parts
    ]


@pytest.mark.parametrize(
    "name", ["model.json", "config.gin", "ckpt-10.index", "ckpt-10.json", "metrics.json"]
)
def test_a_run_ends_with_an_error_and_goes_on_later(
    name, train, finished, assert_equal, failing, tmp_path, capfd
):
    failing(name)
    directory = tmp_path / "run"
    assert train(directory) not in (0, None)
    told = capfd.readouterr().err
    assert "error: " in told and ("Input/output error" in told or "Errno 5" in told)
    assert not (directory / name).exists() and not (directory / "checkpoints" / name).exists()
    assert not unfinished(directory)
    failing.__self__.clear()
    assert train(directory) == 0
    assert_equal(finished, directory)
    assert (directory / name).is_file() or (directory / "checkpoints" / name).is_file()


@pytest.mark.parametrize("name", ["index.json", "rows-000002"])
def test_an_index_stays_what_it_was(name, failing, tmp_path):
    def build():
        return build_index(lambda path: ToyEmbedder(), "toy", media, tmp_path / "index", Options(processes=1))

    media = tmp_path / "media"
    make_folder(media)
    build()
    before = Index(tmp_path / "index")
    stated = (tmp_path / "index/index.json").read_bytes()
    (media / before.place(0).name).unlink()
    failing(name)
    with pytest.raises(OSError, match="Input/output error"):
        build()
    assert (tmp_path / "index/index.json").read_bytes() == stated
    assert Index(tmp_path / "index").rows == before.rows
    assert not unfinished(tmp_path / "index")
    failing.__self__.clear()
    assert build().gone == 1
    assert Index(tmp_path / "index").rows < before.rows


@pytest.mark.parametrize("command", ["prepare", "report", "doctor", "repair", "index"])
def test_where_nobody_can_write(command, finished, tmp_path, capfd):
    make_folder(tmp_path / "media")
    if command in ("doctor", "repair"):
        records_fixture.write_set(tmp_path / "set", {"train": [records_fixture.record(frames=2)]}, shards=1)
    arguments = {
        "prepare": ["prepare", "folder", tmp_path / "media", NO_FOLDER / "set", "--processes", "1"],
        "report": ["report", finished, "--out", NO_FOLDER / "report.html"],
        "doctor": ["doctor", tmp_path / "set", "--html", NO_FOLDER / "page.html", "--processes", "1"],
        "repair": ["doctor", tmp_path / "set", "--repair", NO_FOLDER / "set", "--processes", "1"],
        "index": ["index", tmp_path / "media", NO_FOLDER / "index", "--model", finished],
    }[command]
    assert cli.main([str(argument) for argument in arguments]) == 2
    told = capfd.readouterr()
    assert str(NO_FOLDER) in told.err and "Traceback" not in told.err + told.out


def test_a_file_in_a_folders_place(train, tmp_path, capfd):
    (tmp_path / "run").write_text("mine")
    assert train(tmp_path / "run") == 2
    assert "error: " in capfd.readouterr().err
    assert (tmp_path / "run").read_text() == "mine"


def test_shards_that_are_deleted_while_they_are_read_stop_the_reading(tmp_path):
    """Every record of the shard counts as damaged: more than a share of them ends the run, and says where."""
    import tensorflow as tf

    from vatt import spec
    from vatt.data.datasets.prepared import PreparedClips

    rows = [records_fixture.record(number, frames=3, sample_rate_hz=1000) for number in range(8)]
    directory = records_fixture.write_set(tmp_path / "set", {"train": rows}, shards=4, audio_rate_hz=1000)
    clip = spec.ClipSpec(frames=2, frame_size=8, sample_rate_hz=1000, words=4, candidates=1)
    dataset = PreparedClips(directory=directory, clip=clip, threads=1, max_corrupt_share=0.2)
    batches = iter(dataset.train_batches(batch_size=2, first_step=0, seed=0))
    next(batches)
    for shard in (2, 3):
        (directory / f"train-0000{shard}-of-00004.tfrecord").unlink()
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"(?s)max_corrupt_share.*train-0000[23]-of-00004"
    ):
        for _ in range(20):
            next(batches)


_SMALL = """
import resource, sys
from vatt import cli
import vatt.prepare.cli, vatt.prepare.prepare  # what is imported anyway
with open("/proc/self/statm") as file:
    mapped = int(file.read().split()[0]) * resource.getpagesize()
limit = mapped + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(cli.main(sys.argv[2:]))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="how much is mapped is not known here")
@pytest.mark.parametrize("room", [4 << 20, 1 << 30])
def test_little_memory_gives_a_whole_set_or_none(room, tmp_path):
    """Workers inherit the limit: files that need more are counted as failed, and a set that lost too many of
    them is refused."""
    make_folder(tmp_path / "media")
    command = ["prepare", "folder", tmp_path / "media", tmp_path / "set", "--processes", "1"]
    finished = subprocess.run(
        [sys.executable, "-c", _SMALL, str(room), *map(str, command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    is_whole = (tmp_path / "set/dataset.json").exists()
    assert finished.returncode >= 0, "no crash"
    assert is_whole == (finished.returncode == 0), finished.stderr[-2000:]
    if room == 4 << 20:
        assert not is_whole
