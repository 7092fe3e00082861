"""The report of made-up run directories: complete, torn, empty, hostile, troubled."""

import argparse
import json
import os
import re
import subprocess
import sys

import pytest

from tests.report import made_up_runs
from tests.report.made_up_runs import HOSTILE
from tests.report.pages import Checker, assert_harmless
from vatt.report import cli
from vatt.report.page import write_report
from vatt.report.run_files import read_run


@pytest.fixture
def run(tmp_path):
    return made_up_runs.write_run(tmp_path / "my_run")


def page_of(directory):
    path = write_report(directory)
    assert path == directory / "report.html"
    assert [file.name for file in directory.iterdir() if "unfinished" in file.name] == []
    return path.read_text(encoding="utf-8")


def test_a_complete_run_shows_every_part(run):
    checked = Checker(page_of(run))
    text = re.sub(r"\s+", " ", checked.text)
    assert "Text → video finds a right clip first in 72 % of 144 queries; chance is 4.2 %." in text
    assert "Audio → video finds a right clip first in 72 %" in text
    for part in ("my_run", "Retrieval", "What was found", "Training", "How to read this", "What ran"):
        assert part in text
    assert re.search(r"71\.5 %\s*64 % to 78 %\s*chance 4\.2 %", text)  # Wilson, 144 queries
    assert text.count("derived") >= 2 and "6 clips left out" in text
    assert "✓ right clip first" in text and "✗ first right clip at rank 7" in text
    assert "MODEL_DIR = 'a <place>'" in text and "--gin_file=pretrain.gin" in text
    assert "30 s" in text and "8 → " not in text and "7.74 → 1.08" in text
    assert checked.tags.count("figure") == 5
    assert checked.tags.count("img") == 10


def test_the_page_stands_alone(run):
    page = page_of(run)
    assert_harmless(Checker(page))
    assert "http://" not in page and "https://" not in page and "url(" not in page and "@import" not in page
    assert "default-src 'none'" in page


def test_everything_is_escaped(run):
    evaluation = {"step": 1, "metrics": {}, "artifact": made_up_runs.retrieval(caption=HOSTILE)}
    (run / "evaluations" / "demo.json").write_text(json.dumps(evaluation))
    made_up_runs.write_evaluation(run, "classes", made_up_runs.classification(name=HOSTILE + "{}"))
    made_up_runs.write_evaluation(run, "card", {"kind": HOSTILE, "protocol": {HOSTILE: {"x": HOSTILE}}})
    for name in ("command.txt", "config.gin"):
        (run / name).write_text(HOSTILE)
    checked = Checker(page_of(run))
    assert_harmless(checked)
    assert checked.text.count(HOSTILE) >= 20


def test_an_empty_directory_gives_a_page_of_sentences(tmp_path):
    checked = Checker(page_of(tmp_path))
    for missing in ("journal.jsonl is missing", "config.gin is missing", "No evaluation is on record"):
        assert missing in checked.text
    assert "figure" not in checked.tags


def test_torn_files_cost_their_part_only(run):
    with (run / "journal.jsonl").open("a") as file:
        file.write('{"step": 61, "loss": null, "loss/video_audio": NaN}\n{"step": 62, "lo')
    with (run / "incidents.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 61, "kind": "note", "what": "one\u2028row\x85"}\n')  # no ends of a line
    (run / "metrics.json").write_text('{"a": 1')
    (run / "evaluations" / "other.json").write_text(
        json.dumps({"step": 3, "artifact": {"kind": "retrieval"}})
    )
    (run / "evaluations" / "plain.json").write_text(json.dumps({"step": 3, "metrics": {"plain/top_1": 0.25}}))
    (run / "evaluations" / "list.json").write_text("[1, 2]")
    text = Checker(page_of(run)).text
    assert "journal.jsonl holds 1 line(s) that can not be read" in text
    assert "incidents.jsonl holds" not in text
    assert "metrics.json can not be read" in text
    assert "Evaluation other can not be shown: KeyError" in text
    assert "plain/top_10.25" in text
    assert "2 value(s) are not finite and left out" in text
    assert "What was found" in text and "Training" in text


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 100_000, b'{"step": 1e999}', b"", b"[null]"])
@pytest.mark.parametrize(
    "name",
    [
        "journal.jsonl",
        "metrics.json",
        "incidents.jsonl",
        "evaluations/demo.json",
        "evaluations/history.jsonl",
        "checkpoints/ckpt-60.json",
        "command.txt",
        "config.gin",
    ],
)
def test_no_content_of_a_file_costs_the_page(run, name, content):
    (run / name).write_bytes(content)
    assert "What ran" in Checker(page_of(run)).text


def test_a_directory_in_the_place_of_a_file_costs_that_file(run):
    for name in ("journal.jsonl", "config.gin"):
        (run / name).unlink()
        (run / name).mkdir()
    assert "config.gin is missing" in Checker(page_of(run)).text


def test_steps_come_once_and_sessions_add_up(run):
    lines = [{"step": 1, "seconds": 10}, {"step": 2, "seconds": 20}, {"step": 2, "seconds": 5, "loss": 1.0}]
    lines.append({"step": 3, "seconds": 12})
    (run / "journal.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    read = read_run(run)
    assert read.journal["seconds"].tolist() == [[1, 10], [2, 5], [3, 12]]
    assert read.journal["loss"].tolist() == [[2, 1.0]]
    assert read.journal.seconds == 10 + 12  # the second session began after step 1 and ended at 12 s


def test_a_directory_that_is_none_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Give the MODEL_DIR of a run"):
        write_report(tmp_path / "nowhere")


def test_the_verb_writes_and_prints(run, tmp_path, capsys):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    assert cli.main(parser.parse_args([str(run), "--out", str(tmp_path / "new" / "page.html")])) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "new" / "page.html")
    assert "<!doctype html>" in (tmp_path / "new" / "page.html").read_text(encoding="utf-8")


def test_neither_tensorflow_nor_keras_is_imported(run):
    code = (
        "import sys; from vatt.cli import main; assert main(['report', *sys.argv[1:]]) == 0; "
        "assert not {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, run], check=True, capture_output=True, timeout=60)


def test_what_ran_is_told(run):
    words = Checker(page_of(run)).words
    for fact in (
        "Commandpython -m vatt.main --gin_file=pretrain.gin",
        "Started2026-01-02T03:04:05+00:00",
        "Packagestensorflow 2.21.0, keras 3.15.1",
        "Training data, fingerprintd34a7bd67c1d2038",
        "Evaluated on demo/test, 150 records, fingerprint5074e79a68d7f4bc",
    ):
        assert fact in words


def test_a_quiet_run_says_so_and_a_run_without_steps_does_not(run, tmp_path):
    assert "No alarm raised, no step left out" in Checker(page_of(run)).words
    measured = tmp_path / "measured"
    made_up_runs.write_evaluation(measured, "svm", made_up_runs.probe(), step=0)
    (measured / "config.gin").write_text("CHECKPOINT = 'runs/pretrain'\nrun.job = @ModelEvaluation\n")
    words = Checker(page_of(measured)).words
    assert "No alarm" not in words and "journal.jsonl" not in words
    assert "Probe of frozen features svm" in words and words.count("Starts fromruns/pretrain") == 2
    assert "Evaluated data5074e79a68d7f4bc" in words


def test_troubles_are_told_and_marked_on_the_loss(tmp_path):
    directory = made_up_runs.write_troubled_run(tmp_path / "run")
    page = page_of(directory)
    checked = Checker(page)
    assert_harmless(checked)
    assert "Alarms 4 on record" in checked.words
    assert "2 steps were left out. 5 training records were found damaged." in checked.words
    assert "▲ step 30step left out loss=nan" in checked.words and "ckpt-50 is damaged." in checked.words
    assert page.count('class="alarm-sign"') == 4


def test_what_older_runs_left_behind_counts(run):
    (run / "checkpoints" / "damaged").mkdir()
    (run / "checkpoints" / "damaged" / "ckpt-40.index").touch()
    (run / "bad_batches").mkdir()
    (run / "bad_batches" / "step-7-worker-0.npz").touch()
    words = Checker(page_of(run)).words
    assert "In checkpoints/damaged: ckpt-40.index." in words and "step-7-worker-0.npz" in words


@pytest.mark.parametrize(("seconds", "is_told"), [(60, True), (-60, False)])
def test_the_last_failure_is_told_unless_the_run_went_on(run, seconds, is_told):
    (run / "traceback.txt").write_text("Traceback:\n  somewhere\nValueError: no room\n")
    newest = (run / "metrics.json").stat().st_mtime
    os.utime(run / "traceback.txt", (newest + seconds, newest + seconds))
    assert ("ValueError: no room" in Checker(page_of(run)).words) == is_told


def test_many_alarms_are_folded_and_a_flood_is_counted(run):
    lines = [line | {"alarms": [f"alarm {line['step']}"]} for line in made_up_runs.journal(600)]
    made_up_runs.write_lines(run / "journal.jsonl", lines)
    words = Checker(page_of(run)).words
    assert "600 on record" in words and "588 more" in words and "100 more are in the run directory" in words
    assert "alarm 500" in words and "alarm 501" not in words


def test_evaluations_along_the_training_are_drawn(run):
    names = ("text_to_video", "audio_to_video")
    history = [
        {"step": step} | {f"demo/{name}/recall_at_1": step / 60 for name in names}
        for step in (20, 40, 60, 60)
    ]
    made_up_runs.write_lines(run / "evaluations" / "history.jsonl", history)
    page = page_of(run)
    assert "3 evaluations, from step 20 to step 60." in Checker(page).words
    assert "R@1 over training steps: text → video from 33.3" in page
    made_up_runs.write_lines(run / "evaluations" / "history.jsonl", history[-1:])
    assert "Along the training" not in page_of(run)


def test_an_evaluation_beside_the_run_is_shown_with_it(run):
    beside = run / "evaluation"
    made_up_runs.write_evaluation(beside, "demo", made_up_runs.retrieval(right=72), step=40)
    (beside / "metrics.json").write_text("{}")
    words = Checker(page_of(run)).words
    assert "Retrieval evaluation: demo After step 40: 150 clips" in words
    assert "first in 72 %" in words and "first in 50 %" in words
