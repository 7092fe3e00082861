"""Every analysis on the page: drawn from what its evaluator left, complete, hostile or torn."""

import html.parser
import json
import re

import numpy as np
import pytest

from tests.analyses.small_clips import SmallClips
from tests.chromium import find_browser
from tests.described import described
from tests.report.browser import Browser
from tests.report.test_report_browser import LEGIBLE, STANDS_OUT
from vatt import spec
from vatt.analyses.activations import Activations
from vatt.analyses.attention_map import AttentionMap
from vatt.analyses.feature_map import FeatureMap
from vatt.analyses.nearest_neighbours import NearestNeighbours
from vatt.analyses.similarity_calibration import SimilarityCalibration
from vatt.analyses.space_geometry import SpaceGeometry
from vatt.analyses.space_map import SpaceMap
from vatt.report.kinds import KINDS
from vatt.report.page import write_report

HOSTILE = "<script>alert('x')</script>"
# kind -> (evaluator, settings, what its section must say)
ANALYSES = {
    "feature_map": (FeatureMap, {"modality": "audio"}, "9 clips of 3 classes, t-SNE"),
    "space_map": (SpaceMap, {}, "Input space, after tokenization"),
    "activations": (Activations, {}, "One encoder reads all modalities"),
    "attention_map": (AttentionMap, {"shown": 2}, "times an even share"),
    "space_geometry": (SpaceGeometry, {}, "along the gap"),
    "similarity_calibration": (SimilarityCalibration, {"folds": 2}, "worth of a cosine"),
    "nearest_neighbours": (NearestNeighbours, {"shown": 2}, "Each row asks with one modality"),
}


class Tags(html.parser.HTMLParser):
    """Tags, attributes and text of a page, whose elements must close in order."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self._open = [], [], "", []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in ("meta", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


class LabelledClips(SmallClips):
    """Nine clips of three classes, all captions hostile."""

    def __init__(self):
        super().__init__(9, caption=HOSTILE)
        described(self, label_names=("a", HOSTILE, "c"))
        self.columns[spec.LABEL] = np.eye(3, dtype=np.float32)[np.arange(9) % 3]


@pytest.fixture(scope="module")
def evaluations(agnostic):
    """kind -> what lies in evaluations/NAME.json."""
    clips, made = LabelledClips(), {}
    for kind, (evaluator, settings, _) in ANALYSES.items():
        one = evaluator(name=kind, dataset=clips, batch_size=9, **settings)
        metrics = one.evaluate(agnostic)
        made[kind] = {"step": 0, "metrics": metrics, "artifact": one.artifact()}
    return made


def page_of(directory, evaluations):
    (directory / "evaluations").mkdir(parents=True, exist_ok=True)
    for name, evaluation in evaluations.items():
        text = json.dumps(evaluation, allow_nan=False)
        (directory / "evaluations" / f"{name}.json").write_text(text, encoding="utf-8")
    return Tags(write_report(directory).read_text(encoding="utf-8"))


def test_every_analysis_has_its_kind_and_every_kind_is_tried(evaluations):
    assert {each["artifact"]["kind"] for each in evaluations.values()} == set(ANALYSES)
    assert set(ANALYSES) < set(KINDS)


def test_all_are_drawn_on_a_page_that_stands_alone(tmp_path, evaluations):
    page = page_of(tmp_path, evaluations)
    text = re.sub(r"\s+", " ", page.text)
    assert "can not be shown" not in text
    for _, _, said in ANALYSES.values():
        assert said in text
    # 1 map; 3 + 6 of the spaces; 2 curves; 2 for each of three pairs; 3 and 6.
    assert page.tags.count("figure") == 1 + 9 + 2 + 6 + 9
    assert page.tags.count("article") == 4
    assert "script" not in page.tags and HOSTILE in page.text
    for tag, name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("src", "href"):
            assert value.startswith(("data:image/", "#")), (tag, value)
        assert "nan" not in value.split() and "None" not in value, (tag, name, value)


@pytest.mark.parametrize("kind", ANALYSES)
def test_one_alone_brings_its_rules_and_a_torn_one_costs_a_sentence(kind, tmp_path, evaluations):
    page = page_of(tmp_path / "alone", {kind: evaluations[kind]})
    assert ANALYSES[kind][2] in re.sub(r"\s+", " ", page.text)
    torn = {"step": 0, "metrics": {}, "artifact": {"kind": kind, "protocol": {}}}
    page = page_of(tmp_path / "torn", {kind: torn, "whole": evaluations["activations"]})
    assert f"Evaluation {kind} can not be shown: KeyError" in page.text
    assert "One encoder reads all modalities" in page.text


def test_numbers_that_were_not_finite_are_left_out(tmp_path, evaluations):
    lost = json.loads(json.dumps(evaluations))
    lost["feature_map"]["artifact"]["figures"]["silhouette"] = None
    correlations = lost["activations"]["artifact"]["correlations"]
    correlations["video_audio"] = [None, 0.5]
    lost["attention_map"]["artifact"]["figures"]["video/movement_correlation"] = None
    text = page_of(tmp_path, lost).text
    assert "can not be shown" not in text
    assert "Silhouette" not in text and "where the video moves" not in text


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason="needs Chromium or Chrome")
def test_a_browser_finds_nothing_to_complain_about(tmp_path, evaluations):
    page_of(tmp_path, evaluations)
    path = tmp_path / "report.html"
    with Browser() as browser:
        for width in (360, 1120):
            for dark in (False, True):
                browser.open(path, width=width, dark=dark)
                browser.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
                assert browser.evaluate("document.documentElement.scrollWidth") <= width
                assert browser.evaluate(STANDS_OUT) == [] and browser.evaluate(LEGIBLE) == []
        assert browser.complaints == [] and set(browser.requests) == {path.as_uri()}
        assert browser.evaluate("[...document.images].filter(e => !e.naturalWidth).length") == 0
