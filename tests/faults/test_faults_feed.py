"""Fault 15: a machine that makes batches is killed in the middle of a run."""

import os
import signal

import pytest

from tests import records_fixture, toys
from tests.data.test_data_served import start_feed
from vatt.train import progress

pytestmark = pytest.mark.slow

# Clips of the size that the toy model takes.
CLIP = f"""\
import vatt.data.datasets.prepared
import vatt.data.datasets.served
import vatt.spec
ClipSpec.frames = {toys.FRAMES}
ClipSpec.frame_size = {toys.SIZE}
ClipSpec.sample_rate_hz = {toys.SAMPLES * 5}
ClipSpec.words = {toys.WORDS}
ClipSpec.candidates = {toys.CANDIDATES}
PreparedClips.clip = @ClipSpec()
"""


def test_fault_15_a_killed_feed_ends_the_run_which_then_goes_on(
    train, assert_equal, newest, tmp_path, monkeypatch, capsys
):
    (tmp_path / "clips.gin").write_text(CLIP)
    records = [records_fixture.record(number) for number in range(12)]
    directory = records_fixture.write_set(tmp_path / "set", {"train": records})
    process, address = start_feed()
    common = (
        f"--gin_file={tmp_path / 'clips.gin'}",
        f'--gin.PreparedClips.directory="{directory}"',
        "--gin.TRAIN_STEPS=60",  # more than are ready when it dies
    )
    served = (
        *common,
        "--gin.Trainer.dataset=@ServedClips()",
        "--gin.ServedClips.dataset=@PreparedClips()",
        f'--gin.ServedClips.addresses=["{address}"]',
        "--gin.ServedClips.patience_seconds=1.0",
    )

    show = progress.ProgressDisplay.show

    def show_and_kill(self, done, line):
        show(self, done, line)
        if done == 6:
            os.kill(process.pid, signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(progress.ProgressDisplay, "show", show_and_kill)
        assert train(tmp_path / "run", *served) == 75  # try again
    process.wait()
    told = capsys.readouterr().err
    assert f"Received: nothing from {address} for 1 s." in told and "newest checkpoint" in told
    assert 5 <= newest(tmp_path / "run") < 60

    process, _ = start_feed(port=int(address.rpartition(":")[2]))
    try:
        assert train(tmp_path / "run", *served) == 0
    finally:
        process.kill()
    # Every clip once, in order: the weights are those of a run that makes its own batches.
    assert train(tmp_path / "local", *common, "--gin.Trainer.dataset=@PreparedClips()") == 0
    assert_equal(tmp_path / "local", tmp_path / "run", step=60)
