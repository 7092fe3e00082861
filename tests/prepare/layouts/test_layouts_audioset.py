import pytest

from vatt.prepare.layouts.annotations import AnnotationError

CLASSES = (
    'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/m/05zppz,"Male speech, man speaking"\n'
    "2,/t/dd00088,Gurgling\n"
)
HEAD = (
    "# Segments csv created Sun Mar  5 10:54:31 2017\n"
    "# num_ytids=22160, num_segs=22160, num_unique_labels=527, num_positive_labels=52882\n"
    "# YTID, start_seconds, end_seconds, positive_labels\n"
)
BALANCED = (
    HEAD + '--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"\n-0RWZT-miFs, 420.000, 430.000, "/m/05zppz"\n'
)
EVALUATION = HEAD + '--4gqARaEJE, 0.000, 10.000, "/m/05zppz"\n'


@pytest.fixture
def lists(official):
    official("class_labels_indices.csv", CLASSES)
    official("balanced_train_segments.csv", BALANCED)
    official("eval_segments.csv", EVALUATION)


def test_the_official_layout(lists, place, plan):
    place("train/--PJHxphWEs.mkv", "eval/--4gqARaEJE.mp4")
    made = plan("audioset")
    assert made.labels == ("Speech", "Male speech, man speaking", "Gurgling")
    assert [(c.media_id, c.split, c.labels, c.start_seconds, c.end_seconds) for c in made.clips] == [
        ("--PJHxphWEs", "train", ((0, "Speech"), (2, "Gurgling")), 30.0, 40.0),
        ("--4gqARaEJE", "test", ((1, "Male speech, man speaking"),), 0.0, 10.0),
    ]
    assert made.missing == (("-0RWZT-miFs", "-0RWZT-miFs or -0RWZT-miFs_420_430"),)


@pytest.mark.parametrize(
    "name",
    [
        "--PJHxphWEs_30_40.mp4",
        "--PJHxphWEs_30.000_40.000.wav",
        "--PJHxphWEs_30000_40000.flac",
        "--PJHxphWEs_000030_000040.mp4",
        "Y--PJHxphWEs.wav",
        "Y--PJHxphWEs_30.000_40.000.wav",
    ],
)
def test_names_of_cut_segments(lists, place, plan, name):
    place(name, "--PJHxphWEs.mkv")
    (clip,) = plan("audioset").clips
    assert clip.media.endswith(name)
    assert (clip.start_seconds, clip.end_seconds) == (0.0, None)


def test_a_file_named_by_its_id_may_be_cut(lists, place, plan):
    place("--PJHxphWEs.wav")
    (clip,) = plan("audioset", "--named_by_id", "cut").clips
    assert (clip.start_seconds, clip.end_seconds) == (0.0, None)


def test_a_label_without_a_class(lists, official, place, plan):
    official("eval_segments.csv", HEAD + 'aaaaaaaaaaa, 0.000, 10.000, "/m/09x0r,/m/nope"\n')
    place("aaaaaaaaaaa.mp4")
    with pytest.raises(AnnotationError, match=r"eval_segments.csv:4: .*Received: '/m/nope'"):
        plan("audioset")


def test_a_list_without_its_head(lists, official, place, plan):
    official("eval_segments.csv", EVALUATION.removeprefix(HEAD))
    place("aaaaaaaaaaa.mp4")
    with pytest.raises(AnnotationError, match="eval_segments.csv: the file must start with three lines"):
        plan("audioset")


def test_classes_with_a_gap(lists, official, place, plan):
    official("class_labels_indices.csv", CLASSES.replace("2,/t", "3,/t"))
    place("aaaaaaaaaaa.mp4")
    with pytest.raises(AnnotationError, match="without gaps .* 'Gurgling' has the number 3, and 2"):
        plan("audioset")


def test_prepared_for_real(lists, place, prepare, records):
    place("--4gqARaEJE.wav", "Y--PJHxphWEs.wav")
    dataset = prepare("audioset", "--audio_rate_hz", 16000)
    assert records(dataset) == {"test": 1, "train": 1}
    assert dataset["labels"] == ["Speech", "Male speech, man speaking", "Gurgling"]
