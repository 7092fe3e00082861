import unicodedata
from pathlib import Path

import pytest

from vatt.prepare.side_cars import SideCars, wanted_language
from vatt.prepare.walk import walk_media


def side_cars(folder, names, language=None):
    """The SideCars of a folder with empty files."""
    for name in names:
        (folder / name).touch()
    return SideCars(walk_media(folder).folders[folder], wanted_language(language))


def beside(folder, names, media="film.mp4", language=None):
    found = side_cars(folder, [media, *names], language)
    return [path.name for path in found.of_media(folder / media)]


@pytest.mark.parametrize(
    "name",
    [
        *("film.srt", "film.mp4.srt", "film.VTT", "film.en.srt", "film.eng.ass", "film.English.ssa"),
        *("film.en.json", "film.de.txt", "film.en.forced.srt", "film.mp4.pt_BR.srt", "film.zh-Hans.hi.vtt"),
    ],
)
def test_what_belongs_to_a_media_file(tmp_path, name):
    assert beside(tmp_path, [name]) == [name]


@pytest.mark.parametrize(
    "name",
    [
        *("film.1.srt", "film2.srt", "film.cut.srt", "film.info.json", "film.notes.txt", "afilm.srt"),
        *(".film.srt", "film.en.de.srt", "film.srt.txt", "film-en.srt", "film.mp4.1.srt", ".srt"),
    ],
)
def test_what_does_not(tmp_path, name):
    assert beside(tmp_path, [name]) == []


def test_the_longest_name_has_the_captions(tmp_path):
    names = ["Lesson 1.mp4", "Lesson 1.1.mp4", "Lesson 1.1.srt", "Lesson 1.en.mp4", "Lesson 1.en.srt"]
    found = side_cars(tmp_path, names)
    assert found.of_media(tmp_path / "Lesson 1.mp4") == []
    assert found.of_media(tmp_path / "Lesson 1.1.mp4") == [tmp_path / "Lesson 1.1.srt"]
    assert found.of_media(tmp_path / "Lesson 1.en.mp4") == [tmp_path / "Lesson 1.en.srt"]


def test_captions_without_media_are_orphans(tmp_path):
    found = side_cars(tmp_path, ["Lesson 1.mp4", "Lesson 1.1.srt", "README.txt"])
    assert found.of_media(tmp_path / "Lesson 1.mp4") == []


@pytest.mark.parametrize(
    "names, first",
    [
        (["film.de.srt", "film.en.srt"], "film.en.srt"),
        (["film.en.srt", "film.en-orig.srt"], "film.en.srt"),
        (["film.srt", "film.vtt"], "film.srt"),
        (["film.srt", "film.en.srt"], "film.srt"),
        (["film.fr.srt", "film.de.srt"], "film.de.srt"),
        (["film.en-GB.srt", "film.en.srt"], "film.en.srt"),
        (["film.en.srt", "film.en.sdh.srt"], "film.en.srt"),
        (["film.forced.srt", "film.fr.srt"], "film.fr.srt"),
        (["film.en.forced.srt", "film.fr.srt"], "film.fr.srt"),
        (["film.signs.srt", "film.txt"], "film.txt"),
        (["film.en.srt", "film.txt"], "film.en.srt"),
        (["film.json", "film.txt"], "film.json"),
        (["film.json", "film.de.vtt"], "film.de.vtt"),
        (["film.de.default.srt", "film.en.srt"], "film.de.default.srt"),
        (["film.en-j3PyPqV-e1s.vtt", "film.en.vtt"], "film.en.vtt"),
    ],
)
def test_which_is_the_first(tmp_path, names, first):
    assert beside(tmp_path, names)[0] == first
    assert len(beside(tmp_path, names)) == 2  # the others follow, in case that it can not be read


def test_a_language_is_asked_for(tmp_path):
    names = ["film.srt", "film.de.srt", "film.en-US.srt", "film.en.forced.srt"]
    assert beside(tmp_path, names, language="de") == ["film.de.srt", "film.srt"]
    assert beside(tmp_path, names, language="German") == ["film.de.srt", "film.srt"]
    assert beside(tmp_path, names, language="en") == ["film.en-US.srt", "film.srt", "film.en.forced.srt"]
    assert beside(tmp_path, names, language="en-US") == ["film.en-US.srt", "film.srt"]
    found = side_cars(tmp_path, [], "de")
    others = found.in_other_languages(tmp_path / "film.mp4")
    assert [path.name for path in others] == ["film.en-US.srt", "film.en.forced.srt"]
    with pytest.raises(ValueError, match="`--language` must be a language's code.*'xx'"):
        wanted_language("xx")


def test_names_match_in_all_normal_forms_and_cases_of_the_ending(tmp_path):
    nfc, nfd = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
    found = side_cars(tmp_path, [f"{nfd}.MP4", f"{nfc}.SRT", f"{nfc} 2.mov", f"{nfd} 2.de.Vtt"])
    assert found.of_media(tmp_path / f"{nfd}.MP4") == [tmp_path / f"{nfc}.SRT"]
    assert found.of_media(tmp_path / f"{nfc} 2.mov") == [tmp_path / f"{nfd} 2.de.Vtt"]


def test_capital_letters_count_only_where_two_names_differ_by_them(tmp_path):
    assert beside(tmp_path, ["FILM.srt"]) == ["FILM.srt"]
    found = side_cars(tmp_path, ["Film.mp4"])
    assert found.of_media(tmp_path / "film.mp4") == found.of_media(tmp_path / "Film.mp4") == []
    found = side_cars(tmp_path, ["film.srt"])
    assert found.of_media(tmp_path / "film.mp4") == [tmp_path / "film.srt"]


def test_captions_of_all_media_of_their_name(tmp_path):
    found = side_cars(tmp_path, ["a.mp4", "a.wav", "a.srt", "a.wav.srt"])
    assert found.of_media(tmp_path / "a.mp4") == [tmp_path / "a.srt"]
    assert found.of_media(tmp_path / "a.wav") == [tmp_path / "a.srt", tmp_path / "a.wav.srt"]


def test_names_that_are_no_utf_8(tmp_path):
    name = Path(tmp_path, "caf\udce9")
    found = side_cars(tmp_path, [f"{name.name}.mp4", f"{name.name}.en.srt"])
    assert found.of_media(name.with_suffix(".mp4")) == [name.with_suffix(".en.srt")]
