import json

from vatt.prepare.captions import Note
from vatt.prepare.planning import Planning, Reason, Tally, readable, unique_names
from vatt.prepare.preparation_page import page
from vatt.prepare.writer import write_json, write_text

LINK, TYPE = Reason("link", "links"), Reason("of unknown type", "of unknown type")


def test_names_that_are_no_text_become_readable_and_stay_different():
    assert readable("caf\udce9.mp4") == "caf\\xe9.mp4"
    assert readable("\ud83d.mp4") == "\\ud83d.mp4"
    names = ["caf\\xe9", "caf\udce9", "a", "café", "caf\\xe9~"]
    assert unique_names(names) == ["caf\\xe9", "caf\\xe9~~", "a", "café", "caf\\xe9~"]


def test_a_tally_counts_and_keeps_the_first_names():
    tally = Tally()
    for number in range(1234):
        tally.add(TYPE, f"{number}\udce9")
    tally.add(LINK, "x")
    assert len(tally) == 1235 and str(tally) == "1,234 of unknown type, 1 link"
    assert tally.first(TYPE)[-1] == "19\\xe9" and tally.first(Reason("a", "b")) == []
    content = tally.content()
    assert content["links"] == {"count": 1, "first": ["x"]}
    assert content["of unknown type"]["count"] == 1234 and len(content["of unknown type"]["first"]) == 20


def planned():
    planning = Planning()
    planning.left_out.add(LINK, "a")
    planning.decided.add(Reason("file was chosen", "files were chosen"), "b: c, not <d>")
    planning.note("e.srt", [Note("without an end", 2, 2), Note("entities", 1)])
    planning.note("f.srt", [Note("without an end", 3, 1)])
    planning.note("g.srt", [])
    return planning


def test_notes_are_added_up_and_kept_by_file():
    assert planned().content()["captions"] == {
        "files_used": 0,
        "notes": {
            "without an end": {"count": 5, "cues_without_caption": 3},
            "entities": {"count": 1, "cues_without_caption": 0},
        },
        "files": [
            {"file": "e.srt", "notes": {"without an end": 2, "entities": 1}},
            {"file": "f.srt", "notes": {"without an end": 3}},
        ],
    }


def test_each_kind_is_a_line_in_the_terminal(capsys):
    planned().report()
    assert capsys.readouterr().err.splitlines() == [
        "1 file was left out: 1 link",
        "1 file was chosen, such as b: c, not <d>",
        "Captions: without an end: 5, 3 cues without a caption of their own (2 files, such as e.srt)",
        "Captions: entities: 1 (e.srt)",
    ]
    planning = Planning()
    for number in range(30):
        planning.note("a.srt", [*planning.notes.get("a.srt", ()), Note(f"kind {number}")])
    planning.report()
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 11 and told[-1].startswith("Captions: 20 further kinds of notes")


def test_the_page_shows_all_of_it(content):
    text = page(content | planned().content())
    for words in (
        "Left out (1)",
        "Decided by a rule (1)",
        "b: c, not &lt;d&gt;",
        "without an end: 2; entities: 1",
    ):
        assert words in text
    assert "Left out" not in page(content)  # of an earlier version


def test_surrogates_end_no_report(tmp_path):
    write_json(tmp_path / "a.json", {"name": "caf\udce9 \ud83d"})
    assert json.loads((tmp_path / "a.json").read_text()) == {"name": "caf\udce9 \ud83d"}
    write_text(tmp_path / "a.txt", "caf\udce9")
    assert (tmp_path / "a.txt").read_text() == "caf\\udce9"
