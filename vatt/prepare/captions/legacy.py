"""Which of the encodings from before Unicode a text is in; charset-normalizer reads the letters.

It scores candidates by how disorderly their text is and by the languages whose letters it has. Two things it
does not know decide between its equals here: which languages an encoding was made for, and that no Japanese
is written in half-width kana.
"""

import re

_ENCODINGS = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("koi8_r", "cp866", "cp932", "euc_jp", "gb18030", "big5", "cp949"),
)
_WESTERN = "cp1252"
_LANGUAGES = {  # of the encodings that share most of their letters
    "cp1252": (
        *("English", "French", "German", "Spanish", "Portuguese", "Italian", "Dutch"),
        *("Swedish", "Norwegian", "Danish", "Finnish"),
    ),
    "cp1250": ("Polish", "Czech", "Slovak", "Hungarian", "Romanian", "Croatian", "Slovene", "Serbian"),
    "cp1254": ("Turkish",),
    "cp1257": ("Lithuanian", "Latvian", "Estonian"),
}
_IN_NO_WESTERN_WORD = re.compile("[a-z][¹³º¿¼¾£¥]|[¹³¿¼¾£¥][a-z]")  # ł, ą, ş, ż … of Polish and Romanian
_SAMPLE_BYTES = 1 << 16
_CLOSE = 0.1  # coherence: of two languages that close, the Western one is the more common
_FEW_ACCENTED = (
    0.45  # share of letters: of other scripts with as many of ASCII hardly any letter stands alone
)
_MOST_ACCENTED = 0.6  # share of letters: no language of Latin letters has that many beyond ASCII
_ALONE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_MOST_CHAOS = 0.02  # above the best candidate's that still counts as equal


def legacy_encoding(data: bytes) -> str:
    """The encoding of bytes that are not UTF-8: the most probable one, a guess where the text is short."""
    from charset_normalizer import from_bytes  # takes 30 ms to import, for the few files that need it

    # Times and numbers say nothing of a language.
    lines = b"\n".join(line for line in re.split(rb"[\r\n]+", data) if not line.isascii())[:_SAMPLE_BYTES]
    found = list(from_bytes(lines, cp_isolation=list(_ENCODINGS), threshold=0.6))
    found = [match for match in found if match.chaos <= found[0].chaos + _MOST_CHAOS]
    found = [match for match in found if not _is_half_width(str(match))] or found
    if not found:
        return _WESTERN
    japanese = [match for match in found if _kana(str(match)) > 0.3]
    latin = [match for match in found if set(match.could_be_from_charset) & set(_LANGUAGES)]
    others = [match for match in found if match not in latin]
    if japanese:
        return japanese[0].encoding
    if _is_scattered(lines):
        return _latin(latin, lines)
    if others and (not latin or _beyond_ascii(lines) > _MOST_ACCENTED):
        return others[0].encoding
    return _latin(latin, lines) if found[0] in latin else found[0].encoding


def _beyond_ascii(lines: bytes) -> float:
    """The share of the letters that are not those of ASCII."""
    beyond = sum(byte > 0x7F for byte in lines)
    return beyond / max(1, beyond + len(re.findall(rb"[A-Za-z]", lines)))


def _is_scattered(lines: bytes) -> bool:
    """Whether letters beyond ASCII are few and stand alone, as accents do; other scripts come in runs."""
    alone = len(_ALONE.findall(lines))
    return 2 * alone > sum(byte > 0x7F for byte in lines) and _beyond_ascii(lines) < _FEW_ACCENTED


def _latin(found: list, lines: bytes) -> str:
    """Of the encodings of Latin letters the one whose languages the text is in."""
    fitting = {
        encoding: match.coherence
        for match in found
        for encoding, languages in _LANGUAGES.items()
        if encoding in match.could_be_from_charset and match.language in languages
    }
    if fitting:
        best = max(fitting, key=lambda encoding: fitting[encoding])
        is_western = fitting.get(_WESTERN, 0.0) >= fitting[best] - _CLOSE
        return _WESTERN if is_western else best
    as_western = lines.decode(_WESTERN, errors="replace")
    return "cp1250" if _IN_NO_WESTERN_WORD.search(as_western) else _WESTERN


def _is_half_width(text: str) -> bool:
    return _share(text, "\uff61", "\uff9f") > 0.3


def _kana(text: str) -> float:
    return _share(text, "\u3041", "\u30ff")


def _share(text: str, first: str, last: str) -> float:
    """How many of the characters beyond ASCII are in a range."""
    beyond = [character for character in text if character > "\x7f"]
    return sum(first <= character <= last for character in beyond) / max(1, len(beyond))
