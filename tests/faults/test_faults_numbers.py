"""Faults 14 and 19: numbers that are not finite, memory that grows."""

import json
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from vatt.prepare.media import MediaOptions, read_segments


def journal(directory):
    return [json.loads(line) for line in (directory / "journal.jsonl").read_text().splitlines()]


def incidents(directory):
    return [json.loads(line) for line in (directory / "incidents.jsonl").read_text().splitlines()]


def test_fault_14_the_weights_stay_and_the_batch_is_kept(
    train, finished, assert_equal, newest, tmp_path, capsys
):
    directory = tmp_path / "run"
    assert train(directory, "--gin.ToyData.poisoned_step=12") == 2
    told = capsys.readouterr().err
    assert "Received at step 13: loss=nan" in told and "toy_model/audio/kernel" in told
    assert newest(directory) == 10
    assert [(each["step"], each["kind"]) for each in incidents(directory)] == [
        (13, "step not finite, run stopped")
    ]
    assert "Received at step 13: loss=nan" in incidents(directory)[0]["sentence"]
    assert_equal(finished, directory, step=10)
    kept = np.load(directory / "bad_batches" / "step-13-worker-0.npz")
    np.testing.assert_array_equal(kept["example_index"], range(48, 52))
    assert kept["rows"][0] == 0 and np.isnan(kept["audio"][0, 0])  # what is wrong comes first
    assert kept["video"].shape == (4, 2, 4, 4, 3)


def test_fault_14_so_many_bad_steps_may_be_left_out(train, newest, tmp_path, capsys):
    flags = ("--gin.ToyData.poisoned_step=12", "--gin.Optimization.skip_bad_steps=1")
    assert train(tmp_path / "run", *flags) == 0
    assert "Skipped: 1 of 1." in capsys.readouterr().err
    assert [(each["step"], each["kind"]) for each in incidents(tmp_path / "run")] == [(13, "step skipped")]
    lines = journal(tmp_path / "run")
    assert lines[-1]["skipped_steps"] == 1 and np.isfinite(lines[-1]["loss"])
    assert [line["step"] for line in lines] == sorted({line["step"] for line in lines})
    assert newest(tmp_path / "run") == 20


def test_fault_14_a_skipped_step_is_as_if_it_were_not_there(train, weights, tmp_path, monkeypatch):
    flags = ("--gin.ToyData.poisoned_step=2", "--gin.Optimization.skip_bad_steps=1", "--gin.TRAIN_STEPS=3")
    assert train(tmp_path / "skipped", *flags) == 0
    assert train(tmp_path / "short", "--gin.TRAIN_STEPS=2") == 0
    skipped, short = weights(tmp_path / "skipped", 3), weights(tmp_path / "short", 2)
    for name, value in short.items():
        np.testing.assert_array_equal(value, skipped[name], err_msg=name)


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts memory and files as Linux shows them")
def test_fault_19_two_thousand_steps_cost_no_memory(train, tmp_path, monkeypatch):
    from vatt.train import progress

    seen = []
    show = progress.ProgressDisplay.show

    def measure(self, step, line):
        show(self, step, line)
        if step in (500, 2000):
            seen.append((step, resident_mib(), len(os.listdir("/proc/self/fd"))))

    monkeypatch.setattr(progress.ProgressDisplay, "show", measure)
    flags = ("--gin.TRAIN_STEPS=2000", "--gin.CHECKPOINT_EVERY=500", "--gin.Logging.every=10")
    assert train(tmp_path / "run", *flags) == 0
    (first, before, files), (last, after, files_after) = seen
    assert (after - before) / (last - first) * 100 < 1.0  # MiB per 100 steps
    assert files_after <= files + 1


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts memory and files as Linux shows them")
def test_fault_19_a_thousand_files_cost_no_memory(tmp_path):
    import av

    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for grey in range(3):
            picture = av.VideoFrame.from_ndarray(np.full((24, 32, 3), grey, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())

    def read(times):
        for _ in range(times):
            assert list(read_segments(path, MediaOptions()))

    read(200)
    before, files = resident_mib(), len(os.listdir("/proc/self/fd"))
    read(1000)
    assert resident_mib() - before < 10.0
    assert len(os.listdir("/proc/self/fd")) == files
