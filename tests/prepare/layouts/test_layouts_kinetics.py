import json

import pytest

from vatt.prepare.layouts.annotations import AnnotationError

HEADER = "label,youtube_id,time_start,time_end,split"
NAMES = {  # enough names for all classes, some of them as they are published
    count: ["abseiling", "air drumming", "zumba", *(f"class {n:03d}" for n in range(count - 3))]
    for count in (400, 600, 700)
}


def rows(count, split):
    others = (f"{name},x{n:010d},0,10,{split}" for n, name in enumerate(NAMES[count][3:]))
    return [f"abseiling,-3B32lodo2M,59,69,{split}", f"zumba,_dbcJuKJQNs,40,50,{split}", *others]


def lists(official, count, split="train", file="train.csv", further=()):
    lines = [HEADER, f'"air drumming",0wR5jVB-WPk,0,10,{split}', *rows(count, split), *further]
    official(file, "\n".join(lines) + "\n")


@pytest.mark.parametrize("count", [400, 600, 700])
def test_the_official_layout(official, place, plan, count):
    lists(official, count)
    place(
        "train/air drumming/0wR5jVB-WPk_000000_000010.mp4",
        "train/abseiling/-3B32lodo2M_000059_000069.mkv",
    )
    made = plan(f"kinetics{count}")
    assert len(made.labels) == count and made.labels == tuple(sorted(NAMES[count]))
    assert [(c.media_id, c.split, c.labels, c.start_seconds, c.end_seconds) for c in made.clips] == [
        ("0wR5jVB-WPk_000000_000010", "train", ((1, "air drumming"),), 0.0, None),
        ("-3B32lodo2M_000059_000069", "train", ((0, "abseiling"),), 0.0, None),
    ]
    assert len(made.missing) == count - 2
    assert made.missing[0] == ("_dbcJuKJQNs_000040_000050", "_dbcJuKJQNs_000040_000050.mp4")


def test_whole_videos_are_cut_and_all_lists_are_read(official, place, plan):
    lists(official, 400, "train", "kinetics400_train.csv")
    official("val.csv", f"{HEADER},is_cc\nabseiling,aaaaaaaaaaa,5,15,val,0\n")
    official("test.csv", "youtube_id,time_start,time_end,split\nbbbbbbbbbbb,7,17,test\n")
    place("flat/aaaaaaaaaaa.webm", "flat/bbbbbbbbbbb_000007_000017.mp4")
    made = plan("kinetics400")
    assert [(c.split, c.start_seconds, c.end_seconds, c.labels) for c in made.clips] == [
        ("validation", 5.0, 15.0, ((0, "abseiling"),)),
        ("test", 0.0, None, ()),
    ]
    assert made.definition == "kinetics400: kinetics400_train.csv, val.csv, test.csv"


def test_the_class_folder_decides_between_files_of_one_name(official, place, plan):
    lists(official, 400)
    place("air_drumming/-3B32lodo2M_000059_000069.mp4", "later/abseiling/-3B32lodo2M_000059_000069.mp4")
    (clip,) = plan("kinetics400").clips
    assert clip.media.endswith("later/abseiling/-3B32lodo2M_000059_000069.mp4")


def test_another_number_of_classes_is_refused(official, place, plan):
    lists(official, 600)
    place("a.mp4")
    with pytest.raises(AnnotationError, match="has 400 classes. Received: 600"):
        plan("kinetics400")


def test_other_columns_are_refused(official, place, plan):
    official("train.csv", "label,video,start\nabseiling,a,1\n")
    place("a.mp4")
    with pytest.raises(AnnotationError, match="train.csv: the first line must name .* Received: label,video"):
        plan("kinetics400")


def test_a_clip_that_ends_before_it_starts(official, place, plan):
    lists(official, 400, further=["zumba,ccccccccccc,9,3,train"])
    place("a.mp4")
    with pytest.raises(AnnotationError, match=r"train.csv:402: .* time_start=9, time_end=3"):
        plan("kinetics400")


def test_a_folder_without_the_files(official, place, plan):
    official("readme.txt", "")
    place("a.mp4")
    with pytest.raises(AnnotationError, match="holds train.csv or validate.csv. .* holds readme.txt"):
        plan("kinetics400")


def test_prepared_for_real(official, place, prepare, records, tmp_path, capsys):
    lists(official, 400)
    place("air drumming/0wR5jVB-WPk_000000_000010.mp4")
    dataset = prepare("kinetics400")
    assert dataset["labels"][:2] == ["abseiling", "air drumming"] and records(dataset) == {"train": 1}
    assert capsys.readouterr().out.strip() == str(tmp_path / "out")
    report = json.loads((tmp_path / "out" / "preparation.json").read_text())
    assert "_dbcJuKJQNs_000040_000050.mp4" in json.dumps(report)
