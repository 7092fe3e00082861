"""Runs whose directory is in an object store: killed anywhere and resumed, cut off, doubled."""

import json
import shlex
import signal
import subprocess
import sys
import tarfile
import time

import gin
import numpy as np
import pytest

from tests.documents import commands
from tests.faults.conftest import ROOT
from tests.object_stores import SECRET, fetched
from tests.prepare.media_maker import make_media
from vatt import cli, main
from vatt.files import places, store_lock
from vatt.train import run_folder


def lines_of(folder):
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines]


def test_a_run_in_a_store_is_the_run_in_a_folder(bucket, train, assert_equal, finished, tmp_path, capsys):
    assert train(f"{bucket}/runs/toy") == 0
    assert f"Report: {bucket}/runs/toy/report.html" in capsys.readouterr().err
    there = fetched(f"{bucket}/runs/toy", tmp_path / "there")
    assert {"config.gin", "metrics.json", "report.html", "checkpoints/ckpt-20.json"} <= {
        path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()
    }
    assert_equal(there, finished)
    assert train(f"{bucket}/runs/toy") == 0  # finished: nothing is left to do
    assert train(f"{bucket}/runs/toy", "--gin.SEED=3") == 2  # another configuration is refused


@pytest.mark.slow
def test_killed_at_any_time_and_resumed_it_is_the_same_run(bucket, start, assert_equal, finished, tmp_path):
    address, kills = f"{bucket}/run", 0
    for delay in (0.0, 0.02, 0.08, 0.2, 0.4, 0.8, 1.5):
        process = start(address, signal=signal.SIGCONT, at=3)  # lets us know where it is
        next((line for line in process.stdout if line.startswith("signalled")), None)
        time.sleep(delay)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    process = start(address)
    output, _ = process.communicate()
    assert process.returncode == 0 and kills >= 4, output
    there = fetched(address, tmp_path / "there")
    assert_equal(there, finished)
    lines, expected = dict(lines_of(there)), dict(lines_of(finished))
    assert expected.items() <= lines.items()
    # A start writes a line of its first step too; a late kill left the checkpoint of step 10 to start from.
    assert lines.keys() - expected.keys() <= {11}


def test_a_second_run_of_one_directory_is_refused(bucket, train, capsys, monkeypatch):
    monkeypatch.setattr(store_lock, "_LEASE_SECONDS", 2.0)
    monkeypatch.setattr(store_lock, "_LOOK_SECONDS", 0.1)
    with store_lock.alone(places.open_store(f"{bucket}/run"), "a run"):
        assert train(f"{bucket}/run") == 2
    assert "One process at a time may write to" in capsys.readouterr().err


def test_a_run_that_lost_its_directory_stops(bucket, train, capsys, monkeypatch):
    sent = run_folder.Mirror.push

    def taken_over(mirror):
        sent(mirror)
        store = places.open_store(f"{bucket}/run")
        store.write(store_lock.NAME, b"somebody else's")

    monkeypatch.setattr(run_folder.Mirror, "push", taken_over)
    assert train(f"{bucket}/run") == 2
    assert "Another" in capsys.readouterr().err


def test_what_is_published_is_sent_at_once_by_a_thread(bucket, monkeypatch):
    monkeypatch.setattr(run_folder, "_INTERVAL_SECONDS", 3600.0)
    store = places.open_store(f"{bucket}/run")
    with run_folder.run_folder(f"{bucket}/run", writes=True) as place:
        for number in range(3):
            (place.main / f"ckpt-{number}.json").write_text("{}")
            place.publish_soon()
            deadline = time.monotonic() + 60
            while f"ckpt-{number}.json" not in store.entries():
                assert time.monotonic() < deadline
                time.sleep(0.02)


def test_an_outage_delays_what_is_sent_and_no_step(
    bucket, train, monkeypatch, assert_equal, finished, tmp_path
):
    sent, outages = run_folder.Mirror.push, []

    def push(mirror):
        if len(outages) < 3:
            outages.append(1)
            raise places.StoreError("the network is down")
        sent(mirror)

    monkeypatch.setattr(run_folder.Mirror, "push", push)
    assert train(f"{bucket}/run") == 0
    there = fetched(f"{bucket}/run", tmp_path / "there")
    assert_equal(there, finished)


@pytest.mark.slow
def test_nothing_that_a_process_prints_or_sends_has_the_credentials(bucket, start, tmp_path):
    process = start(f"{bucket}/run", signal=0)
    assert SECRET not in process.communicate()[0]
    there = fetched(f"{bucket}/run", tmp_path / "there")
    assert not [path for path in there.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.mark.slow
def test_the_commands_take_addresses(bucket, train):
    assert train(f"{bucket}/run") == 0
    report = [sys.executable, "-m", "vatt", "report", f"{bucket}/run"]
    places.open_store(f"{bucket}/run").delete(["report.html"])
    subprocess.run(report, check=True, cwd=ROOT)
    assert "report.html" in places.open_store(f"{bucket}/run").entries()


def run_command(command):
    """Exit status of a command of the documents in this process; a training is made tiny."""
    words = shlex.split(command)
    if words[2] == "vatt":
        return cli.main(words[3:])
    return main.main([*words[3:], f"--gin_file={ROOT}/experiments/overlay/tiny.gin"])


@pytest.mark.slow
def test_from_a_bucket_of_videos_to_a_restarted_run_on_a_bucket(bucket, tmp_path, monkeypatch):
    """The commands of docs/stores.md, in miniature."""
    draw = np.random.default_rng(0)
    for shard in range(2):
        with tarfile.open(tmp_path / "x.tar", "w") as tar:
            for number in range(6):
                pictures = draw.integers(0, 256, (20, 48, 64, 3), "uint8")
                sound = draw.integers(-9000, 9000, (32_000, 1), "int16")
                make_media(tmp_path / f"{number}.mp4", pictures=pictures, sound=sound)
                (tmp_path / f"{number}.txt").write_text(f"video {number} of shard {shard}")
                for suffix in (".mp4", ".txt"):
                    tar.add(tmp_path / f"{number}{suffix}", f"{number}{suffix}")
        places.open_store(f"{bucket}/videos").write(f"{shard:06d}.tar", tmp_path / "x.tar")
    page = [each for each in commands(ROOT / "docs" / "stores.md") if "s3://lab/" in each]
    first, second, trained, exported = [each.replace("s3://lab", bucket) for each in page]
    monkeypatch.chdir(tmp_path)
    assert [run_command(each) for each in (first, second)] == [0, 0]
    assert run_command(f"{trained} --steps 1") == 0
    gin.clear_config()
    assert run_command(f"{trained} --steps 2 --overwrite_config") == 0
    gin.clear_config()
    assert run_command(exported) == 0
    found = places.open_store(bucket).entries()
    assert {"records/dataset.json", "runs/first/checkpoints/ckpt-2.json"} <= found.keys()
    exported = [name for name in found if name.startswith("models/first/")]
    # No folder of this machine that stood for the store is named in what is there.
    assert exported and not [name for name in exported if b".vatt-" in places.open_store(bucket).read(name)]
