import json
import os
import shutil
import signal
import time

import numpy as np
import pytest

import vatt
from tests.embed.embedding_files import killed_after, make_folder, run
from tests.prepare.media_maker import grey, make_media
from tests.toy_embedder import CLIP, ToyEmbedder
from vatt.embed import batches, cli, file_windows, files, parts
from vatt.embed.files import Options, embed_files
from vatt.evals.records import BrokenModelError
from vatt.prepare.pool import Failure


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("embed") / "media")


@pytest.fixture
def media(made, tmp_path):
    return shutil.copytree(made, tmp_path / "media")


@pytest.fixture
def toy(monkeypatch):
    embedder = ToyEmbedder()
    monkeypatch.setattr(vatt, "load", lambda path: embedder)
    return embedder


def vatt_embed(*words):
    return run(cli, *words, "--model", "toy", "--processes", 1)


def test_a_folder_of_good_and_bad_files(media, toy, tmp_path, capsys):
    out = tmp_path / "out" / "table.npz"
    assert vatt_embed(media, media / "none.mp4", media / "red.mp4", "--out", out) == 1
    told = capsys.readouterr()
    assert told.out.strip() == str(out)
    assert "3 files could not be embedded:" in told.err
    assert f"  {media / 'empty.mp4'}: the file is empty\n" in told.err
    assert f"  {media / 'none.mp4'}: there is no such file\n" in told.err
    assert f"  {media / 'text.mp4'}: can not be opened as media" in told.err
    table = np.load(out)
    names = [os.path.basename(name) for name in table["files"][table["file_number"]]]
    assert names == ["blue.wav"] * 2 + ["green.avi"] + ["red.mp4"] * 3
    assert table["start_seconds"][3:] == pytest.approx([0, 0.4, 0.8], abs=1e-6)
    assert table["end_seconds"][3:] == pytest.approx([0.4, 0.8, 1.2], abs=1e-6)
    assert table["has_video"].tolist() == [False] * 2 + [True] * 4
    assert table["has_audio"].tolist() == [True] * 2 + [False] + [True] * 3
    video = table["video/video_audio"]
    assert video.dtype == np.float32 and not video[:2].any()
    assert video[2].argmax() == 1 and (video[3:].argmax(axis=1) == 0).all()
    assert (table["audio/video_text"][:2].argmax(axis=1) == 2).all()
    assert np.linalg.norm(video[2:], axis=1) == pytest.approx(1, abs=1e-6)
    assert json.loads(str(table["facts"]))["model_fingerprint"] == "toy"
    assert {path.name for path in out.parent.iterdir()} == {"table.npz"}  # nothing is left lying about


def test_a_folder_ends_with_what_was_left_out(media, toy, tmp_path, capsys):
    (media / "a.md").touch()
    (media / "red.srt").touch()
    (media / "linked").symlink_to(tmp_path)
    (media / "again.mp4").symlink_to("red.mp4")
    vatt_embed(media, "--out", tmp_path / "a.npz")
    told = capsys.readouterr().err
    assert "1 link to a folder" in told and "1 of unknown type" in told and "1 second name of a file" in told
    assert "2 caption and text files" in told


def test_what_is_lost_of_a_file_is_said(media, toy, tmp_path, capsys):
    """The second half of joined MP4 is not read, and the table has no place to say so."""
    joined = tmp_path / "joined.mp4"
    joined.write_bytes(make_media(tmp_path / "a.mp4", pictures=grey([90] * 30)).read_bytes() * 2)
    assert vatt_embed(joined, "--out", tmp_path / "a.npz") == 0
    lines = capsys.readouterr().err.splitlines()
    place = lines.index("1 of 1 files were embedded in part:")
    assert "joined.mp4: another file is joined behind this one" in lines[place + 1]


def test_of_many_files_in_part_the_first_are_listed(capsys):
    lost = {f"{number}.mp4": ["half"] * (number % 2) for number in range(100)}
    cli.say_in_part(lost, of=100, listed_in="index.json")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "50 of 100 files were embedded in part:" and lines[1] == "  1.mp4: half"
    assert len(lines) == 22 and lines[-1] == "  … and 30 more, see index.json"
    cli.say_in_part({"a": []}, of=1)
    assert not capsys.readouterr().err


def test_all_good_and_none_good(media, toy, tmp_path):
    assert vatt_embed(media / "red.mp4", "--out", tmp_path / "a.npz") == 0
    assert vatt_embed(media / "empty.mp4", "--out", tmp_path / "b.npz") == 2
    assert not (tmp_path / "b.npz").exists()


def test_a_file_of_somebody_else_in_our_folder_stays_and_is_no_error(media, toy, tmp_path, capsys):
    theirs = tmp_path / ".a.npz.unfinished" / "theirs"
    theirs.parent.mkdir()
    theirs.touch()
    assert vatt_embed(media / "red.mp4", "--out", tmp_path / "a.npz") == 0
    assert f"{tmp_path / 'a.npz'}" in capsys.readouterr().out and theirs.exists()


def test_the_same_files_give_the_same_bytes_in_any_company(media, toy, tmp_path):
    for name, options in (("a", ()), ("b", ("--batch_size", 3)), ("c", ())):
        vatt_embed(media, "--out", tmp_path / f"{name}.npz", *options)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "c.npz").read_bytes()
    alone = tmp_path / "alone.npz"
    vatt_embed(media / "red.mp4", "--out", alone)
    whole, part = np.load(tmp_path / "b.npz"), np.load(alone)
    np.testing.assert_array_equal(whole["video/video_text"][3:], part["video/video_text"])
    assert {shape[0] for shape in toy.shapes} == {16, 3}  # every call of a run has one size


def test_a_stopped_job_goes_on_where_it_was(media, toy, tmp_path, monkeypatch, capsys):
    out = tmp_path / "table.npz"
    with killed_after(monkeypatch, parts.Parts, "put", 1), pytest.raises(KeyboardInterrupt):
        vatt_embed(media, "--out", out)
    assert not out.exists()
    asked = []
    original = cli.embed_files
    monkeypatch.setattr(
        cli, "embed_files", lambda e, paths, *a, **k: asked.extend(paths) or original(e, paths, *a, **k)
    )
    assert vatt_embed(media, "--out", out) == 1
    assert "1 files were finished before" in capsys.readouterr().err
    assert media / "blue.wav" not in asked and media / "red.mp4" in asked
    vatt_embed(media, "--out", tmp_path / "undisturbed.npz")
    assert out.read_bytes() == (tmp_path / "undisturbed.npz").read_bytes()


def test_a_table_is_not_replaced_unasked(media, toy, tmp_path):
    out = tmp_path / "table.npz"
    out.write_text("dear to somebody")
    with pytest.raises(ValueError, match="must not be there yet"):
        vatt_embed(media, "--out", out)
    assert out.read_text() == "dear to somebody"
    assert vatt_embed(media / "red.mp4", "--out", out, "--overwrite") == 0
    assert len(np.load(out)["file_number"]) == 3


def test_two_writers_of_one_table_are_refused(media, toy, tmp_path):
    folder = tmp_path / ".table.npz.unfinished"
    folder.mkdir()
    with (
        parts.alone(folder / "lock", "it"),
        pytest.raises(parts.BusyError, match="Another process is writing"),
    ):
        vatt_embed(media, "--out", tmp_path / "table.npz")


def test_parquet(media, toy, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    out = tmp_path / "table.parquet"
    vatt_embed(media / "red.mp4", media / "blue.wav", "--out", out)
    table = parquet.read_table(out)
    assert table["file"].to_pylist() == [str(media / "red.mp4")] * 3 + [str(media / "blue.wav")] * 2
    vatt_embed(media / "red.mp4", media / "blue.wav", "--out", tmp_path / "table.npz")
    expected = np.load(tmp_path / "table.npz")["audio/video_text"]
    np.testing.assert_array_equal(np.array(table["audio/video_text"].to_pylist(), np.float32), expected)


def test_parquet_without_its_package(media, toy, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ValueError, match="Parquet needs the package pyarrow"):
        vatt_embed(media, "--out", tmp_path / "table.parquet")


@pytest.mark.parametrize(
    "words, rule",
    [
        (("--out", "table.csv"), "`--out` must end in"),
        (("--out", "a.npz", "--stride_seconds", -1), "`stride_seconds` must be positive"),
    ],
)
def test_impossible_wishes(media, toy, words, rule):
    with pytest.raises(ValueError, match=rule):
        run(cli, media, "--model", "toy", *words)


@pytest.mark.parametrize("option", ["--batch_size", "--processes"])
def test_none_at_all_is_refused(media, toy, option, capsys):
    with pytest.raises(SystemExit):
        run(cli, media, "--model", "toy", "--out", "a.npz", option, 0)
    assert f"argument {option}: must be positive. Received: 0." in capsys.readouterr().err


def test_a_folder_without_media(toy, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="must be a media file to embed"):
        vatt_embed(tmp_path / "none", "--out", tmp_path / "a.npz")


def test_a_file_that_crashes_the_decoder_costs_itself(media, toy, monkeypatch):
    monkeypatch.setattr(files, "decode", crash_on_green)
    paths = [media / name for name in ("red.mp4", "green.avi", "blue.wav")]
    outcomes = dict(embed_files(toy, paths, Options(processes=1)))
    assert len(outcomes[paths[0]]) == 3 and len(outcomes[paths[2]]) == 2
    assert isinstance(outcomes[paths[1]], Failure) and "signal 11" in outcomes[paths[1]].reason


def crash_on_green(name, clip, *part):
    windows = file_windows.windows_of(name, clip)
    yield next(windows)
    if "green" in name:
        os.kill(os.getpid(), signal.SIGSEGV)
    yield from windows


def test_a_file_that_changes_meanwhile_is_told(media, toy, tmp_path, monkeypatch, capsys):
    original = batches.FileRows.outcome

    def touched(self):
        os.utime(media / "red.mp4", (1, 1))
        return original(self)

    monkeypatch.setattr(batches.FileRows, "outcome", touched)
    assert vatt_embed(media / "red.mp4", "--out", tmp_path / "a.npz") == 2
    assert "it was changed while it was being read" in capsys.readouterr().err


def test_a_broken_model_stops_the_job(media, toy, tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "embed_video", lambda frames: {"video_audio": np.full((len(frames), 3), np.nan)})
    with pytest.raises(BrokenModelError, match="NaN or infinity in 'video/video_audio'"):
        vatt_embed(media, "--out", tmp_path / "a.npz")


@pytest.mark.parametrize(
    "model, rule",
    [(object(), "must have the common spaces"), (ToyEmbedder(clip=None), "must come with the clips")],
)
def test_models_that_embed_nothing_are_refused(media, monkeypatch, tmp_path, model, rule):
    monkeypatch.setattr(vatt, "load", lambda path: model)
    with pytest.raises(ValueError, match=rule):
        vatt_embed(media, "--out", tmp_path / "a.npz")


def test_clock():
    assert [cli.clock(seconds) for seconds in (0, 59.96, 3723.44)] == ["0:00.0", "1:00.0", "1:02:03.4"]


def test_a_file_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    """As a worker does it, in its main thread."""

    def slow(*_, **__):
        yield 1
        time.sleep(20)
        yield 2

    monkeypatch.setattr(files, "windows_of", slow)
    started = time.monotonic()
    windows = files.decode("a.mp4", CLIP, None, ("video",), 0.0, None, 0.1)
    assert next(windows) == 1
    with pytest.raises(TimeoutError, match=r"took longer than 0.1 s and was given up"):
        next(windows)
    assert time.monotonic() - started < 10 and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
