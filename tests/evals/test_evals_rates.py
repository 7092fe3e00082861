"""A model measured at other rates than it was trained at: both numbers are said where figures are."""

import dataclasses
import json
import logging

import keras
import pytest

from tests import goldens, trained_run
from tests.described import described
from tests.evals.toy_sets import Ears, LabelledToys
from vatt.convert import safetensors_model
from vatt.convert.keras_file import add_input_facts
from vatt.convert.restore import pretrained_classifier, pretrained_model
from vatt.data.description import describe_inputs
from vatt.engines.start import start_engine
from vatt.evals.knn_classifier import KnnClassifier
from vatt.evals.linear_classifier import LinearClassifier
from vatt.evals.mean_over_splits import MeanOverSplits
from vatt.evals.probe import Probe
from vatt.evals.retrieval import Retrieval
from vatt.evals.svm_classifier import SvmClassifier
from vatt.evals.zero_shot import ZeroShot
from vatt.report.page import write_report
from vatt.report.protocol import differences, protocol_card
from vatt.spec import ClipSpec, Rates
from vatt.train.context import RunContext
from vatt.train.model_evaluation import ModelEvaluation
from vatt.train.settings import Evaluation

FRAMES = "trained on 10 frames a second and is measured on 5 of"
SAMPLES = "trained on 1,000 audio samples a second and is measured on 500 of"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return trained_run.write_clips(tmp_path_factory.mktemp("clips") / "set")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    facts = describe_inputs(trained_run.CLIP, None)
    return trained_run.write_run(tmp_path_factory.mktemp("run") / "run", trained_run.tiny_vatt(), facts)


def prepared(clips, **rates):
    return trained_run.prepared(clips, clip=dataclasses.replace(trained_run.CLIP, **rates))


def test_wherever_a_model_is_kept_its_rates_are_known(run, tmp_path):
    wanted = Rates(frame_rate_hz=10.0, sample_rate_hz=1000.0)
    model = pretrained_model(path=run)
    assert model.trained_rates == wanted
    facts = json.loads((run / "inputs.json").read_text())
    model.save(tmp_path / "model.keras")
    assert pretrained_model(path=tmp_path / "model.keras").trained_rates is None  # it does not tell
    add_input_facts(tmp_path / "model.keras", facts)
    safetensors_model.write_model(tmp_path / "arrays", model, facts)
    for path in (tmp_path / "model.keras", tmp_path / "arrays", run / "checkpoints" / "ckpt-3"):
        assert pretrained_model(path=path).trained_rates == wanted
    assert not hasattr(pretrained_model(path=run, random_weights=True), "trained_rates")
    released = pretrained_model(path=goldens.GOLDEN / "tx_fac_tiny")
    assert released.trained_rates == Rates(frame_rate_hz=10.0, sample_rate_hz=48_000)
    # What is trained further learns the rates of its own clips.
    fine_tuned = pretrained_classifier(path=run, classes=3)
    assert not hasattr(fine_tuned, "trained_rates")


def ears(**rates):
    model = Ears()
    model.trained_rates = Rates(**rates)
    return model


def toys(seed, **clip):
    made = LabelledToys(24, seed=seed, name=f"toys {seed}")
    return described(made, clip=ClipSpec(modalities=("video", "audio"), **clip))


CLASSIFIERS = [LinearClassifier(steps=2), SvmClassifier(grid=(1.0,)), KnnClassifier(neighbours=3)]


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=["linear", "svm", "knn"])
def test_every_probe_says_both_numbers_of_what_it_reads(classifier):
    slow = {"sample_rate_hz": 24_000, "frame_rate_hz": 5.0}
    sets = {"train_dataset": toys(1, **slow), "dataset": toys(2, **slow)}
    probe = Probe(name="toy", classifier=classifier, modality="audio", **sets)
    probe.evaluate(ears(sample_rate_hz=48_000, frame_rate_hz=10.0))
    (said,) = probe.artifact()["protocol"]["warnings"]  # of the audio alone, and once for the two sets
    assert "48,000 audio samples a second" in said and "24,000 of toys" in said
    assert "`ClipSpec.sample_rate_hz = 48000`" in said
    probe.evaluate(ears(sample_rate_hz=24_000, frame_rate_hz=10.0))
    assert "warnings" not in probe.artifact()["protocol"]
    probe.evaluate(Ears())  # nobody knows its rates
    assert "warnings" not in probe.artifact()["protocol"]


def test_zero_shot_and_means_say_it_too():
    model = ears(frame_rate_hz=25.0, sample_rate_hz=48_000)
    shot = ZeroShot(name="shot", dataset=toys(1, frame_rate_hz=12.5), batch_size=4, modality="video")
    other = ZeroShot(name="other", dataset=toys(1, frame_rate_hz=12.5), batch_size=4, modality="video")
    (said,) = shot.warnings(model)
    assert "25 frames" in said and "12.5 of" in said
    assert MeanOverSplits(name="mean", evaluators=[shot, other]).warnings(model) == [said]


def test_terminal_incidents_card_and_report_of_a_measurement(run, clips, tmp_path, caplog):
    dataset = prepared(clips, frame_rate_hz=5.0, frames=2, sample_rate_hz=500)
    retrieval = Retrieval(name="retrieval", dataset=dataset, batch_size=4)
    model = pretrained_model(path=run)
    for dry_run in (True, False):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            engine = start_engine("one_device")
            context = RunContext(model_dir=tmp_path, seed=0, engine=engine, dry_run=dry_run)
            evaluation = Evaluation(evaluators=[retrieval], report=write_report)
            assert ModelEvaluation(model=model, evaluation=evaluation).run(context) == 0
        assert FRAMES in caplog.text and SAMPLES in caplog.text
    incidents = (tmp_path / "incidents.jsonl").read_text()
    assert FRAMES in incidents and SAMPLES in incidents and "other rates than in training" in incidents
    card = json.loads((tmp_path / "evaluations" / "retrieval.json").read_text())["artifact"]["protocol"]
    assert len(card["warnings"]) == 2
    assert FRAMES in (tmp_path / "report.html").read_text()
    keras.config.set_dtype_policy("float32")


def test_a_card_shows_its_warnings_and_those_of_the_cards_in_it():
    inner = {"data": {"dataset": "x"}, "warnings": ["Two rates."]}
    shown = str(protocol_card({"mean_over": {"split_1": inner, "split_2": inner}}))
    assert shown.count('class="warning"') == 1 and "Two rates." in shown
    assert "warning" not in str(protocol_card({"data": {"dataset": "x"}}))
    # They follow from what was trained: two runs measured alike stay comparable.
    assert differences(inner, {"data": {"dataset": "x"}}).are_comparable
