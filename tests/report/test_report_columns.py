"""The journal by column: against a naive reading, and half a million lines."""

import json
import math
import time

import numpy as np
import pytest

from vatt.report import columns
from vatt.report.columns import read_columns
from vatt.report.page import write_report


def written(tmp_path, text):
    path = tmp_path / "journal.jsonl"
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return path


def naive(path, name):
    """The last value of each step, line by line."""
    found = {}
    for text in path.read_text().splitlines():
        line = json.loads(text)
        if name in line:
            value = line[name]
            found[line["step"]] = float(value) if isinstance(value, int | float) else math.nan
    return sorted(found.items())


def test_columns_equal_a_naive_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "_LINES_AT_ONCE", 7)
    draw = np.random.default_rng(0)
    lines = []
    for place in range(200):
        line = {"step": int(draw.integers(1, 150))}
        for name, value in (("loss", draw.normal()), ("rate", None), ("note", "text"), ("whole", place)):
            if draw.random() < 0.8:
                line[name] = value
        lines.append(json.dumps(line))
    path = written(tmp_path, "\n".join(lines))
    read = read_columns(path)
    assert (read.lines, read.torn) == (200, 0)
    for name in ("loss", "rate", "note", "whole"):
        np.testing.assert_array_equal(read[name], np.array(naive(path, name)))
    assert read.last_step == max(json.loads(line)["step"] for line in lines)
    assert read["absent"].shape == (0, 2) and not len(read.finite("rate"))


def test_torn_lines_cost_themselves(tmp_path):
    text = (
        b'{"step": 1, "loss": 2.0}\n\n{"step": 2, "lo\n"text"\n[1, 2]\n{"loss": 1.0}\n{"step": "3"}\n'
        b'{"step": true}\n{"step": -1}\n\xff\xfe\n'
        + b"[" * 50_000
        + b'\n{"step": 4, "loss": 1e999}\n{"step": 5, "loss": 1'
        + b"0" * 400
        + b'}\n{"step": 6, "loss": true, "alarms": ["a", 7]}\n{"step": 7, "alarms": "alone"}'
    )
    read = read_columns(written(tmp_path, text))
    assert (read.lines, read.torn) == (5, 9)
    np.testing.assert_array_equal(read["loss"], [[1, 2.0], [4, math.nan], [5, math.nan], [6, 1.0]])
    assert read.alarms == [(6, "a"), (6, "7"), (7, "alone")]


def test_nothing_is_nothing(tmp_path):
    read = read_columns(written(tmp_path, ""))
    assert not read and read.last_step == 0 and read.seconds is None and read["loss"].shape == (0, 2)


@pytest.mark.slow
def test_half_a_million_lines_are_a_small_page_soon(tmp_path):
    with (tmp_path / "journal.jsonl").open("w") as file:
        for step in range(1, 500_001):
            loss = 5.0 + math.sin(step) if step != 250_123 else 77.0
            file.write(
                f'{{"step": {step}, "loss": {loss}, "loss/video_audio": {loss / 2}, "loss/video_text": '
                f'{loss / 3}, "data/video": 1.0, "data/audio": 0.9, "data/text": 0.8, "learning_rate": 0.1, '
                f'"gradient_norm": {loss}, "clips_per_second": 2000.5, "data_wait_share": 0.01, "seconds": '
                f'{step}.5, "flops_per_second": 1e12, "tokens_per_second": 1e6, "memory_gib": 1.5}}\n'
            )
    began = time.process_time()
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert time.process_time() - began < 15
    assert len(page) < 1_000_000
    assert "The journal has 500,000 lines. A curve joins the means of 150 stretches" in page
    assert "1 value(s) are above what is drawn (▲), the highest at 77.0" in page
