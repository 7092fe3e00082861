"""The report of made-up run directories: complete, torn, empty, hostile; no browser but in the slow test."""

import argparse
import html.parser
import json
import math
import re
import shutil
import subprocess

import pytest

from vatt.report import cli
from vatt.report.page import write_report
from vatt.report.run_files import read_run

PIXEL = (  # a 1 x 1 GIF stands in for a strip of frames
    "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
)
VOID = {"meta", "img", "br", "hr", "link"}
HOSTILE = "<script>alert('x')</script> & \"quoted\""


class Checker(html.parser.HTMLParser):
    """Collects text and attributes, and that every element is closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def figures(recall):
    return {
        "recall_at_1": recall,
        "chance_recall_at_1": 0.042,
        "recall_at_5": 1.0,
        "chance_recall_at_5": 0.194,
        "median_rank": 1.0,
        "chance_median_rank": 16.0,
        "mean_rank": 1.43,
        "chance_mean_rank": 20.7,
    }


def artifact(caption="a red circle bounces"):
    names = ("text → video", "video → text", "audio → video", "video → audio", "text → audio", "audio → text")
    directions = [
        {
            "name": label.replace(" → ", "_to_"),
            "label": label,
            "space": "video_text",
            "derived": set(label.split(" → ")) == {"text", "audio"},
            "queries": 144,
            "items": 144,
            "clips": 144,
            "left_out": 6 if "audio" in label else 0,
            "figures": figures(0.712),
            "exact_clip": figures(0.125),
        }
        for label in names
    ]
    retrieved = [{"clip": n % 3, "score": 0.9 - n / 10, "hit": n != 1} for n in range(5)]
    clip = {"group": "red circle bounces", "caption": caption, "jpeg_base64": PIXEL}
    query = {"clip": 1, "caption": caption, "envelope": [0.1, 0.5, 0.2], "retrieved": retrieved}
    return {
        "kind": "retrieval",
        "clips": 150,
        "captions": "first",
        "grouped": True,
        "ranks": [1, 5],
        "directions": directions,
        "queries": [
            query | {"direction": "text_to_video", "rank": 1},
            query | {"direction": "audio_to_video", "rank": 7},
        ],
        "shown_clips": {str(n): clip | {"id": f"clip{n}@0.0"} for n in range(3)},
    }


def journal(steps=60):
    for step in range(1, steps + 1):
        yield {
            "step": step,
            "loss": 8.0 * math.exp(-step / 30),
            "loss/video_audio": 4.0 * math.exp(-step / 30),
            "loss/video_text": 4.0 * math.exp(-step / 30),
            "learning_rate": 1e-4 * step / steps,
            "gradient_norm": 1.5,
            "clips_per_second": 170.0,
            "data_wait_share": 0.02,
            "seconds": 0.5 * step,
        }


@pytest.fixture
def run(tmp_path):
    directory = tmp_path / "my_run"
    (directory / "evaluations").mkdir(parents=True)
    evaluation = {"step": 60, "metrics": {"demo/clips": 150}, "artifact": artifact()}
    (directory / "evaluations" / "demo.json").write_text(json.dumps(evaluation))
    (directory / "metrics.json").write_text(json.dumps({"demo/text_to_video/recall_at_1": 0.712}))
    (directory / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in journal()))
    (directory / "config.gin").write_text("MODEL_DIR = 'a <place>'\n")
    (directory / "command.txt").write_text("python -m vatt.main --gin_file=pretrain.gin\n")
    return directory


def page_of(directory):
    path = write_report(directory)
    assert path == directory / "report.html"
    assert [file.name for file in directory.iterdir() if "unfinished" in file.name] == []
    return path.read_text(encoding="utf-8")


def test_a_complete_run_shows_every_part(run):
    checked = Checker(page_of(run))
    text = re.sub(r"\s+", " ", checked.text)
    assert "Text → video finds a right clip first in 71 % of 144 queries; chance is 4.2 %." in text
    assert "Audio → video finds a right clip first in 71 %" in text
    for part in ("my_run", "Retrieval", "What was found", "Training", "How to read this", "What ran"):
        assert part in text
    assert "71.2 %63 % to 78 %chance 4.2 %" in text  # Wilson, 144 queries
    assert text.count("derived") >= 2 and "6 clips left out" in text
    assert "✓ right clip first" in text and "✗ first right clip at rank 7" in text
    assert "MODEL_DIR = 'a <place>'" in text and "--gin_file=pretrain.gin" in text
    assert "30 s" in text and "8 → " not in text and "7.74 → 1.08" in text
    assert checked.tags.count("figure") == 5
    assert checked.tags.count("img") == 10


def test_the_page_stands_alone(run):
    checked = Checker(page_of(run))
    assert "script" not in checked.tags and "link" not in checked.tags and "iframe" not in checked.tags
    for tag, name, value in checked.attributes:
        assert not name.startswith("on"), "an event handler"
        if name in ("src", "href", "srcset"):
            assert value.startswith(("data:", "#")), (tag, value)
    page = page_of(run)
    assert "http://" not in page and "https://" not in page and "url(" not in page and "@import" not in page
    assert "default-src &#x27;none&#x27;" in page


def test_everything_is_escaped(run):
    evaluation = {"step": 1, "metrics": {}, "artifact": artifact(caption=HOSTILE)}
    (run / "evaluations" / "demo.json").write_text(json.dumps(evaluation))
    for name in ("command.txt", "config.gin"):
        (run / name).write_text(HOSTILE)
    checked = Checker(page_of(run))
    assert "script" not in checked.tags
    assert checked.text.count(HOSTILE) >= 4


def test_an_empty_directory_gives_a_page_of_sentences(tmp_path):
    checked = Checker(page_of(tmp_path))
    for missing in ("journal.jsonl is missing", "config.gin is missing", "No evaluation is on record"):
        assert missing in checked.text
    assert "figure" not in checked.tags


def test_torn_files_cost_their_part_only(run):
    with (run / "journal.jsonl").open("a") as file:
        file.write('{"step": 61, "loss": null, "loss/video_audio": NaN}\n{"step": 62, "lo')
    (run / "metrics.json").write_text('{"a": 1')
    (run / "evaluations" / "other.json").write_text(
        json.dumps({"step": 3, "artifact": {"kind": "retrieval"}})
    )
    (run / "evaluations" / "plain.json").write_text(json.dumps({"step": 3, "metrics": {"plain/top_1": 0.25}}))
    (run / "evaluations" / "list.json").write_text("[1, 2]")
    text = Checker(page_of(run)).text
    assert "journal.jsonl holds 1 line(s) that can not be read" in text
    assert "metrics.json can not be read" in text
    assert "Evaluation other can not be shown: KeyError" in text
    assert "plain/top_10.25" in text
    assert "2 value(s) are not finite and left out" in text
    assert "What was found" in text and "Training" in text


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
    assert cli.main(parser.parse_args([str(run), "--output", str(tmp_path / "page.html")])) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "page.html")
    assert "<!doctype html>" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_browser_finds_nothing_to_complain_about(run, tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium or Chrome on this machine")
    path = write_report(run)
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "What was found" in done.stdout
    assert "CONSOLE" not in done.stderr
