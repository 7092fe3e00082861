"""Sections by kind: classes, confusions, probes, zero-shot, splits, protocol cards; any damage to them."""

import copy
import random
import re

import pytest

from tests.report import made_up_runs
from tests.report.pages import Checker, assert_harmless
from vatt.report.comparison import build_comparison
from vatt.report.confusion import confusion
from vatt.report.evaluation import Evaluation
from vatt.report.kinds import KINDS, kind_of
from vatt.report.page import build_page
from vatt.report.protocol import differences, flat
from vatt.report.run_files import RunFiles

ARTIFACTS = {
    "retrieval": made_up_runs.retrieval,
    "classification": made_up_runs.classification,
    "probe": made_up_runs.probe,
    "zero_shot": made_up_runs.zero_shot,
    "several_labels": made_up_runs.several_labels,
    "mean_over_splits": made_up_runs.splits,
}


def words_of(artifact, name="toy"):
    evaluation = Evaluation(name=name, prefix=name, step=60, artifact=artifact)
    return Checker(kind_of(evaluation).section(evaluation)).words


def page_words(artifact, tmp_path):
    evaluation = Evaluation(name="toy", prefix="toy", step=60, artifact=artifact)
    return Checker(build_page(RunFiles(directory=tmp_path, evaluations={"toy": evaluation}))).words


def test_every_kind_that_evaluators_leave_has_its_section():
    assert set(KINDS) >= {made["kind"] for made in (make() for make in ARTIFACTS.values())}
    for name, make in ARTIFACTS.items():
        assert "can not be shown" not in words_of(make()), name


def test_few_classes_are_listed_the_best_first_with_what_they_were_taken_for():
    words = words_of(made_up_runs.classification())
    assert "After step 60: 120 clips of 6 classes, 1 view each. 2 clips lack what the model reads" in words
    assert "87.5 %80 % to 92 %chance 16.7 %" in words  # 105 of 120, by Wilson
    places = [words.index(f"class {n}20") for n in range(6)]
    assert places == sorted(places)
    assert "class 520 75.0 %53 % to 89 %100 %class 0 (5)".replace(" 75", "75") in words


def test_of_many_classes_the_ends_are_shown_and_the_rest_is_folded():
    page = KINDS["classification"].section(
        Evaluation(name="toy", artifact=made_up_runs.classification(classes=40))
    )
    shown, folded = page.split("<details>")
    assert shown.count("<tr>") == 2 + 2 * 11  # the figures; two tables of ten
    assert folded.split("</details>")[0].count("<tr>") == 41
    worst = Checker(page).words.partition("The worst 10, the worst first")[2]
    assert worst.index("class 39") < worst.index("class 30")


def test_classes_without_clips_are_named_not_ranked():
    words = words_of(made_up_runs.several_labels())
    assert "1 class(es) without a clip to judge by: never heard." in words
    assert "The best 10 of 40 classes" in words and "sound 394997.5 %0.91.81" in words


def test_a_confusion_matrix_has_a_square_for_each_pair():
    matrix = confusion([[0, 0, 3], [0, 1, 1], [1, 1, 4], [2, 2, 4]], ["a", "b", "c"])
    assert matrix.count("<rect") == 9
    assert "<title>a taken for b: 1 of 4 clips</title>" in matrix
    assert matrix.count('class="hit"') == 3 and matrix.count('class="miss"') == 1
    assert float(re.search(r'class="miss" opacity="([\d.]+)"', matrix)[1]) == pytest.approx(
        0.18 + 0.62 / 4, abs=0.01
    )


def test_of_many_classes_the_commonest_mistakes_are_listed():
    made = made_up_runs.classification(classes=40)
    words = Checker(confusion(made["confusion"], [each["label"] for each in made["classes"]])).words
    assert "class 20class 2120 of 20 (100 %)" in words and "class 1class" not in words
    assert confusion([[0, 0, 5]], [str(n) for n in range(40)]) is None  # no mistake to list
    with pytest.raises(ValueError, match="classes that are not there"):
        confusion([[0, 7, 5]], ["a", "b"])


def test_a_probe_tells_how_it_was_fitted():
    words = words_of(made_up_runs.probe())
    assert "fitted on frozen features of 480 other clips" in words
    assert "accuracy of c 0.01: 75.0 %, 0.1: 50.0 %; unfinished fits 0; fitted in 1 min 33 s." in words


def test_zero_shot_shows_what_was_said_and_what_reads_alike():
    words = words_of(made_up_runs.zero_shot())
    assert "class 0reads like another“a video of 0”" in words and words.count("reads like another") == 2
    assert "2 classes read like another one" in words


def test_a_mean_over_splits_shows_its_spread_and_each_split():
    words = words_of(made_up_runs.splits())
    assert "50.0 %± 1.2 %" in words and words.count("120 clips of 6 classes") == 3


@pytest.mark.parametrize("name", ARTIFACTS)
def test_every_evaluation_shows_its_protocol(name, tmp_path):
    words = page_words(ARTIFACTS[name](), tmp_path)
    assert "Protocol: on what and how it was measured" in words
    assert re.search(r"data · clip · frames ?32", words) and re.search("standardise ?no", words)
    assert "left no protocol card" in page_words(ARTIFACTS[name]() | {"protocol": None}, tmp_path)


def test_cards_differ_in_what_hinders_and_in_what_does_not():
    left = made_up_runs.card()
    right = copy.deepcopy(left) | {"weights": "other", "code": "0.2", "views": 4}
    right["data"]["clip"]["frames"] = 16
    found = differences(left, right)
    assert found.hindering == {"views": ("1", "4"), "data.clip.frames": ("32", "16")}
    assert found.harmless == {"code": ("0.1", "0.2")} and not found.are_comparable
    assert differences(left, left | {"weights": "other", "seed": 1}).are_comparable
    assert not differences(left, left | {"damaged_records": 1}).are_comparable
    assert not differences({}, {}).are_comparable
    nested = {"mean_over": {"a": left}}, {"mean_over": {"a": left | {"weights": "other"}}}
    assert differences(*nested).are_comparable
    assert flat({"a": {"b": [1, None], "c": True, "d": 0.5, "e": []}}) == {
        "a.b": "1, –",
        "a.c": "yes",
        "a.d": "0.5",
        "a.e": "–",
    }


JUNK = (None, "text", -1, 10**400, float("nan"), [], {}, [[]], {"kind": 3}, True, "<b>", [1, "a"])


def damaged(value, draw):
    """A copy in which one thing, anywhere, is something else or gone."""
    value = copy.deepcopy(value)
    places = []

    def walk(node):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(value)
    node, key = draw.choice(places)
    if draw.random() < 0.3:
        del node[key]
    else:
        node[key] = draw.choice(JUNK)
    return value


@pytest.mark.parametrize("name", ARTIFACTS)
def test_no_damage_to_an_artifact_costs_the_page(name, tmp_path):
    draw = random.Random(name)
    whole = ARTIFACTS[name]()
    for _ in range(40):
        broken = damaged(whole, draw)
        runs = [
            RunFiles(directory=tmp_path / folder, evaluations={"toy": Evaluation(name="toy", artifact=made)})
            for folder, made in (("a", broken), ("b", whole))
        ]
        for page in (build_page(runs[0]), build_comparison(*runs), build_comparison(*runs[::-1])):
            checked = Checker(page)
            assert_harmless(checked)
            assert "toy" in checked.words
