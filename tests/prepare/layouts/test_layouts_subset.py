"""Parts of published sets: by their official name, by classes, by what is there; under either numbering."""

import json

import numpy as np
import pytest
import scipy.io

from vatt.cli import main as vatt_command
from vatt.data.datasets.prepared import PreparedClips
from vatt.prepare.layouts.annotations import AnnotationError
from vatt.prepare.planning import subset_in_words
from vatt.spec import ClipSpec

ESC_HEADER = "filename,fold,target,category,esc10,src_file,take\n"
ESC10 = {0: "dog", 1: "rooster", 10: "rain", 11: "sea_waves", 12: "crackling_fire"}


def esc_row(fold, target, name, *, esc10):
    return f"{fold}-100032-A-{target}.wav,{fold},{target},{name},{esc10},100032,A\n"


@pytest.fixture
def esc50(official, place):
    """The complete list, of which five classes are of ESC-10, and the media of three of them."""
    names = [ESC10.get(target, f"class_{target:02d}") for target in range(50)]
    rows = [esc_row(1 + n % 5, n, name, esc10=n in ESC10) for n, name in enumerate(names)]
    official("meta/esc50.csv", ESC_HEADER + "".join(rows))
    place("audio/1-100032-A-0.wav", "audio/2-100032-A-11.wav", "audio/3-100032-A-12.wav")
    place("audio/5-100032-A-44.wav")  # of no class of ESC-10
    return names


@pytest.fixture
def esc10(official, place):
    """The list of ESC-10 alone, with the numbers that its classes have in ESC-50."""
    rows = [esc_row(1 + n % 5, n, name, esc10=True) for n, name in ESC10.items()]
    official("meta/esc50.csv", ESC_HEADER + "".join(rows))
    place(*(f"audio/{1 + n % 5}-100032-A-{n}.wav" for n in ESC10))


def labels_of(made):
    return {clip.media_id: clip.labels for clip in made.clips}


def test_the_complete_set_is_the_rule_and_its_message_names_the_way_out(esc10, plan):
    with pytest.raises(AnnotationError, match=r"Received: 'rain' has the number 10.*--subset available"):
        plan("esc50")


@pytest.mark.parametrize("choice", ["esc10", "available"])
def test_a_list_of_a_part_keeps_its_official_numbers(esc10, plan, choice):
    made = plan("esc50", "--subset", choice)
    assert len(made.labels) == 50 and made.labels[12] == "crackling_fire"
    assert made.labels[2] == "class 2, not named"
    assert labels_of(made)["3-100032-A-12"] == ((12, "crackling_fire"),)
    assert {clip.split for clip in made.clips} == {"train", "test"}  # the five folds are the official ones
    assert made.name == f"esc50 ({choice})" and not made.missing
    assert made.planning.subset == {
        "choice": choice,
        "of": "esc50",
        "classes": list(ESC10.values()),
        "numbers": list(ESC10),
        "numbering": "official",
        "clips_left_out": 0,
    }


def test_a_subset_by_name_leaves_out_the_other_rows(esc50, plan):
    made = plan("esc50", "--subset", "esc10", "--labels", "compact")
    assert made.labels == tuple(ESC10.values())
    assert labels_of(made) == {
        "1-100032-A-0": ((0, "dog"),),
        "2-100032-A-11": ((3, "sea_waves"),),
        "3-100032-A-12": ((4, "crackling_fire"),),
    }
    assert len(made.missing) == 2  # rooster and rain are part of it, and not there


def test_what_is_available_has_nothing_missing(esc50, plan):
    made = plan("esc50", "--subset", "available", "--labels", "compact")
    assert made.labels == ("dog", "sea_waves", "crackling_fire", "class_44") and not made.missing
    assert made.planning.subset["clips_left_out"] == 46 == len(made.planning.left_out)
    assert str(made.planning.left_out) == "46 clips not available"


def test_classes_by_name_and_by_file(esc50, plan, tmp_path):
    made = plan("esc50", "--subset", "sea_waves, dog", "--labels", "compact")
    assert made.labels == ("dog", "sea_waves") and set(labels_of(made)) == {"1-100032-A-0", "2-100032-A-11"}
    assert str(made.planning.left_out) == "48 clips of other classes"
    (tmp_path / "classes.txt").write_text("dog\n\nsea_waves\n")
    by_file = plan("esc50", "--subset", tmp_path / "classes.txt")
    assert by_file.labels == tuple(esc50) and labels_of(by_file)["2-100032-A-11"] == ((11, "sea_waves"),)
    assert by_file.planning.subset["choice"] == "2 classes"
    with pytest.raises(AnnotationError, match="'sea_wave'. Closest: `sea_waves`"):
        plan("esc50", "--subset", "dog,sea_wave")
    with pytest.raises(AnnotationError, match="must have a class"):
        plan("esc50", "--subset", " , ")
    with pytest.raises(AnnotationError, match="must have a clip available. Received: --subset 1 classes"):
        plan("esc50", "--subset", "class_30")
    with pytest.raises(AnnotationError, match="--labels compact without --subset"):
        plan("esc50", "--labels", "compact")


def test_numbers_outside_the_set_are_refused(esc10, official, plan):
    official("meta/esc50.csv", ESC_HEADER + esc_row(1, 50, "dog", esc10=True))
    with pytest.raises(AnnotationError, match="a number from 0 to 49. Received: 50 of 'dog'"):
        plan("esc50", "--subset", "esc10")


def test_ten_classes_of_ucf101(official, place, plan):
    names = [f"Class{n:03d}" for n in range(1, 102)]
    official("classInd.txt", "".join(f"{n} {name}\n" for n, name in enumerate(names, 1)))
    official(
        "trainlist01.txt", "".join(f"{name}/v_{name}_g08_c01.avi {n}\n" for n, name in enumerate(names, 1))
    )
    official("testlist01.txt", "".join(f"{name}/v_{name}_g01_c01.avi\n" for name in names))
    place(*(f"{name}/v_{name}_g{g:02d}_c01.avi" for name in names[40:50] for g in (1, 8)))
    chosen = plan("ucf101", "--subset", ",".join(names[40:50]), "--labels", "compact")
    assert chosen.labels == tuple(names[40:50]) and len(chosen.clips) == 20 and not chosen.missing
    assert labels_of(chosen)["v_Class042_g08_c01"] == ((1, "Class042"),)
    official_numbers = plan("ucf101", "--subset", "available")
    assert len(official_numbers.labels) == 101
    assert labels_of(official_numbers)["v_Class042_g08_c01"] == ((41, "Class042"),)
    # The list of classes was cut too, with its numbers; the rows of the others are no part of it.
    official("classInd.txt", "".join(f"{n} {names[n - 1]}\n" for n in range(41, 51)))
    with pytest.raises(AnnotationError, match="--subset available"):
        plan("ucf101")
    cut = plan("ucf101", "--subset", "available")
    assert labels_of(cut) == labels_of(official_numbers) and cut.planning.subset["clips_left_out"] == 182


def test_a_tenth_of_kinetics(official, place, plan):
    header = "label,youtube_id,time_start,time_end,split\n"
    names = [f"class {n:03d}" for n in range(40)]
    official("train.csv", header + "".join(f"{name},x{n:010d},0,10,train\n" for n, name in enumerate(names)))
    place(*(f"x{n:010d}_000000_000010.mp4" for n in range(4)))
    with pytest.raises(AnnotationError, match="has 400 classes. Received: 40.*--subset available"):
        plan("kinetics400")
    # Their official numbers are places in the order of all 400 names, which nobody can know here.
    with pytest.raises(AnnotationError, match="order of all 400 classes. Received: 40.*--labels compact"):
        plan("kinetics400", "--subset", "available")
    made = plan("kinetics400", "--subset", "available", "--labels", "compact")
    assert made.labels == tuple(names[:4]) and not made.missing and len(made.clips) == 4


def test_classes_of_hmdb51_without_their_lists(official, place, plan):
    for name in ("cartwheel", "wave"):
        official(f"{name}_test_split1.txt", f"{name}_0.avi 1\n{name}_1.avi 2\n")
    place(*(f"{name}/{name}_{n}.avi" for name in ("cartwheel", "wave") for n in (0, 1)))
    with pytest.raises(AnnotationError, match="brush_hair"):
        plan("hmdb51")
    made = plan("hmdb51", "--subset", "wave,cartwheel", "--labels", "compact")
    assert made.labels == ("cartwheel", "wave") and len(made.clips) == 4


def test_labels_of_other_classes_are_taken_off_clips_with_several(official, place, plan):
    official("class_labels_indices.csv", 'index,mid,display_name\n0,/m/a,"Speech"\n7,/m/b,"Male, adult"\n')
    head = "# a\n# b\n# YTID, start_seconds, end_seconds, positive_labels\n"
    rows = 'aaa, 0.000, 10.000, "/m/a,/m/b,/m/c"\nbbb, 0.000, 10.000, "/m/c"\n'
    official("balanced_train_segments.csv", head + rows)
    place("aaa.mp4", "bbb.mp4")
    both = plan("audioset", "--subset", "available")
    assert labels_of(both) == {"aaa": ((0, "Speech"), (7, "Male, adult"))} and len(both.labels) == 8
    made = plan("audioset", "--subset", "Speech", "--labels", "compact")
    assert labels_of(made) == {"aaa": ((0, "Speech"),)}


def test_ten_classes_of_imagenet_by_their_ids(official, place, plan):
    wnids = [f"n0000{n:04d}" for n in range(1000)]
    official("LOC_synset_mapping.txt", "".join(f"{wnid} word {wnid}, other\n" for wnid in wnids))
    official(
        "LOC_val_solution.csv", f"ImageId,PredictionString\nILSVRC2012_val_00000001,{wnids[7]} 1 2 3 4\n"
    )
    place(f"{wnids[7]}_1.JPEG", f"{wnids[8]}_1.JPEG", "ILSVRC2012_val_00000001.JPEG")
    made = plan("imagenet", "--subset", f"{wnids[7]},{wnids[9]}", "--labels", "compact")
    assert made.labels == tuple(f"{wnids[n]} word {wnids[n]}, other" for n in (7, 9))
    assert {clip.labels[0][0] for clip in made.clips} == {0} and len(made.clips) == 2
    official("LOC_synset_mapping.txt", f"{wnids[7]} word\n{wnids[9]} word\n")
    assert plan("imagenet", "--subset", "available", "--labels", "compact").labels == (f"{wnids[7]} word",)


def test_the_kit_of_imagenet_knows_subsets_too(official, place, plan):
    folder = official("data/ILSVRC2012_validation_ground_truth.txt", "1\n")
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    synsets = np.array([(1, "n00000001", "fish", 0), (2, "n00000002", "bird", 0)], kind)
    scipy.io.savemat(folder / "data" / "meta.mat", {"synsets": synsets[:, None]})
    place("n00000002_5.JPEG", "ILSVRC2012_val_00000001.JPEG")
    made = plan("imagenet", "--subset", "available", "--labels", "compact")
    assert made.labels == ("n00000001 fish", "n00000002 bird")


def test_sets_without_classes_take_what_is_there_and_no_names(official, place, plan):
    videos = [{"video_id": f"video{n}", "split": "train"} for n in range(3)]
    sentences = [{"caption": "a dog", "video_id": f"video{n}", "sen_id": n} for n in range(3)]
    official("MSRVTT_data.json", json.dumps({"videos": videos, "sentences": sentences}))
    place("video1.mp4")
    assert len(plan("msrvtt").missing) == 2
    made = plan("msrvtt", "--subset", "available")
    assert not made.missing and made.labels == () and made.planning.subset["clips_left_out"] == 2
    with pytest.raises(AnnotationError, match="classes of msrvtt, which has 0"):
        plan("msrvtt", "--subset", "dog")


def test_description_card_report_and_doctor_say_which_part_it_is(esc10, prepare, tmp_path, capsys):
    dataset = prepare("esc50", "--subset", "esc10")
    assert "Subset: esc10 of esc50: 5 classes under their official numbers" in capsys.readouterr().err
    assert dataset["subset"]["classes"] == list(ESC10.values()) and dataset["name"] == "esc50 (esc10)"
    out = tmp_path / "out"
    words = subset_in_words(dataset["subset"])
    assert json.loads((out / "preparation.json").read_text())["subset"] == dataset["subset"]
    assert words in (out / "preparation.html").read_text()
    clips = PreparedClips(directory=out, clip=ClipSpec(modalities=("audio",)), labels=True)
    facts = clips.info.eval_facts
    assert facts["subset"]["choice"] == "esc10" and facts["subset"]["numbering"] == "official"
    assert facts["classes"] == 50
    page = tmp_path / "doctor.html"
    vatt_command(["doctor", str(out), "--html", str(page), "--processes", "1"])
    assert f"Subset: {words}" in capsys.readouterr().out and words in page.read_text()
