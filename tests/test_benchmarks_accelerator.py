"""The benchmark of accelerators runs without TensorFlow, here in miniature on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_its_step_runs_without_tensorflow(tmp_path):
    out = tmp_path / "rows.jsonl"
    command = [sys.executable, ROOT / "benchmarks" / "accelerator.py", "--sizes", "tiny"]
    command += ["--parts", "step", "losses", "--peak_tflops", "0.0001", "--out", out]
    absent = tmp_path / "absent" / "tensorflow.py"
    absent.parent.mkdir()
    absent.write_text("raise ImportError('not installed')")
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(absent.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["part"] for row in rows] == ["step", "losses", "losses"]
    for row in rows:
        assert "error" not in row
        assert row["losses"][-1] < row["losses"][0] and row["mfu"] > 0
    low, high = (row["losses"][0] for row in rows[1:])
    assert abs(low - high) < 0.05 * high, "bfloat16 starts where float32 starts"
