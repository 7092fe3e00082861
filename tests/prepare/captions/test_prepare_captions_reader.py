import os
import time

import pytest

from vatt.prepare.captions import CaptionError, CaptionReader, reader


def write(folder, count):
    paths = [folder / f"{number:03}.txt" for number in range(count)]
    for path in paths:
        path.write_text(f"text of {path.stem}")
    return paths


def test_files_are_read_in_a_worker_each_by_itself_or_ahead(tmp_path):
    paths = write(tmp_path, 130)
    os.mkfifo(tmp_path / "x.srt")
    (tmp_path / "x.json").write_text("[" * 100_000)
    with CaptionReader() as captions:
        assert captions.read(paths[7]).captions[0][2] == "text of 007"
        captions.read_ahead([*paths, tmp_path / "x.srt", *paths, tmp_path / "x.json"])
        assert [captions.read(path).captions[0][2] for path in paths] == [
            f"text of {path.stem}" for path in paths
        ]
        for name in ("x.srt", "x.json", "none.srt"):
            with pytest.raises(CaptionError, match=name):
                captions.read(tmp_path / name)


read_captions, read_batch = reader.read_captions, reader.read_batch


def slow_or_dead(path, *, within=None):
    if path.stem == "003":
        time.sleep(60)
    if path.stem == "005":
        os._exit(3)
    if path.stem == "006":
        raise RuntimeError("a defect")
    return read_captions(path, within=within)


def read_hostile_batch(within, paths):
    reader.read_captions = slow_or_dead
    yield from read_batch(within, paths)


def test_a_file_that_hangs_or_kills_its_worker_costs_no_other(tmp_path, monkeypatch):
    paths = write(tmp_path, 10)
    monkeypatch.setattr(reader, "read_batch", read_hostile_batch)
    monkeypatch.syspath_prepend(os.path.dirname(__file__))  # where the worker finds this module
    reasons = {
        "003": "no sign of life for more than 2 s",
        "005": "the worker process died",
        "006": "a defect",
    }
    with CaptionReader(timeout_seconds=2) as captions:
        captions.read_ahead(paths)
        for path in paths:
            if path.stem in reasons:
                with pytest.raises(CaptionError, match=f"(?s){path.name}.*{reasons[path.stem]}"):
                    captions.read(path)
            else:
                assert captions.read(path).captions[0][2] == f"text of {path.stem}"


def test_links_out_of_the_folder_are_refused(tmp_path):
    (tmp_path / "media").mkdir()
    (write(tmp_path, 1)[0]).rename(tmp_path / "secret.txt")
    (tmp_path / "media" / "a.txt").symlink_to(tmp_path / "secret.txt")
    with (
        CaptionReader(tmp_path / "media") as captions,
        pytest.raises(CaptionError, match="leads out of the folder"),
    ):
        captions.read(tmp_path / "media" / "a.txt")
