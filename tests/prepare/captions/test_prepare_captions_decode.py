import pytest

from vatt.prepare.captions.decode import decode, scrub
from vatt.prepare.captions.notes import Notes

SRT = "1\n00:00:01,000 --> 00:00:02,000\n{}\n"
LATIN = {
    "cp1252": "Bonjour à tous, nous allons préparer une très bonne soupe à l'oignon. D'abord, il faut "
    "éplucher les légumes, puis les couper en morceaux réguliers. Voilà, c'est prêt !",
    "cp1250": "Cześć, dzisiaj będziemy gotować pyszną zupę dla całej rodziny. Najpierw musimy obrać "
    "warzywa i pokroić je na małe kawałki, żeby było smaczne.",
}
OTHERS = {
    "cp1251": "Здравствуйте, сегодня мы приготовим вкусный суп для всей семьи.",
    "koi8_r": "Здравствуйте, сегодня мы приготовим вкусный суп для всей семьи. Сначала нужно почистить.",
    "cp1253": "Γεια σας, σήμερα θα μαγειρέψουμε μια πολύ νόστιμη σούπα για όλη την οικογένεια.",
    "cp1256": "مرحبا بكم، اليوم سوف نحضر حساء لذيذا لكل العائلة. أولا يجب أن نقشر الخضار",
    "cp932": "皆さん、こんにちは。今日は家族みんなのためにおいしいスープを作ります。",
    "euc_jp": "皆さん、こんにちは。今日は家族みんなのためにおいしいスープを作ります。",
    "gb18030": "大家好，今天我们来给全家人做一道很好喝的汤。首先要把蔬菜去皮，切成小块，然后小火煮二十分钟。",
    "big5": "大家好，今天我們來給全家人做一道很好喝的湯。",
    "cp949": "여러분 안녕하세요, 오늘은 온 가족을 위해 맛있는 수프를 만들겠습니다.",
}


def read(data):
    notes = Notes()
    text = scrub(decode(data, notes), notes)
    return text, {note.what: note.count for note in notes.as_tuple()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", ["", "café ☕", "no new line \u2028"])
def test_unicode_that_says_so_needs_no_note(encoding, text):
    assert read(text.encode(encoding)) == (text, {})


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["café ☕", "привет мир", "今日はいい天気"])
def test_wide_unicode_without_a_mark_is_known_by_its_zeros(encoding, text):
    text = SRT.format(text)
    assert read(text.encode(encoding)) == (text, {f"files without a byte-order mark, read as {encoding}": 1})


@pytest.mark.parametrize("encoding, text", [*LATIN.items(), *OTHERS.items()])
def test_encodings_from_before_unicode_are_detected_and_named(encoding, text):
    text = SRT.format(text)
    name = encoding.replace("cp125", "windows-125")
    assert read(text.encode(encoding)) == (text, {f"files that are not UTF-8, read as {name}": 1})


@pytest.mark.parametrize(
    "encoding, text",
    [
        *(
            ("cp1252", text)
            for text in ("café", "It’s a “test” – don’t", "Grüße", "die Tür geht auf", "blåbär")
        ),
        *(("cp1252", text) for text in ("Él corre", "un día", "Åke går", "être")),
        *(("cp1251", "Привет мир"), ("cp932", "Tom テスト"), ("cp1251", "она пошла в Microsoft")),
    ],
)
def test_a_short_text_is_guessed_by_what_is_common(encoding, text):
    assert read(SRT.format(text).encode(encoding))[0] == SRT.format(text)


def test_damaged_utf8_stays_utf8():
    found, notes = read("naïve café ☕ — ".encode() + b"\xff and \xe2\x98")
    assert found == "naïve café ☕ — \ufffd and \ufffd"
    assert notes == {"bytes that are no text in the file's encoding, replaced by \ufffd": 2}


def test_replacements_that_the_file_itself_holds_are_not_counted():
    assert read("a \ufffd b".encode()) == ("a \ufffd b", {})
    assert list(read("é \ufffd b".encode() + b"\xff")[1].values()) == [1]
    assert list(read("é \ufffd b\n".encode("utf-16") + b"\x00")[1].values()) == [1]


def test_controls_are_replaced_and_white_space_is_not():
    assert read(b"a\x00b\x1b[31m\tc\x0b\x0c\r\n") == (
        "a\ufffdb\ufffd[31m\tc\x0b\x0c\r\n",
        {"control characters and halves of surrogates, replaced by \ufffd": 2},
    )
