import html.parser
import re

import pytest
from clip_maker import make_clips, prepare

from vatt.prepare.preparation_page import page
from vatt.prepare.preparation_report import read_report
from vatt.prepare.record import Clip


class Checker(html.parser.HTMLParser):
    """Checks that every element is closed, and collects the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + "\n"


def text_of(written):
    checker = Checker()
    checker.feed(written)
    assert not checker.open
    return checker.text


def test_the_page_names_everything_and_is_whole(content):
    written = page(content)
    text = text_of(written)
    for item in content["failed"]:
        assert item["media_id"] in text and item["reason"] in text
    for item in content["missing"]:
        assert f"\n{item['media_id']}\n" in text and item["looked_for"] in text
    assert "100 records from 100 clips; 2 of 102 failed." in text
    assert "10 ×" in text and "1 min 30 s" in text and "Clips of earlier runs\n52" in text
    assert "96 (96.0%)" in text
    assert "<script" not in written and not re.search(r"(src|href)=", written)
    assert "<details>" in written  # the long list is folded


def test_the_page_says_why_a_set_was_refused(content):
    text = text_of(page(content | {"finished": False, "max_failures": 0.01}))
    assert "2 of 102 clips failed, and at most 1.0% may" in text
    text = text_of(page(content | {"finished": False, "records": 0, "splits": {}}))
    assert "Not one of 102 clips could be prepared" in text


def test_a_run_writes_both(tmp_path):
    gone = Clip(media=str(tmp_path / "gone.mp4"), media_id="gone", split="train")
    prepare([*make_clips(tmp_path), gone], tmp_path / "out", max_failures=0.2, missing=[("m9", "m9.mp4")])
    report = read_report(tmp_path / "out")
    assert report["splits"]["train"]["records_with"]["captions"] == 5
    assert report["hours"] == pytest.approx(7 * 0.4 / 3600)
    assert report["missing"] == [{"media_id": "m9", "looked_for": "m9.mp4"}]
    assert report["this_run"]["clips"] == 8 and report["this_run"]["workers"] == 2
    text = text_of((tmp_path / "out" / "preparation.html").read_text())
    assert "7 records from 7 clips; 1 of 8 failed." in text and "gone.mp4: there is no such file" in text
    assert read_report(tmp_path) == {}
