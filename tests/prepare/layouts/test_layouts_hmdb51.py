import pytest

from vatt.prepare.layouts.annotations import AnnotationError

NAMES = ["brush_hair", "cartwheel", *(f"class_{n:02d}" for n in range(49))]
BRUSH = "April_09_brush_hair_u_nm_np1_ba_goo_{}.avi {} \n"  # the published lines end in a blank


@pytest.fixture
def lists(official):
    for name in NAMES:
        for split in (1, 2, 3):
            official(f"{name}_test_split{split}.txt", "")
    official("brush_hair_test_split1.txt", "".join(BRUSH.format(n, tag) for n, tag in enumerate("120")))
    official("brush_hair_test_split3.txt", "".join(BRUSH.format(n, tag) for n, tag in enumerate("211")))
    official("cartwheel_test_split1.txt", "(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0.avi 2 \n")


def test_the_official_layout(lists, place, plan):
    place(
        *(f"brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_{n}.avi" for n in range(3)),
        "cartwheel/(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0.avi",
    )
    made = plan("hmdb51")
    assert made.labels == tuple(NAMES)
    stem = "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_"
    assert [(c.media_id, c.split, c.labels) for c in made.clips] == [
        (f"{stem}0", "train", ((0, "brush_hair"),)),
        (f"{stem}1", "test", ((0, "brush_hair"),)),
        ("cartwheel/(Rad)Schlag_die_Bank!_cartwheel_f_cm_np1_le_med_0", "test", ((1, "cartwheel"),)),
    ]
    third = plan("hmdb51", "--official_split", 3)
    assert [(c.media_id, c.split) for c in third.clips] == [
        (f"{stem}0", "test"),
        (f"{stem}1", "train"),
        (f"{stem}2", "train"),
    ]


def test_a_class_without_its_file(lists, official, place, plan):
    (official("x", "") / "cartwheel_test_split1.txt").unlink()
    place("a.avi")
    with pytest.raises(AnnotationError, match="has 51 classes. Received: 50"):
        plan("hmdb51")


def test_a_line_of_another_form(lists, official, place, plan):
    official("cartwheel_test_split1.txt", "a.avi 1\nb.avi\n")
    place("a.avi")
    with pytest.raises(AnnotationError, match=r"cartwheel_test_split1.txt:2: .* Received: 'b.avi'"):
        plan("hmdb51")
