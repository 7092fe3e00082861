import sys

import numpy as np
import pytest
import scipy.io

from vatt.prepare.layouts.annotations import AnnotationError

WNIDS = ["n01440764", "n01443537", *(f"n1{n:07d}" for n in range(998))]
WORDS = {"n01440764": "tench, Tinca tinca", "n01443537": "goldfish, Carassius auratus"}
PICTURES = ("train/n01443537/n01443537_10026.JPEG", "val/ILSVRC2012_val_00000001.JPEG")


def words(wnid):
    return WORDS.get(wnid, "crane")  # names repeat, ids do not


@pytest.fixture
def kaggle(official):
    official("LOC_synset_mapping.txt", "".join(f"{wnid} {words(wnid)}\n" for wnid in WNIDS))
    official(
        "LOC_val_solution.csv",
        "ImageId,PredictionString\n"
        "ILSVRC2012_val_00000002,n01440764 156 48 272 332 n01440764 42 9 322 285 \n"
        "ILSVRC2012_val_00000001,n01443537 1 2 3 4 \n",
    )


@pytest.fixture
def kit(official):
    """The development kit: its numbers are not in the order of the WordNet ids, and inner nodes follow."""
    folder = official("data/ILSVRC2012_validation_ground_truth.txt", "1000\n1\n")
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    leaves = [(1000 - n, wnid, words(wnid), 0) for n, wnid in enumerate(WNIDS)]
    synsets = np.array([*leaves, (1001, "n99999999", "animal", 3)], kind)
    scipy.io.savemat(folder / "data" / "meta.mat", {"synsets": synsets[:, None]})


def test_the_official_layout_of_kaggle(kaggle, place, plan):
    place(*PICTURES)
    made = plan("imagenet")
    assert made.labels[:2] == ("n01440764 tench, Tinca tinca", "n01443537 goldfish, Carassius auratus")
    assert len(made.labels) == 1000
    assert [(c.media_id, c.split, c.labels[0][0]) for c in made.clips] == [
        ("n01443537_10026", "train", 1),
        ("ILSVRC2012_val_00000001", "validation", 1),
    ]
    assert made.missing == (("ILSVRC2012_val_00000002", "ILSVRC2012_val_00000002.JPEG"),)


def test_training_pictures_by_their_list(kaggle, official, place, plan):
    official(
        "LOC_train_solution.csv",
        "ImageId,PredictionString\nn01440764_18,n01440764 1 2 3 4 \nn01443537_10026,n01443537 1 2 3 4 \n",
    )
    place(*PICTURES)
    made = plan("imagenet")
    assert [c.media_id for c in made.clips if c.split == "train"] == ["n01443537_10026"]
    assert ("n01440764_18", "n01440764_18.JPEG") in made.missing


def test_the_development_kit(kit, place, plan):
    place(PICTURES[0], "val/n01440764/ILSVRC2012_val_00000001.JPEG", "val/ILSVRC2012_val_00000002.JPEG")
    made = plan("imagenet")
    assert made.labels[0] == "n01440764 tench, Tinca tinca" and len(made.labels) == 1000
    assert [(c.media_id, c.labels[0][0]) for c in made.clips if c.split == "validation"] == [
        ("ILSVRC2012_val_00000001", 0),
        ("ILSVRC2012_val_00000002", 999),
    ]


def test_a_number_that_no_class_has(kit, official, place, plan):
    official("data/ILSVRC2012_validation_ground_truth.txt", "1\n1001\n")
    place(PICTURES[0])
    with pytest.raises(AnnotationError, match=r"ground_truth.txt:2: .* 1 to 1000. Received: '1001'"):
        plan("imagenet")


def test_a_class_that_is_not_listed(kaggle, place, plan):
    place("train/n01443538/n01443538_7.JPEG")
    with pytest.raises(AnnotationError, match="_7.JPEG: .*Received: 'n01443538'. Closest: `n01443537`"):
        plan("imagenet")


def test_neither_release(official, place, plan):
    official("notes.txt", "")
    place(*PICTURES)
    with pytest.raises(AnnotationError, match="meta.mat .* or LOC_synset_mapping.txt. .*notes.txt"):
        plan("imagenet")


def test_the_kit_without_scipy(kit, place, plan, monkeypatch):
    place(PICTURES[0])
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ValueError, match=r"SciPy, of the extra `train`. Received: .*meta\.mat.*pip install"):
        plan("imagenet")


def test_prepared_for_real(kaggle, place, prepare, records):
    place(*PICTURES)
    assert records(prepare("imagenet")) == {"train": 1, "validation": 1}
