import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour, tone
from vatt.embed.files import Options
from vatt.embed.parts import BusyError, alone
from vatt.search import build
from vatt.search.build import build_index
from vatt.search.index import Index
from vatt.search.layout import BadIndexError, RowsWriter

OPTIONS = Options(processes=1)
ROOT = Path(__file__).parents[2]

# Rows of 8 MiB on a disk of 1 MiB.
LARGE = """\
import sys
from pathlib import Path
import numpy as np
from vatt.search.layout import RowsWriter

rows = RowsWriter(Path(sys.argv[1]), rows=4096, widths={"video/video_text": 512}, dtype="float32")
rows.put(0, {"video/video_text": np.ones((4096, 512), np.float32)})
"""

# An update that kills itself at a moment: no `finally` runs, no lock is given back.
CHILD = """\
import os, signal, sys
from pathlib import Path
from tests.toy_embedder import ToyEmbedder
from vatt.embed.files import Options
from vatt.embed.parts import Parts
from vatt.search import build, layout

moment, place = sys.argv[1], Path(sys.argv[2])
owner, name, left = {
    "embedding": (Parts, "put", 1), "rows": (layout.RowsWriter, "put", 2), "facts": (build, "write_facts", 0),
}[moment]
original = getattr(owner, name)

def dies(*arguments, **named):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return original(*arguments, **named)

setattr(owner, name, dies)
options = Options(processes=1, batch_size=1)
build.build_index(lambda path: ToyEmbedder(), "toy", place / "media", place / "index", options)
"""


@pytest.fixture
def place(made, tmp_path):
    """A copy of both; the times of change are kept, and the folder is taken for one that was moved."""
    shutil.copytree(made, tmp_path / "all")
    facts = json.loads((tmp_path / "all/index/index.json").read_text())
    facts["root"] = str(tmp_path / "all/media")
    (tmp_path / "all/index/index.json").write_text(json.dumps(facts))
    return tmp_path / "all"


def update(place, embedder=None, options=OPTIONS, model="toy", **named):
    embedder = embedder or ToyEmbedder()
    return build_index(lambda path: embedder, model, place / "media", place / "index", options, **named)


def content(index):
    """(file, start, vectors) of every row."""
    columns = [index.columns[name] for name in sorted(index.columns)]
    return [
        (index.place(row).name, *(column[row].tolist() for column in columns)) for row in range(index.rows)
    ]


def test_a_new_index(made):
    index = Index(made / "index")
    assert [(file["path"], file["first"], file["windows"]) for file in index.files] == [
        ("blue.wav", 0, 2),
        ("green.avi", 2, 1),
        ("red.mp4", 3, 3),
    ]
    assert [entry["path"] for entry in index.facts["failed"]] == ["empty.mp4", "text.mp4"]
    assert index.facts["failed"][0]["reason"] == "the file is empty"
    assert index.has("video").tolist() == [False, False, True, True, True, True]
    place = index.place(4)
    assert (place.name, place.number, place.start_seconds) == ("red.mp4", 2, pytest.approx(0.4))
    assert isinstance(index.vectors("video/video_text"), np.memmap)
    assert sorted(path.name for path in (made / "index").iterdir()) == ["index.json", "lock", "rows-000001"]


def test_a_full_disk_is_an_error_and_not_the_end_of_the_process(tmp_path):
    def on_a_small_disk(*command):
        mount = f"mount -t tmpfs -o size=1m none {shlex.quote(str(tmp_path))} && exec {shlex.join(command)}"
        return subprocess.run(
            ["unshare", "-rm", "sh", "-c", mount], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )

    if shutil.which("unshare") is None or on_a_small_disk("true").returncode:
        pytest.skip("this user can not mount a small disk")
    done = on_a_small_disk(sys.executable, "-c", LARGE, str(tmp_path))
    assert done.returncode == 1 and "OSError: [Errno 28] No space left on device" in done.stderr


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system can not take room for a file")
def test_rows_have_their_room_on_the_disk_before_they_are_written(tmp_path):
    RowsWriter(tmp_path, rows=4096, widths={"video/video_text": 512}, dtype="float32")
    largest = max((path.stat() for path in tmp_path.iterdir()), key=lambda stat: stat.st_size)
    assert largest.st_size > 8 << 20 and largest.st_blocks * 512 >= largest.st_size


def test_nothing_changed_nothing_is_embedded(place):
    before = content(Index(place / "index"))
    embedder = ToyEmbedder()
    summary = update(place, embedder)
    assert (summary.new, summary.kept, summary.gone, embedder.rows) == (0, 3, 0, 0)
    assert content(Index(place / "index")) == before
    assert list(summary.failures) == ["empty.mp4", "text.mp4"]


def test_new_changed_moved_touched_and_deleted_files(place):
    media = place / "media"
    make_media(media / "new.avi", pictures=colour("blue", 4))
    make_media(media / "green.avi", pictures=colour("red", 8))  # changed
    (media / "deep").mkdir()
    (media / "red.mp4").rename(media / "deep" / "moved.mp4")
    os.utime(media / "blue.wav", (1, 1))
    (media / "text.mp4").unlink()
    embedder = ToyEmbedder()
    summary = update(place, embedder, Options(processes=1, batch_size=1))
    assert (summary.new, summary.kept, summary.gone) == (2, 2, 1)
    assert embedder.rows == 1 + 2  # windows of the new and of the changed one
    index = Index(place / "index")
    fresh = build_index(
        lambda path: ToyEmbedder(), "toy", media, place / "fresh", Options(processes=1, batch_size=1)
    )
    assert content(index) == content(Index(place / "fresh")) and fresh.windows == index.rows
    assert list(summary.failures) == ["empty.mp4"]


def test_failed_files_are_tried_again_when_they_change_or_when_asked(place, made, monkeypatch):
    asked = []
    original = build.embed_missing

    def asks(embedder, paths, *arguments):
        asked[:] = [path.name for path in paths]
        return original(embedder, paths, *arguments)

    monkeypatch.setattr(build, "embed_missing", asks)
    update(place)
    assert asked == []
    shutil.copyfile(made / "media" / "green.avi", place / "media" / "empty.mp4")
    assert update(place).failures.keys() == {"text.mp4"}
    update(place, retry_failed=True)
    assert asked == ["text.mp4"]


@pytest.mark.parametrize("moment", ["embedding", "rows", "facts"])
def test_a_run_that_is_killed_changes_nothing_and_loses_nothing(place, moment):
    before = content(Index(place / "index"))
    for name in ("one.avi", "two.avi"):
        make_media(place / "media" / name, pictures=colour("blue", 4))
    done = subprocess.run([sys.executable, "-c", CHILD, moment, str(place)], cwd=ROOT, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert content(Index(place / "index")) == before
    embedder = ToyEmbedder()
    update(place, embedder, Options(processes=1, batch_size=1))
    assert embedder.rows == (1 if moment == "embedding" else 0)
    assert len({row[0] for row in content(Index(place / "index"))}) == 5
    left = sorted(path.name for path in (place / "index").iterdir())
    assert len(left) == 3 and left[:2] == ["index.json", "lock"]


def test_two_writers_are_refused(place):
    with alone(place / "index" / "lock", "it"), pytest.raises(BusyError, match="Another process is writing"):
        update(place)


def test_whoever_reads_keeps_what_it_has_opened(place):
    index = Index(place / "index")
    before = content(index)
    make_media(place / "media" / "a.avi", pictures=colour("blue", 4))
    update(place)
    assert content(index) == before != content(Index(place / "index"))


def test_another_model_folder_or_stride_is_refused(place):
    with pytest.raises(BadIndexError, match="embeddings of one model"):
        update(place, ToyEmbedder(fingerprint="other"))
    with pytest.raises(BadIndexError, match="windows cut in one way"):
        update(place, options=Options(processes=1, stride_seconds=0.2))
    shutil.copytree(place / "media", place / "elsewhere")
    with pytest.raises(BadIndexError, match="An index is of one folder"):
        build_index(lambda path: ToyEmbedder(), "toy", place / "elsewhere", place / "index", OPTIONS)
    summary = update(place, options=Options(processes=1, stride_seconds=0.2), rebuild=True)
    assert summary.new == 3 and Index(place / "index").facts["stride_seconds"] == 0.2


def test_a_rebuild_that_ends_early_leaves_the_index_as_it_was(place, monkeypatch):
    before = content(Index(place / "index"))

    def fails(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(build, "embed_missing", fails)
        update(place, rebuild=True)
    assert content(Index(place / "index")) == before
    update(place, rebuild=True)
    assert content(Index(place / "index")) == before
    names = sorted(path.name for path in (place / "index").iterdir())
    assert names == ["index.json", "lock", "rows-000002"]


def test_a_folder_that_was_moved_is_the_same(place):
    (place / "media").rename(place / "moved")
    embedder = ToyEmbedder()
    build_index(lambda path: embedder, None, place / "moved", place / "index", OPTIONS)
    assert embedder.rows == 0 and Index(place / "index").root == place / "moved"


def test_links_that_lead_out_of_the_folder_are_not_followed(place, tmp_path, capsys):
    make_media(tmp_path / "secret.avi", pictures=colour("blue", 4))
    (place / "media" / "link.avi").symlink_to(tmp_path / "secret.avi")
    (place / "media" / "inside.avi").symlink_to("green.avi")
    summary = update(place)
    told = capsys.readouterr().err
    assert "1 link that leads out of the folder" in told and "1 second name of a file" in told
    assert set(summary.failures) == {"empty.mp4", "text.mp4"}
    assert {row[0] for row in content(Index(place / "index"))} == {"blue.wav", "green.avi", "red.mp4"}


def test_a_name_that_is_no_utf_8(place):
    media = place / "media"
    (media / "green.avi").rename(media / "gr\udcfcn.avi")
    summary = update(place)
    assert (summary.new, summary.kept, summary.gone) == (0, 3, 1)  # known by its content
    assert {row[0] for row in content(Index(place / "index"))} == {"blue.wav", "gr\udcfcn.avi", "red.mp4"}


def test_the_index_may_lie_in_its_folder(place, capsys):
    embedder = ToyEmbedder()
    index = place / "media" / "deep" / "index"
    summary = build_index(lambda path: embedder, "toy", place / "media", index, OPTIONS)
    summary = build_index(lambda path: embedder, "toy", place / "media", index, OPTIONS)
    assert summary.files == 3 and "1 folder of this program's output" in capsys.readouterr().err


def test_half_precision(place):
    whole = np.array(Index(place / "index").vectors("video/video_text"))
    update(place, dtype="float16")
    half = Index(place / "index").vectors("video/video_text")
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, whole, atol=5e-4)


@pytest.mark.parametrize("damage", ["json", "schema", "column", "short column", "missing column"])
def test_a_damaged_index_says_so(place, damage):
    directory, rows = place / "index", place / "index" / "rows-000001"
    facts = json.loads((directory / "index.json").read_text())
    if damage == "json":
        (directory / "index.json").write_text('{"schema": 1, "ro')
    if damage == "schema":
        (directory / "index.json").write_text(json.dumps(facts | {"schema": 99}))
    if damage == "column":
        (rows / "video.video_text.npy").write_bytes(b"\x93NUMPY nonsense")
    if damage == "short column":
        np.save(rows / "video.video_text.npy", np.zeros((2, 3), np.float32))
    if damage == "missing column":
        (rows / "video.video_text.npy").unlink()
    with pytest.raises(BadIndexError, match="damaged|schema 1|missing"):
        Index(directory)
    assert update(place, rebuild=True).files == 3
    assert Index(directory).rows == 6


def test_what_can_not_be_an_index(place, tmp_path):
    for nothing in (tmp_path, place / "media" / "red.mp4"):
        with pytest.raises(BadIndexError, match="There must be an index"):
            Index(nothing)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear to somebody")
    with pytest.raises(ValueError, match="needs its own folder"):
        build_index(lambda path: ToyEmbedder(), "toy", place / "media", tmp_path / "mine", OPTIONS)
    with pytest.raises(ValueError, match="must hold a media file"):
        build_index(lambda path: ToyEmbedder(), "toy", tmp_path / "mine", tmp_path / "index", OPTIONS)
    with pytest.raises(ValueError, match="A new index needs a model"):
        build_index(lambda path: ToyEmbedder(), None, place / "media", tmp_path / "index", OPTIONS)


def test_an_index_of_nothing_is_refused(tmp_path):
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.mp4").write_text("no film")
    summary = update(tmp_path)
    assert summary.files == 0 and summary.failures
    with pytest.raises(BadIndexError, match="at least one window"):
        Index(tmp_path / "index")


def test_of_joined_files_audio_and_video_are_of_one_instant(tmp_path):
    """`cat red.ts blue.ts`: every window with the colour has its tone, and times run through."""
    (tmp_path / "media").mkdir()
    with open(tmp_path / "media/joined.ts", "wb") as file:
        for name in ("red", "blue"):
            part = make_media(
                tmp_path / f"{name}.ts",
                pictures=colour(name, 50),
                rate_hz=25,
                sound=tone(name, 2.0),
                audio_codec="mp2",
            )
            file.write(part.read_bytes())
    summary = update(tmp_path)
    index = Index(tmp_path / "index")
    assert summary.in_part == {"joined.ts": index.files[0]["warnings"]}
    assert index.rows == 10 and "began again" in index.files[0]["warnings"][0]
    seen, heard = (np.argmax(index.vectors(f"{kind}/video_audio"), axis=1) for kind in ("video", "audio"))
    assert np.sum(seen != heard) <= 1  # where they meet
    assert list(seen) == sorted(seen) and {0, 2} == set(seen)
    assert index.place(9).start_seconds == pytest.approx(3.6, abs=0.2)
