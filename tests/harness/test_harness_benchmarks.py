"""Miniature tasks in the real harnesses: their own code, their own formats of data."""

import io
import json
import subprocess
import sys
import tarfile
import wave

import numpy as np
import pytest

from tests.documents import ROOT
from tests.prepare.media_maker import make_media
from tests.trained_run import CLIP, prepared, tiny_vatt, write_clips, write_run

pytestmark = pytest.mark.slow
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("harness")
    facts = prepared(write_clips(folder / "set")).info.input_facts
    return write_run(folder / "run", tiny_vatt(drop_rate=0.0, dropout_rate=0.0), facts)


def tone(number, *, rate_hz=RATE_HZ, seconds=1.0):
    """A WAV file: a low tone where `number` is even, a high one where it is odd."""
    draw = np.random.default_rng(number)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = 0.5 * np.sin(2 * np.pi * (70, 310)[number % 2] * time) + draw.uniform(-0.02, 0.02, len(time))
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32000).astype("<i2").tobytes())
    return content.getvalue()


def vatt_benchmark(*arguments):
    command = [sys.executable, "-m", "vatt", "benchmark", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(line.split("\t", 1) for line in done.stdout.splitlines() if line.count("\t") > 1)


def test_mteb_classifies_audio_and_retrieves_video(run, tmp_path):
    pytest.importorskip("mteb", reason="mteb is not installed")
    pytest.importorskip("datasets", reason="mteb's datasets is not installed")
    table = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    import pyarrow.parquet

    def write(path, columns, features):
        path.parent.mkdir(parents=True)
        facts = json.dumps({"info": {"features": features}})
        rows = table.table(columns).replace_schema_metadata({"huggingface": facts})
        pyarrow.parquet.write_table(rows, path)

    sounds = [{"bytes": tone(number), "path": f"{number}.wav"} for number in range(40)]
    write(
        tmp_path / "mteb/esc50/data/train-00000-of-00001.parquet",
        {"audio": sounds, "target": [number % 2 for number in range(40)]},
        {"audio": {"_type": "Audio"}, "target": {"dtype": "int64", "_type": "Value"}},
    )
    videos = []
    for number in range(3):
        frames = np.random.default_rng(number).integers(0, 256, (12 + number, 32, 48, 3), np.uint8)
        path = tmp_path / f"{number}.mp4"
        make_media(path, pictures=frames)
        videos.append({"bytes": path.read_bytes(), "path": path.name})
    write(
        tmp_path / "mteb/MSR-VTT/data/test-00000-of-00001.parquet",
        {"video": videos, "caption": ["the red disc spins", "a blue star", "zebra"]},
        {"video": {"_type": "Video"}, "caption": {"dtype": "string", "_type": "Value"}},
    )
    found = vatt_benchmark(
        *("mteb", run, "--tasks", "ESC50", "MSRVTTT2V", "MSRVTTV2T"),
        *("--data", tmp_path, "--out", tmp_path / "results"),
    )
    assert found.keys() == {"ESC50", "MSRVTTT2V", "MSRVTTV2T"}
    metric, accuracy = found["ESC50"].split("\t")
    assert metric == "accuracy" and float(accuracy) > 0.9  # low and high tones; 0.5 by chance
    assert 0.3 < float(found["MSRVTTT2V"].split("\t")[1]) <= 1
    assert len(list((tmp_path / "results").rglob("ESC50.json"))) == 1


def test_xares_scores_features_over_time(run, tmp_path):
    pytest.importorskip("xares", reason="xares is not installed")
    folder = tmp_path / "esc50"
    folder.mkdir()
    (folder / ".audio_tar_ready").touch()
    for fold in range(1, 6):
        with tarfile.open(folder / f"wds-audio-fold-{fold}-000000.tar", "w") as archive:
            for number in range(16):
                label = json.dumps({"label": number % 2}).encode()
                for suffix, content in (("wav", tone(100 * fold + number)), ("json", label)):
                    entry = tarfile.TarInfo(f"{fold}-{number}.{suffix}")
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
    found = vatt_benchmark("xares", run, "--tasks", "esc50", "--data", tmp_path, "--hop_seconds", "0.25")
    kind, score, other, neighbours = found["ESC-50"].split("\t")
    assert (kind, other) == ("MLP", "nearest neighbours")
    assert 0 <= float(score) <= 1 and 0 <= float(neighbours) <= 1
    (encoded,) = (folder / "embeddings").glob("Vatt*Hop250Encoder")  # of this model, by its fingerprint
    features, labels = [], []
    for path in sorted(encoded.glob("*.tar")):
        with tarfile.open(path) as archive:
            for name in archive.getnames():
                content = archive.extractfile(name).read()
                if name.endswith("npy"):
                    features.append(np.load(io.BytesIO(content)))
                else:
                    labels.append(json.loads(content)["label"])
    assert np.shape(features)[:2] == (80, 4)  # a second, four instants
    means, labels = np.mean(features, axis=1), np.array(labels)
    distances = np.square(means[:, None] - means).sum(axis=2) + np.diag(np.full(80, np.inf))
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.9  # low and high tones; 0.5 by chance


def test_hear_embeds_scenes_and_events(run, tmp_path):
    pytest.importorskip("heareval", reason="heareval is not installed")
    audio = tone(1, rate_hz=CLIP.sample_rate_hz, seconds=1.5)
    events = [{"label": "high", "start": 0.0, "end": 700.0}]
    for name, kind, labels in (("scenes", "scene", ["high"]), ("events", "event", events)):
        folder = tmp_path / "tasks" / name
        (folder / str(CLIP.sample_rate_hz) / "train").mkdir(parents=True)
        (folder / str(CLIP.sample_rate_hz) / "train" / "a.wav").write_bytes(audio)
        (folder / "labelvocabulary.csv").write_text("idx,label\n0,high\n")
        (folder / "train.json").write_text(json.dumps({"a.wav": labels}))
        facts = {"splits": ["train"], "embedding_type": kind, "prediction_type": "multilabel"}
        (folder / "task_metadata.json").write_text(json.dumps(facts | {"sample_duration": None}))
    command = [
        *(sys.executable, "-m", "heareval.embeddings.runner", "vatt.harness.hear", "--model", run),
        *("--tasks-dir", tmp_path / "tasks", "--embeddings-dir", tmp_path / "made"),
        *("--model-options", '{"hop_ms": 100}'),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    (made,) = (tmp_path / "made").iterdir()
    scene = np.load(made / "scenes" / "train" / "a.wav.embedding.npy")
    over_time = np.load(made / "events" / "train" / "a.wav.embedding.npy")
    assert over_time.shape == (15, len(scene)) and np.isfinite(over_time).all()
    instants = json.loads((made / "events" / "train" / "a.wav.timestamps.json").read_text())
    np.testing.assert_allclose(instants, np.arange(0, 1500, 100))
    labels = json.loads((made / "events" / "train" / "a.wav.target-labels.json").read_text())
    assert [len(each) for each in labels] == [1] * 8 + [0] * 7
