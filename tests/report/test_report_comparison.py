"""Two made-up runs side by side: differences, what is not comparable, curves, configuration."""

import argparse
import re

import pytest

from tests.report import made_up_runs
from tests.report.made_up_runs import HOSTILE
from tests.report.pages import Checker, assert_harmless
from vatt.report import cli, kinds
from vatt.report.comparison import bindings, differing_bindings, write_comparison
from vatt.report.intervals import difference_interval, paired_difference_interval
from vatt.report.markup import element


@pytest.fixture
def runs(tmp_path):
    left, right = (
        made_up_runs.write_run(tmp_path / name, seed=seed) for seed, name in enumerate(("one", "two"))
    )
    made_up_runs.write_evaluation(right, "demo", made_up_runs.retrieval(right=123))
    return left, right


def page_of(left, right):
    return write_comparison(left, right).read_text(encoding="utf-8")


def signed(interval):
    return " to ".join(f"{'+' if end > 0 else '−'}{abs(100 * end):.1f}" for end in interval)


def test_a_difference_stands_with_the_interval_of_its_pairs(runs):
    assert write_comparison(*runs) == runs[1] / "compared_with_one.html"
    checked = Checker(page_of(*runs))
    assert_harmless(checked)
    interval = paired_difference_interval([True] * 103 + [False] * 41, [True] * 123 + [False] * 21)
    row = f"text → video, R@1A 71.5 %B 85.4 %+13.9 points{signed(interval)}B better"
    assert row in checked.words
    assert "text → video, R@1: A 71.5 %, B 85.4 %: +13.9 points" in checked.words
    assert (
        "text → video, R@5A 100 %B 100 %±0.0 points" in checked.words
        and "no clear difference" in checked.words
    )
    assert "of pairs, since both runs answered the same queries" in checked.words
    assert "text → video, median rankA 1B 1±0" in checked.words


def test_the_other_way_round_the_other_one_is_better(runs):
    words = Checker(page_of(*runs[::-1])).words
    assert "−13.9 points" in words and "A better" in words and "B better" not in words


def test_without_the_outcome_of_each_query_the_interval_is_of_two_samples(runs):
    made = made_up_runs.retrieval(right=123)
    for one in made["directions"]:
        del one["query_ranks"]
    made_up_runs.write_evaluation(runs[1], "demo", made)
    words = Checker(page_of(*runs)).words
    assert f"+13.9 points{signed(difference_interval(103 / 144, 144, 123 / 144, 144))}" in words
    assert "of two separate samples" in words
    assert "text → video, mean rankA 1.4B 1.4±0" in words  # and no interval


def test_numbers_of_other_protocols_get_a_warning_and_no_difference(runs):
    other = made_up_runs.retrieval(right=123, protocol=made_up_runs.card(views=4))
    made_up_runs.write_evaluation(runs[1], "demo", other)
    page = page_of(*runs)
    words = Checker(page).words
    assert 'class="warning"' in page and "▲ Not comparable. The two were measured in different ways" in words
    assert re.search("views ?1 ?4", words)
    assert "A 71.5 %, B 85.4 %: measured in different ways, not comparable." in words
    assert "+13.9" not in words and "text → video, R@1A 71.5 %B 85.4 %not comparable" in words


def test_without_a_card_nothing_says_that_they_are_comparable(runs):
    made_up_runs.write_evaluation(runs[1], "demo", made_up_runs.retrieval(right=123, protocol={}))
    words = Checker(page_of(*runs)).words
    assert "One of the two has no protocol card" in words and "+13.9" not in words


def test_other_classes_are_another_task_however_many_they_are(runs):
    for run, name in zip(runs, ("action {}", "shape {}"), strict=True):
        made_up_runs.write_evaluation(run, "classes", made_up_runs.classification(name=name))
    words = Checker(page_of(*runs)).words
    assert "Not comparable" in words and "names of the classesaction 0, action 1" in words
    assert "greatest gain" not in words


def test_classes_are_compared_by_what_they_gained(runs):
    made_up_runs.write_evaluation(runs[0], "classes", made_up_runs.classification())
    better = made_up_runs.classification()
    better["classes"][5]["top_1"] = 1.0
    better |= {"ranks": [1] * 100 + better["ranks"][:20], "figures": better["figures"] | {"top_1": 1.0}}
    made_up_runs.write_evaluation(runs[1], "classes", better)
    words = Checker(page_of(*runs)).words
    assert "Classes, the greatest gain firstIn brackets: clips." in words
    assert (
        f"class 5 (20)A 75.0 %B 100 %+25.0 points{signed(difference_interval(0.75, 20, 1.0, 20))}B better"
        in words
    )


@pytest.mark.parametrize(
    "make", [made_up_runs.probe, made_up_runs.zero_shot, made_up_runs.several_labels, made_up_runs.splits]
)
def test_every_kind_can_be_compared(runs, make):
    for run in runs:
        made_up_runs.write_evaluation(run, "other", make())
    words = Checker(page_of(*runs)).words
    assert "can not be shown" not in words and "otherA after step 60" in words


def test_drawings_of_both_stand_beside_each_other(runs, monkeypatch):
    def section(evaluation):
        return element("figure", evaluation.artifact["what"])

    monkeypatch.setitem(kinds.KINDS, "drawn", kinds.Kind(title="Drawn", section=section, side_by_side=True))
    for run, what in zip(runs, ("first drawing", "second drawing"), strict=True):
        artifact = {"kind": "drawn", "what": what, "protocol": made_up_runs.card(seed=what)}
        made_up_runs.write_evaluation(run, "map", artifact, metrics={"map/spread": len(what)})
    words = Checker(page_of(*runs)).words
    assert "Afirst drawingBsecond drawing" in words
    assert "Number by number" in words and "spreadA 13B 14+1" in words


def test_what_only_one_has_is_named(runs):
    made_up_runs.write_evaluation(runs[0], "alone", made_up_runs.probe())
    made_up_runs.write_evaluation(runs[0], "both", made_up_runs.probe())
    made_up_runs.write_evaluation(runs[1], "both", made_up_runs.retrieval())
    words = Checker(page_of(*runs)).words
    assert "A alone has: alone." in words
    assert "The two are of different kinds, probe and retrieval" in words


def test_both_curves_stand_in_one_chart(runs):
    lines = [line | {"loss": 2 * line["loss"]} for line in made_up_runs.journal(120)]
    made_up_runs.write_lines(runs[1] / "journal.jsonl", lines)
    page = page_of(*runs)
    (chart,) = (figure for figure in page.split("<figure") if "<b>Loss: total</b>" in figure)
    assert chart.count("<polyline") == 2 and "line m0" in chart and "line m1" in chart
    assert "A from 7.74 to 1.08, B from 15.5 to 0.293" in chart
    made_up_runs.write_lines(runs[1] / "journal.jsonl", [line | {"mfu": 0.4} for line in lines])
    (chart,) = (figure for figure in page_of(*runs).split("<figure") if "<b>Utilisation (MFU)</b>" in figure)
    assert chart.count('class="legend"') == 1 and "</svg> B</span>" in chart  # one run alone is named, too


def test_configurations_differ_in_what_differs(runs):
    words = Checker(page_of(*runs)).words
    assert "SEED01" in words and "run.job" not in words
    (runs[1] / "config.gin").write_text((runs[0] / "config.gin").read_text())
    assert "The same, but for the run directory." in Checker(page_of(*runs)).words
    (runs[1] / "config.gin").unlink()
    assert "One of the two recorded none." in Checker(page_of(*runs)).words


def test_bindings_of_a_configuration():
    text = (
        "import vatt.run\n\n# Parameters of it:\n# =====\nEvaluation.evaluators = \\\n    [@Retrieval(),\n"
        "     @Probe()]\ndemo/Retrieval.name = 'a = b'\nSEED = 0\n"
    )
    assert bindings(text) == {
        "import vatt.run": "yes",
        "Evaluation.evaluators": "[@Retrieval(), @Probe()]",
        "demo/Retrieval.name": "'a = b'",
        "SEED": "0",
    }
    assert differing_bindings("A = 1\nMODEL_DIR = 'x'\nB = 2\n", "B = 2\nA = 3\nimport c\n") == {
        "A": ("1", "3"),
        "import c": ("–", "yes"),
    }


def test_hostile_and_empty_runs_are_compared_too(runs, tmp_path):
    troubled = made_up_runs.write_troubled_run(tmp_path / "<i>three")
    made_up_runs.write_evaluation(troubled, "demo", made_up_runs.retrieval(caption=HOSTILE))
    checked = Checker(page_of(runs[0], troubled))
    assert_harmless(checked)
    assert "<i>three" in checked.text and HOSTILE in checked.text and "4 on record" in checked.words
    (tmp_path / "empty").mkdir()
    words = Checker(page_of(runs[0], tmp_path / "empty")).words
    assert "B journal.jsonl is missing" in words and "A alone has: demo" in words


def test_runs_of_one_name_are_told_apart(tmp_path):
    left, right = (made_up_runs.write_run(tmp_path / name / "run") for name in ("first", "second"))
    words = Checker(page_of(left, right)).words
    assert "A first/run" in words and "B second/run" in words


def test_one_run_is_no_pair(runs):
    with pytest.raises(ValueError, match="needs two runs"):
        write_comparison(runs[0], runs[0] / ".." / "one")


def test_the_verb_takes_two(runs, tmp_path, capsys):
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    given = [*map(str, runs), "--out", str(tmp_path / "both.html")]
    assert cli.main(parser.parse_args(given)) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "both.html")
    assert "side by side" in (tmp_path / "both.html").read_text(encoding="utf-8")
