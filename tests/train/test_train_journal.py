"""The journal: cut back on resume, copied to TensorBoard, never a broken line."""

import json
import math

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vatt.train.journal import Journal, write_json


def test_a_resumed_journal_holds_no_step_twice(tmp_path):
    journal = Journal(tmp_path, 0)
    for step in (2, 4, 6, 8):
        journal.write({"step": step, "loss": 1.0 / step, "seconds": float(step)})
    journal.close()
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"step": 10, "lo')  # a kill in the middle of a line
    journal = Journal(tmp_path, 5)
    assert journal.seconds == 4.0
    journal.write({"step": 6, "loss": math.nan})
    journal.write_evaluation(6, {"toys/recall": 0.5})
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6]
    assert lines[-1]["loss"] is None  # JSON has no NaN
    events = EventAccumulator(str(tmp_path / "events"), size_guidance={"tensors": 0}).Reload()
    assert [event.step for event in events.Tensors("loss")] == [2, 4, 6]
    assert [event.step for event in events.Tensors("toys/recall")] == [6]


def test_json_is_written_whole(tmp_path):
    write_json(tmp_path / "a.json", {"b": (math.inf, 1)})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [None, 1]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
