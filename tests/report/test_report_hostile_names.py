"""Names that a run takes from elsewhere: of its folder, its evaluators, classes, clips, numbers and texts."""

import json

import pytest

from tests.report.made_up_runs import classification, retrieval
from tests.report.pages import Checker, assert_harmless
from vatt.report.page import build_page
from vatt.report.run_files import read_run

UNSEEN = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x1b\x07\x9b"
NAMES = {
    "a script": "<script>alert(1)<\\script>",
    "an element": "<img src=x onerror=alert(1)>",
    "quotes": '" onmouseover="alert(1)" x=\'',
    "a reversal": "gpj.\u202eexe\u2066",
    "control characters": "\x1b[31m\x07\x9b2J",
    "half a surrogate pair": "a\udce9b",
    "an entity": "&lt;b&gt; &#x202e;",
    "right to left": "\u05d0\u05d1\u200f",
}


def write_run(directory, name):
    (directory / "evaluations").mkdir(parents=True)
    lines = [{"step": n, "loss": 1.0 / n, name: n, "alarms": [name]} for n in range(1, 20)]
    (directory / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (directory / "metrics.json").write_text(json.dumps({"step": 19, f"{name}/top_1": 0.5}))
    (directory / "config.gin").write_bytes(f"run.job = @Trainer\n# {name}\n".encode("utf-8", "replace"))
    (directory / "command.txt").write_bytes(f"command: vatt {name}\n".encode("utf-8", "replace"))
    incident = {"step": 3, "time": "2026-01-01T00:00:00+00:00", "kind": name, "sentence": name}
    (directory / "incidents.jsonl").write_text(json.dumps(incident) + "\n")
    artifacts = {
        "search": retrieval(caption=name),
        "classes": classification(name=name + " {}"),
        name: {"kind": name},
    }
    for evaluator, artifact in artifacts.items():
        facts = {"step": 19, "metrics": {"top_1": 0.5, name: 0.25}, "artifact": artifact}
        (directory / f"evaluations/{evaluator}.json").write_text(json.dumps(facts))
    return directory


@pytest.mark.parametrize("hostile", NAMES.values(), ids=NAMES)
def test_no_name_does_anything_in_the_page(hostile, tmp_path):
    page = build_page(read_run(write_run(tmp_path / hostile, hostile)))
    page.encode()  # as it is written
    checked = Checker(page)
    assert_harmless(checked)
    assert not set(page) & set(UNSEEN)
    seen = hostile.encode("utf-8", "backslashreplace").decode()
    for sign in UNSEEN:
        seen = seen.replace(sign, f"\\u{ord(sign):04x}")
    assert checked.text.count(seen) >= 5, "it is shown, spelt out where it can not be seen"
