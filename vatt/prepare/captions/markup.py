"""Takes the markup out of the text of subtitles: tags, overrides and entities.

Every expression here is linear in the text: none crosses the character that it begins with.
"""

import html
import re

_OVERRIDE = re.compile(r"\{\\[^{}]*\}")  # {\an8} and its like, which SubRip has from SubStation
_NEW_LINE = re.compile(r"(?<!:)\\N")  # also from there; not in C:\Name
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)([^<>]*)>")
_WORD_TIME = re.compile(r"<[0-9:.]+>|</?>")
_RUBY_TEXT = re.compile(
    r"<r[tp](?:\.[^<>]*)?>[^<]*(?:</r[tp]>)?"
)  # how the base is read: it says the same again
_HUGE_CODE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")  # Python reads no number of 5,000 digits
_INVISIBLE = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")

_WITH_ANNOTATION = frozenset(("v", "lang"))  # <v Ann Lee>
_BLOCKS = frozenset(("br", "p", "div", "v"))  # words before and after are two
_KNOWN = frozenset(
    (
        *("b", "i", "u", "s", "c", "v", "lang", "ruby", "rt", "rp", "font", "span", "em", "strong", "small"),
        *("big", "sub", "sup", "strike", "tt", "center", "br", "p", "div"),
    )
)


def plain_text(text: str, *, any_tag: bool = True) -> str:
    """What is read on the screen, in one line. Tags of any name are taken out, as WebVTT says; without
    `any_tag` only those that subtitles use, so that `List<String>` stays.
    """
    if "{" in text:
        text = _OVERRIDE.sub("", text)
    if "\\" in text:
        text = _NEW_LINE.sub(" ", text)
    if "<" in text:
        text = _WORD_TIME.sub("", _RUBY_TEXT.sub("", text))
        text = _TAG.sub(lambda tag: _without(tag, any_tag), text)
    if "&" in text:
        text = html.unescape(_HUGE_CODE.sub("\ufffd", text))
    return one_line(_INVISIBLE.sub("", text))


def one_line(text: str) -> str:
    """The words with one blank between; white space of any kind separates them."""
    return " ".join(text.split())


def _without(tag: re.Match, any_tag: bool) -> str:
    """What stands for a tag: itself where it is text, such as `<y and z>`."""
    name, rest = tag[2].lower(), tag[3]
    is_known = any_tag or name in _KNOWN
    is_bare = not rest.strip(" \t\n/") or rest[0] == "." or "=" in rest
    has_annotation = name in _WITH_ANNOTATION and rest[:1].isspace()
    if not (is_known and (is_bare or has_annotation)):
        return tag[0]
    return " " if name in _BLOCKS else ""
