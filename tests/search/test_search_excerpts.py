import av
import numpy as np
import pytest

from tests.embed.embedding_files import run
from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour, tone
from vatt.embed.files import Options
from vatt.search import cli
from vatt.search.build import build_index


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("vatt.load", lambda path: ToyEmbedder())
    (tmp_path / "media" / "a b").mkdir(parents=True)
    greys = np.arange(20, 236, 6)[:30].astype(np.uint8)[:, None, None, None]
    pictures = np.concatenate([colour("blue", 10, 48), np.broadcast_to(greys, (30, 48, 64, 3))[:, :, :48]])
    make_media(tmp_path / "media" / "a b" / "ü.mp4", pictures=pictures, sound=tone("red", 4.0))
    build_index(lambda path: ToyEmbedder(), "toy", tmp_path / "media", tmp_path / "i", Options(processes=1))
    return tmp_path


def test_a_clip_has_the_frames_of_its_scene(place, capsys):
    words = place / "i", "blue", "--count", 1, "--export_clips", place / "clips"
    assert run(cli, *words) == 0
    assert "1 of 1 clips are in" in capsys.readouterr().err
    (path,) = (place / "clips").iterdir()
    assert path.name.startswith("001-a_b_ü-0.0s-1.0s")
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 10 and frames[0].shape == (48, 48, 3)
    assert all(frame[..., 2].mean() > 180 and frame[..., 0].mean() < 60 for frame in frames)
    with av.open(str(path)) as container:
        seconds = sum(frame.samples for frame in container.decode(audio=0)) / 48_000
    assert seconds == pytest.approx(1.0, abs=0.05)


def test_nothing_is_written_over(place):
    words = place / "i", "blue", "--count", 1, "--export_clips", place / "clips"
    run(cli, *words)
    (path,) = (place / "clips").iterdir()
    path.write_bytes(b"mine")
    with pytest.raises(ValueError, match="not written over files. Received: .*, or --overwrite"):
        run(cli, *words)
    assert path.read_bytes() == b"mine"
    run(cli, *words, "--overwrite")
    assert path.read_bytes() != b"mine"


def test_what_can_not_be_cut_is_said(place, capsys):
    (place / "media" / "a b" / "ü.mp4").unlink()
    assert run(cli, place / "i", "blue", "--count", 1, "--export_clips", place / "clips") == 0
    told = capsys.readouterr().err
    assert "0 of 1 clips" in told and "there is no such file" in told
