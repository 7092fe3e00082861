import pytest

from vatt.prepare.languages import Tag, read_language, read_tag


@pytest.mark.parametrize(
    "name, language, subtags, marks",
    [
        ("en", "en", "", ()),
        ("EN", "en", "", ()),
        ("eng", "en", "", ()),
        ("English", "en", "", ()),
        ("en-US", "en", "us", ()),
        ("pt_BR", "pt", "br", ()),
        ("zh-Hans", "zh", "hans", ()),
        ("zh-Hant-TW", "zh", "hant-tw", ()),
        ("es-419", "es", "419", ()),
        ("sl-rozaj", "sl", "rozaj", ()),
        ("de-x-phonebk", "de", "x-phonebk", ()),
        ("ger", "de", "", ()),
        ("iw", "he", "", ()),
        ("yue", "yue", "", ()),
        ("und", "und", "", ()),
        ("en-orig", "en", "", ("orig",)),
        ("en-US-orig", "en", "us", ("orig",)),
        ("en-j3PyPqV-e1s", "en", "", ("auto",)),
        ("en.forced", "en", "", ("forced",)),
        ("forced.en", "en", "", ("forced",)),
        ("sdh.pt-BR.default", "pt", "br", ("sdh", "default")),
        ("en.cc", "en", "", ("cc",)),
        ("forced", "", "", ("forced",)),
        ("hi", "hi", "", ()),
        ("en.hi", "en", "", ("hi",)),
        ("hi.en", "en", "", ("hi",)),
        ("hi.sdh", "hi", "", ("sdh",)),
        ("auto.de", "de", "", ("auto",)),
    ],
)
def test_what_is_a_language(name, language, subtags, marks):
    assert read_tag(name.split(".")) == Tag(language, subtags, frozenset(marks))


@pytest.mark.parametrize(
    "name",
    [
        "1",
        "2",
        "cut",
        "final",
        "part1",
        "info",
        "live_chat",
        "v2",
        "1080p",
        "x264",
        "en.de",
        "en.cut",
        "",
        "e",
    ]
    + ["is-it-good", "the-end", "720", "notes", "new", "en-", "-en", "en-US-", "café", "\udce9", "e n"],
)
def test_what_is_none(name):
    assert read_tag(name.split(".")) is None


def test_a_language_asks_for_its_regions_and_not_the_reverse():
    en, us, german = (read_language(name) for name in ("English", "en-US", "de"))
    assert en.answers(en) and us.answers(en) and us.answers(us)
    assert not en.answers(us) and not german.answers(en)
    assert not read_language("fil").answers(read_language("fi"))
    assert not Tag().answers(en)
