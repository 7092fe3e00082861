"""What `vatt search` finds and costs: recall on the demo's held-out clips, milliseconds, an hour of video.

    python benchmarks/search.py recall --model runs/pretrain
    python benchmarks/search.py latency --model runs/pretrain
    python benchmarks/search.py hour --model runs/pretrain
    python benchmarks/search.py size

`recall` indexes the held-out clips' media files and asks with their captions through the functions of
`vatt search`; next to it stands what the run's evaluator measured on the prepared records of the same clips.
`latency` makes indexes of random vectors and asks with a sentence, the model's part included. `hour` makes an
hour of 640x360 H.264 at 25 frames per second with AAC, and compares the CPU time of decoding it (FFmpeg, both
streams, nothing else), of the model alone on as many windows, and of `vatt embed`. `size` measures the CPU
time of an answer among a million windows of 128 dimensions, without a model, by the int8 screen and by the
float32 scan, for random vectors and for 1,000 clusters, and compares the answers. What is asked for:

    recall of text to video in the first five as high as the evaluator's;
    the first result on 10,000 windows in less than 50 ms after load;
    embedding at most 1.3 times decoding plus the model;
    a million windows in at most 15 ms on one core, with the answers of the float32 scan.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUERIES = 50
SIZES = ((10_000, 128, "float32"), (1_000_000, 128, "float32"), (1_000_000, 128, "float16"),
         (1_000_000, 512, "float32"))  # fmt: skip
BATCH = 16


def recall(args):
    """Recall of text and audio to video in the first k, by group, and the evaluator's."""
    import vatt
    from vatt.demo.corpus import demo_corpus
    from vatt.embed.files import Options
    from vatt.prepare.captions import read_captions
    from vatt.search.answer import Wanted, answer
    from vatt.search.build import build_index
    from vatt.search.index import Index
    from vatt.search.query import Query, text_query

    media = Path(args.media or Path(demo_corpus()).parent / "media" / "test")
    embedder = vatt.load(args.model)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "index"
        build_index(lambda path: embedder, args.model, media, directory, Options(batch_size=BATCH))
        index = Index(directory)
        hits = {"text_to_video": [], "audio_to_video": [], "text_to_audio": []}
        for number, file in enumerate(index.files):
            group = group_of(file["path"])
            row = int((index.file_numbers() == number).argmax())
            place = index.place(row)
            middle = (place.start_seconds + place.end_seconds) / 2
            captions = read_captions((media / file["path"]).with_suffix(".srt")).captions
            # As the evaluator's first caption: the one whose middle is nearest to the clip's.
            text = min(captions, key=lambda each: (abs((each[0] + each[1]) / 2 - middle), each[0]))[2]
            sound = {"video_audio": index.vectors("audio/video_audio")[row]}
            words = text_query(embedder, text)
            asks = (
                ("text_to_video", words, "video"),
                ("audio_to_video", Query(modality="audio", shown="", vectors=sound), "video"),
                ("text_to_audio", words, "audio"),
            )
            for name, query, target in asks:
                found = answer(index, query, Wanted(target=target))
                hits[name].append([group_of(hit.place.name) == group for hit in found.hits])
        print(f"{len(index.files)} clips, {index.rows} windows")
    path = Path(args.model) / "metrics.json"
    stated = json.loads(path.read_text()) if path.exists() else {}
    for name, rows in hits.items():
        for k in (1, 5, 10):
            ours = sum(any(row[:k]) for row in rows) / len(rows)
            theirs = stated.get(f"retrieval_demo/{name}/recall_at_{k}")
            beside = "" if theirs is None else f"   evaluator {100 * theirs:6.2f} %"
            print(f"{name:15} R@{k:<2} vatt search {100 * ours:6.2f} %{beside}")


def group_of(name):
    """ "00005-red-ring-bounces.mp4" -> "red-ring-bounces"."""
    return Path(name).stem.split("-", 1)[1]


def latency(args):
    """Milliseconds from a sentence to the first results, on indexes of random unit vectors."""
    import numpy as np

    import vatt
    from vatt.search.answer import Wanted, answer
    from vatt.search.index import Index
    from vatt.search.query import Query, text_query, warm

    started = time.perf_counter()
    embedder = vatt.load(args.model)
    warm(embedder)
    print(f"load and warm up {time.perf_counter() - started:.1f} s")
    words = list(embedder.tokenizer.words[2:])
    draw = np.random.default_rng(0)
    for rows, width, dtype in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            directory = random_index(Path(folder), rows, width, dtype, embedder.fingerprint)
            opened = time.perf_counter()
            index = Index(directory)
            opened = time.perf_counter() - opened
            totals, searches = [], []
            for _ in range(QUERIES if rows <= 10_000 else 10):
                text = " ".join(draw.choice(words, 5))
                started = time.perf_counter()
                query = text_query(embedder, text)
                encoded = time.perf_counter()
                if width != len(query.vectors["video_text"]):
                    vector = draw.normal(size=width).astype(np.float32)
                    query = Query(modality="text", shown="", vectors={"video_text": vector})
                answer(index, query, Wanted(target="video"))
                ended = time.perf_counter()
                totals.append(1000 * (ended - started))
                searches.append(1000 * (ended - encoded))
            usual, search_alone = statistics.median(totals), statistics.median(searches)
            print(
                f"{rows:9,} x {width} {dtype}: open {1000 * opened:.0f} ms; first {totals[0]:.1f} ms "
                f"(search alone {searches[0]:.1f}); median {usual:.1f} ms ({search_alone:.1f}), most "
                f"{max(totals):.1f} ms"
            )


def random_index(folder, rows, width, dtype, fingerprint, outputs=("video/video_text",), clusters=0):
    """An index of one file with `rows` windows; of vectors around some centres, or random."""
    import numpy as np

    from vatt.search import layout

    directory = folder / "index"
    directory.mkdir()
    layout.rows_folder(directory, 1).mkdir()
    writer = layout.RowsWriter(
        layout.rows_folder(directory, 1), rows=rows, widths=dict.fromkeys(outputs, width), dtype=dtype
    )
    draw = np.random.default_rng(1)
    for first in range(0, rows, 100_000):
        count = min(100_000, rows - first)
        vectors = draw.standard_normal((count, width), np.float32)
        if clusters:
            centres = np.random.default_rng(2).standard_normal((clusters, width)).astype(np.float32)
            vectors = centres[draw.integers(0, clusters, count)] + 0.3 * vectors
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        seconds = 3.2 * np.arange(first, first + count)
        flags = np.ones(count, bool)
        columns = {"start_seconds": seconds, "end_seconds": seconds + 3.2, "has_video": flags}
        writer.put(first, {**columns, **dict.fromkeys(outputs, vectors)})
    screens = writer.close()
    facts = {
        "schema": layout.SCHEMA, "root": str(folder), "generation": 1, "rows": rows, "failed": [],
        "signature": "", "dtype": dtype,
        "widths": dict.fromkeys(outputs, width), "screens": screens,
        "model": {"path": "", "fingerprint": fingerprint},
        "files": [{"path": "film.mp4", "sha256": "", "bytes": 0, "changed_ns": 0,
                   "windows": rows, "first": 0}],
    }  # fmt: skip
    layout.write_facts(directory, facts)
    return directory


def size(args):
    """CPU milliseconds of an answer among a million windows, screened and scanned."""
    import numpy as np

    from vatt.search.answer import Wanted, answer
    from vatt.search.index import Index
    from vatt.search.query import Query

    draw = np.random.default_rng(0)
    for clusters in (0, 1000):
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            index = Index(random_index(Path(folder), 1_000_000, 128, "float32", "", clusters=clusters))
            matrix = index.vectors("video/video_text")
            best, differ = {True: [], False: []}, 0
            for _ in range(args.rounds * 10):
                vector = matrix[draw.integers(len(matrix))] + 0.05 * draw.standard_normal(128)
                vector = (vector / np.linalg.norm(vector)).astype(np.float32)
                query = Query(modality="text", shown="", vectors={"video_text": vector})
                found = {}
                for is_screened in (True, False):
                    index.facts["screens"], kept = (
                        index.facts["screens"] if is_screened else {}, index.facts["screens"]
                    )  # fmt: skip
                    began = time.process_time()
                    hits = answer(index, query, Wanted(is_joined=False)).hits
                    best[is_screened].append(1000 * (time.process_time() - began))
                    index.facts["screens"] = kept
                    found[is_screened] = [(hit.place.row, hit.score) for hit in hits]
                differ += found[True] != found[False]
            named = f"{clusters} clusters" if clusters else "random"
            for is_screened, name in ((True, "int8 screen"), (False, "float32 scan")):
                least, usual = min(best[is_screened]), statistics.median(best[is_screened])
                print(f"{named}, {name}: least {least:.1f} ms, median {usual:.1f} ms of CPU")
            print(f"{named}: {differ} of {args.rounds * 10} answers differ")


def hour(args):
    """CPU seconds of decoding a long video, of the model and of both together, each in its own process."""
    folder = Path(args.folder or tempfile.mkdtemp())
    film = folder / f"film{args.minutes}.mp4"
    if not film.exists():
        render(film, args.minutes)
    print(
        f"{film.name}: {args.minutes} min of 640x360 at 25 Hz with audio, {film.stat().st_size / 1e6:.0f} MB"
    )
    costs = {}
    for part in ("decode", "model", "embed") * args.rounds:
        words = ["--film", str(film), "--model", str(args.model)]
        words += ["--minutes", str(args.minutes)]
        command = [sys.executable, __file__, f"_{part}", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout.splitlines()[-1])
        costs.setdefault(part, []).append(told)
        print(
            f"{part:7} {told['cpu_seconds']:7.1f} CPU-s {told['seconds']:7.1f} s  {told['said']}", flush=True
        )
    decode, model, embed = (
        min(each["cpu_seconds"] for each in costs[part]) for part in ("decode", "model", "embed")
    )
    print(f"embedding / (decoding + model) = {embed / (decode + model):.2f}, aim 1.3")
    print(f"(embedding - model) / decoding = {(embed - model) / decode:.2f}")


def render(film, minutes):
    """One minute is encoded, and its packets are repeated: as much to decode, and quick to make."""
    from fractions import Fraction

    import av
    import numpy as np

    draw = np.random.default_rng(0)
    texture = np.kron(draw.integers(0, 256, (30, 50, 3), "uint8"), np.ones((24, 26, 1), "uint8"))
    minute = film.with_suffix(".minute.mp4")
    with av.open(str(minute), "w") as container:
        video = container.add_stream(
            "libx264", rate=25, options={"preset": "veryfast", "crf": "23", "g": "250"}
        )
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="mono")
        for number in range(60 * 25):
            x, y = 40 + round(39 * np.sin(number / 40)), 20 + round(19 * np.cos(number / 23))
            picture = texture[y : y + 360, x : x + 640].astype(np.int16)
            picture = picture + draw.integers(-6, 7, (360, 640, 1), "int16")  # as of a camera
            frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for number in range(60 * 48):
            sound = draw.integers(-9000, 9000, (1, 1000), "int16")
            frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, 1000 * number, Fraction(1, 48_000)
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    temporary = film.with_suffix(".part.mp4")
    with av.open(str(temporary), "w", format="mp4") as out:
        streams, latest = {}, {}
        for number in range(minutes):
            with av.open(str(minute)) as source:
                for stream in (*source.streams.video, *source.streams.audio):
                    if number == 0:
                        streams[stream.index] = out.add_stream_from_template(stream)
                packets = [packet for packet in source.demux() if packet.size]
                for packet in packets:
                    shift = round(60 * number / packet.time_base)
                    if packet.dts + shift <= latest.get(packet.stream.index, -math.inf):
                        continue  # a block of audio reaches over the end of the minute
                    latest[packet.stream.index] = packet.dts + shift
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
    minute.unlink()
    os.replace(temporary, film)


def _decode(args):
    import av

    with _cost() as cost, av.open(args.film) as container:
        streams = [container.streams.video[0], container.streams.audio[0]]
        for stream in streams:
            stream.codec_context.thread_count = 1
        frames = sum(1 for _ in container.decode(streams))
        cost["said"] = f"{frames} frames"


def _model(args):
    import numpy as np

    import vatt
    from vatt.search.query import warm

    embedder = vatt.load(args.model)
    warm(embedder)
    clip = embedder.clip
    windows = round(60 * args.minutes / clip.span_seconds)
    draw = np.random.default_rng(0)
    video = draw.integers(0, 256, (BATCH, clip.frames, clip.frame_size, clip.frame_size, 3), "uint8")
    audio = draw.uniform(-1, 1, (BATCH, clip.samples)).astype(np.float32)
    with _cost() as cost:
        for _ in range(-(-windows // BATCH)):
            embedder.embed_video(video)
            embedder.embed_audio(audio)
        cost["said"] = f"{windows} windows"


def _embed(args):
    import vatt
    from vatt import resident_memory
    from vatt.embed.files import Options, embed_files
    from vatt.search.query import warm

    embedder = vatt.load(args.model)
    warm(embedder)
    with _cost() as cost:
        ((_, embedded),) = embed_files(embedder, [Path(args.film)], Options(batch_size=BATCH))
        peak = resident_memory.peak() / 2**30
        cost["said"] = f"{len(embedded)} windows; peak {peak:.2f} GiB, the model's included"


class _cost(dict):
    """CPU seconds of this process and its children, without what was before."""

    def __enter__(self):
        self._cpu, self._wall = _cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, kind, *_):
        self["cpu_seconds"], self["seconds"] = _cpu_seconds() - self._cpu, time.perf_counter() - self._wall
        if kind is None:
            print(json.dumps(self))


def _cpu_seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = {"recall": recall, "latency": latency, "hour": hour, "size": size}
    parts |= {"_decode": _decode, "_model": _model, "_embed": _embed}  # what `hour` runs
    parser.add_argument("part", choices=parts)
    parser.add_argument("--model", help="a run directory; `size` needs none")
    parser.add_argument("--media", help="the held-out clips (default: those of the demo corpus)")
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", help="where the video is kept")
    parser.add_argument("--film", help=argparse.SUPPRESS)
    args = parser.parse_args()
    parts[args.part](args)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
