import dataclasses
import json
import sys
from pathlib import Path

import pytest
from clip_maker import make_clips, prepare, shard_bytes
from media_maker import beep, grey, make_media

from tests.object_stores import fetched
from vatt.files import places
from vatt.prepare.errors import PreparationError
from vatt.prepare.record import Clip


def test_without_beam_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    monkeypatch.delitem(sys.modules, "vatt.prepare.beam", raising=False)
    with pytest.raises(PreparationError, match=r"needs Apache Beam.*vatt\[beam\]"):
        prepare(make_clips(tmp_path), tmp_path / "out", runner="beam")


@pytest.fixture
def needs_beam():
    pytest.importorskip("apache_beam", reason="needs the extra [beam], best in an environment of its own")


@pytest.fixture
def clips(tmp_path):
    long = make_media(tmp_path / "long.mp4", pictures=grey(range(40)), sound=beep(4.0, at=0.1))
    gone = Clip(media=str(tmp_path / "gone.mp4"), media_id="gone", split="train")
    return [
        Clip(media=str(long), media_id="l", split="train", segment_seconds=0.5),
        gone,
        *make_clips(tmp_path),
    ]


@pytest.mark.usefixtures("needs_beam")
def test_a_pipeline_makes_the_same_set(clips, tmp_path):
    local = prepare(clips, tmp_path / "local", max_failures=0.2)
    piped = prepare(clips, tmp_path / "beam", max_failures=0.2, runner="beam")
    assert (piped.records, piped.failures) == (local.records, local.failures)
    assert piped.failures[0][0] == "gone"
    assert shard_bytes(tmp_path / "beam") == shard_bytes(tmp_path / "local")
    assert sorted(p.name for p in (tmp_path / "beam").iterdir()) == sorted(
        p.name for p in (tmp_path / "local").iterdir()
    )
    report = json.loads((tmp_path / "beam" / "preparation.json").read_text())
    assert report["this_run"]["runner"] == "beam"


@pytest.mark.usefixtures("needs_beam")
def test_workers_share_nothing_but_a_store(clips, tmp_path, bucket):
    """Media, what workers leave for each other, and the set."""
    store = places.open_store(f"{bucket}/media")
    for clip in {clip.media: clip for clip in clips if clip.media_id != "gone"}.values():
        store.write(Path(clip.media).name, Path(clip.media))
    there = [dataclasses.replace(each, media=f"{bucket}/media/{Path(each.media).name}") for each in clips]
    places.open_store(f"{bucket}/set").write(".unfinished/spool-of-a-killed-run/x", b"left")
    prepare(clips, tmp_path / "local", max_failures=0.2)
    prepare(there, f"{bucket}/set", max_failures=0.2, runner="beam")
    assert not [name for name in places.open_store(f"{bucket}/set").entries() if "unfinished" in name]
    made = fetched(f"{bucket}/set", tmp_path / "made")
    assert shard_bytes(made) == shard_bytes(tmp_path / "local")
    assert sorted(p.name for p in made.iterdir()) == sorted(p.name for p in (tmp_path / "local").iterdir())


@pytest.mark.usefixtures("needs_beam")
def test_a_pipeline_that_fails_says_so_and_keeps_what_is_finished(clips, tmp_path, monkeypatch):
    from vatt.prepare import beam

    write = beam._write

    def fails_at_the_test_split(gathered, spool):
        if gathered[0].startswith("test"):
            raise OSError("no more room")
        return write(gathered, spool)

    with monkeypatch.context() as patch:
        patch.setattr(beam, "_write", fails_at_the_test_split)
        with pytest.raises(PreparationError, match=r"(?s)The Beam pipeline failed.*no more room"):
            prepare(clips, tmp_path / "out", max_failures=0.2, runner="beam")
    prepare(clips, tmp_path / "out", max_failures=0.2, runner="beam")
    prepare(clips, tmp_path / "local", max_failures=0.2)
    assert shard_bytes(tmp_path / "out") == shard_bytes(tmp_path / "local")
