"""Models that lie in an object store."""

import numpy as np
import pytest

import vatt
from tests.trained_run import prepared, tiny_vatt, write_clips, write_run
from vatt.files.mirror import Mirror


def test_a_run_in_a_store_loads_as_one_in_a_folder(bucket, hub, tmp_path):
    records = write_clips(tmp_path / "records")
    facts = prepared(records).info.input_facts
    run = write_run(tmp_path / "run", tiny_vatt(drop_rate=0.0, dropout_rate=0.0), facts)
    (run / "vocabulary.txt").write_bytes((records / "vocabulary.txt").read_bytes())
    Mirror(f"{bucket}/runs/first", run).push()
    here, there = vatt.load(run), vatt.load(f"{bucket}/runs/first")
    assert there.fingerprint == here.fingerprint and there.source == f"{bucket}/runs/first"
    sentences = ["the red disc", "blue star"]
    for space, vectors in there.embed_text(sentences).items():
        np.testing.assert_array_equal(vectors, here.embed_text(sentences)[space])
    hub("someone/model", run)
    assert vatt.load("hf://someone/model").fingerprint == here.fingerprint
    with pytest.raises(Exception, match=f"{bucket}/runs/none"):
        vatt.load(f"{bucket}/runs/none")
