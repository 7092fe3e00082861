"""Caption files of many kinds through `vatt prepare folder`: what is in the records, and what is said."""

import json
import os

import tensorflow as tf

from vatt import cli
from vatt.prepare.shard_reader import read_shard

CUE = "1\n00:00:00,100 --> 00:00:00,400\n{}\n"
ROLLING = """WEBVTT
Kind: captions

00:00:00.000 --> 00:00:00.100
 
all<00:00:00.050><c> right</c>

00:00:00.100 --> 00:00:00.110
all right
 

00:00:00.110 --> 00:00:00.200
all right
<00:00:00.150><c>don&#39;t</c><00:00:00.180><c> go</c>

00:00:00.200 --> 00:00:00.210
don&#39;t go
 

00:00:00.210 --> 00:00:00.400
don&#39;t go
please<00:00:00.300><c> stay</c>
"""  # noqa: W291, W293
GUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
FILES = {  # name -> (content, captions of its media)
    "rolling.en.vtt": (ROLLING, ["all right", "don't go", "please stay"]),
    "ids.vtt": (f"WEBVTT\n\nNOTE no\n\n{GUID}\n00:00.100 --> 00:00.400\na <00:00.2>big pie\n", ["a big pie"]),
    "numbers.srt": (CUE.format("the answer is\n42"), ["the answer is 42"]),
    "backwards.srt": (CUE.format("kept") + "\n2\n00:00:00,4 --> 00:00:00,1\nlost\n", ["kept"]),
    "western.srt": (
        CUE.format("une très bonne soupe à l'oignon").encode("cp1252"),
        ["une très bonne soupe à l'oignon"],
    ),
    "cyrillic.srt": (
        CUE.format("вкусный суп для всей семьи").encode("cp1251"),
        ["вкусный суп для всей семьи"],
    ),
    "chunks.json": (
        json.dumps(
            {
                "chunks": [
                    {"timestamp": [0, 0.2], "text": " one two"},
                    {"timestamp": [0.2, None], "text": " and three"},
                ]
            }
        ),
        ["one two", "and three"],
    ),
    "half.json": (
        '{"segments": [{"start": 0, "end": 0.4, "text": "half \\ud83d of it"}]}',
        ["half \ufffd of it"],
    ),
    "lines.txt": ("one\u2028line\x85only\nand another", ["one line only", "and another"]),
    "deep.json": ("[" * 100_000, []),
    "braces.srt": ("{" * 300_000, []),
    "info.json": ('{"title": "no transcript"}', ["what it shows"]),
    "info.txt": ("what it shows", ["what it shows"]),
}


def captions_of(folder):
    """media_id -> captions, of all records."""
    found = {}
    for shard in sorted(folder.glob("*.tfrecord")):
        for stored in read_shard(shard):
            context = tf.train.SequenceExample.FromString(stored.content).context.feature
            texts = [text.decode() for text in context["caption/string"].bytes_list.value]
            found[context["clip/media_id"].bytes_list.value[0].decode()] = texts
    return found


def test_every_kind_is_right_or_said(place, tmp_path, capsys):
    names = {name.split(".")[0] for name in FILES}
    media = place(*(f"{name}.wav" for name in (*names, "pipe", "secret")))
    for name, (content, _) in FILES.items():
        (media / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    os.mkfifo(media / "pipe.srt")
    (tmp_path / "passwd").write_text("root:x:0:0")
    (media / "secret.txt").symlink_to(tmp_path / "passwd")
    out = tmp_path / "out"
    assert cli.main(["prepare", "folder", str(media), str(out), "--test_share", "0", "--processes", "1"]) == 0

    expected = {f"{name.split('.')[0]}.wav": texts for name, (_, texts) in FILES.items()}
    assert captions_of(out) == {**expected, "pipe.wav": [], "secret.wav": []}
    assert "root" not in (out / "vocabulary.txt").read_text()
    told = capsys.readouterr().err
    report = (out / "preparation.json").read_text()
    for said in (
        "cues that end before they begin, left out: 1",
        "files that are not UTF-8, read as windows-1252: 1",
        "files that are not UTF-8, read as windows-1251: 1",
        "cues without an end",
        "lines of rolling captions that repeat the line before, left out: 4",
        "control characters and halves of surrogates, replaced by \ufffd: 1",
    ):
        assert said in told
        assert said.partition(":")[0] in report
    left_out = next(line for line in told.split("\n") if line.startswith("5 files were left out"))
    for reason in (
        *("1 FIFO", "1 link that leads out of the folder", "1 JSON file that is no transcript"),
        *("1 caption file that can not be read", "1 caption file without a caption"),
    ):
        assert reason in left_out
    assert cli.main(["doctor", str(out), "--processes", "1"]) in (0, 1)
    assert "caption-times" not in "".join(capsys.readouterr())
