"""Whether `vatt search --copy_of` finds where a 3 s excerpt comes from, among ten hours.

    python benchmarks/search_copies.py [--film trailer.mp4]

Renders 100 videos of 12 s (soft spots that wander, a cut every 3 s on average), encodes them, indexes them
as `vatt index` does, with a model that says nothing, and adds small frames of ten hours of further such
videos to the index's. Then cuts 100 excerpts of 3 s and changes them: encoded again at a low quality, at
half the size, cropped by 10 % at a random place, darker, or all of it. Excerpts of 100 videos that are not
in the index, black frames, a title and a still frame must find nothing. `--film` is indexed too, and a
tenth of the excerpts are of it. Audio is not looked at, so excerpts have none. What is asked for:

    recall of at least 0.95, the offset within 0.5 s, at a precision of at least 0.99.
"""

import argparse
import collections
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
RATE_HZ, HEIGHT, WIDTH, SECONDS = 10, 96, 128, 12
CHANGES = ("low quality", "half the size", "cropped by 10 %", "darker", "all of it")


def render(seed, seconds, height=HEIGHT, width=WIDTH, rate_hz=RATE_HZ):
    """uint8 [T, H, W]: shots of soft spots that wander."""
    draw, made, left = np.random.default_rng(seed), [], round(seconds * rate_hz)
    rows, columns = np.mgrid[0:height, 0:width] / height
    while left > 0:
        frames = min(left, max(4, round(draw.exponential(3.0) * rate_hz)))
        left -= frames
        spots = int(draw.integers(4, 9))
        at, to, speed = draw.random((3, spots, 2))
        size, level, ground = (
            draw.uniform(0.08, 0.4, spots),
            draw.uniform(-160, 200, spots),
            draw.uniform(40, 160),
        )
        phase = np.arange(frames)[:, None, None] / rate_hz * (0.4 + speed)
        centre = at * (1, width / height) + 0.35 * np.sin(phase + 6 * to)
        shot = np.full((frames, height, width), ground, np.float32)
        for number in range(spots):
            y, x = centre[:, number, 0, None], centre[:, number, 1, None]
            fall = (np.exp(-((axis - place) ** 2) / size[number] ** 2) for axis, place in
                    ((rows[:, 0], y), (columns[0], x)))  # fmt: skip
            down, across = fall
            shot += level[number] * down[:, :, None] * across[:, None, :]
        made.append(np.clip(shot, 0, 255).astype(np.uint8))
    return np.concatenate(made)


def write(path, frames, crf):
    """uint8 [T, H, W] grey, or [T, H, W, 3], as H.264."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=RATE_HZ, options={"preset": "veryfast", "crf": str(crf), "threads": "1"}
        )
        height, width = (side // 2 * 2 for side in frames.shape[1:3])
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for frame in frames:
            if frame.ndim == 2:
                frame = np.repeat(frame[..., None], 3, axis=2)
            frame = np.ascontiguousarray(frame[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def changed(frames, change, draw):
    """(frames, quality) of an excerpt."""
    crf = 38 if change in ("low quality", "all of it") else 26
    if change in ("cropped by 10 %", "all of it"):
        height, width = (round(0.9 * side) for side in frames.shape[1:3])
        top = int(draw.integers(0, frames.shape[1] - height + 1))
        left = int(draw.integers(0, frames.shape[2] - width + 1))
        frames = frames[:, top : top + height, left : left + width]
    if change in ("half the size", "all of it"):
        frames = frames[:, ::2, ::2]
    if change in ("darker", "all of it"):
        frames = (frames * 0.75).astype(np.uint8)
    return frames, crf


class Silent:
    """A model that gives one vector for everything."""

    fingerprint = "none"

    def __init__(self):
        from vatt.spec import VIDEO, ClipSpec

        self.clip = ClipSpec(frame_size=64, modalities=(VIDEO,))

    def embed_video(self, frames):
        return {space: np.ones((len(frames), 1), np.float32) for space in ("video_audio", "video_text")}

    embed_audio = None


def reference(folder, films):
    """(small frames of the index and of ten hours more, names of the indexed files)."""
    from vatt.embed.files import Options
    from vatt.embed.looks import SIDE, small_frames
    from vatt.search.build import build_index
    from vatt.search.copies import Frames
    from vatt.search.excerpt_frames import frames_of_index
    from vatt.search.index import Index

    media = folder / "media"
    media.mkdir()
    for seed in range(100):
        write(media / f"{seed:03}.mp4", render(seed, SECONDS), 26)
    for film in films:
        shutil.copy(film, media)
    build_index(lambda path: Silent(), "none", media, folder / "index", Options(processes=1))
    index = Index(folder / "index")
    ours, names = frames_of_index(index), [file["path"] for file in index.files]
    parts, seconds, numbers = [ours.frames], [ours.seconds], [ours.numbers]
    for number in range(600):  # minutes
        small = small_frames(np.repeat(render(10_000 + number, 60, 32, 32, 2.5)[..., None], 3, axis=3))
        parts.append(small.reshape(-1, SIDE, SIDE))
        seconds.append(np.arange(len(small)) / 2.5)
        numbers.append(np.full(len(small), len(names) + number))
    frames = Frames(
        frames=np.concatenate(parts), seconds=np.concatenate(seconds), numbers=np.concatenate(numbers)
    )
    return frames, names


def excerpts(films):
    """(frames, change, name, seconds) of each excerpt; of those that must find nothing the name is ""."""
    from vatt.prepare.media import MediaOptions, read_segments

    draw, decoded = np.random.default_rng(1), {}
    for film in films:
        options = MediaOptions(max_frame_rate_hz=RATE_HZ, short_side_pixels=180)
        (media,) = read_segments(str(film), options, modalities=("video",))
        decoded[film.name] = np.stack(media.frames)
    for number in range(100):
        change = CHANGES[number % len(CHANGES)]
        name, frames = f"{number:03}.mp4", None
        if decoded and number % 10 == 7:
            name = sorted(decoded)[number // 10 % len(decoded)]
            frames = decoded[name]
        frames = render(number, SECONDS) if frames is None else frames
        first = int(draw.integers(0, len(frames) - 3 * RATE_HZ))
        yield frames[first : first + 3 * RATE_HZ], change, name, first / RATE_HZ
    for number in range(100):
        yield render(50_000 + number, 3), CHANGES[number % len(CHANGES)], "", 0.0
    still = render(3, SECONDS)[40:41]
    title = np.zeros_like(still)
    title[:, 40:56, 20:108] = np.random.default_rng(5).integers(0, 2, (1, 16, 88)) * 255
    for frame in (np.zeros_like(still), still, title):
        yield np.repeat(frame, 3 * RATE_HZ, axis=0), "low quality", "", 0.0


def main():
    from vatt.search.copies import find_copies
    from vatt.search.excerpt_frames import frames_of_excerpt

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--film", action="append", default=[], type=Path, help="a video to index too")
    args = parser.parse_args()
    draw = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        frames, names = reference(Path(folder), args.film)
        print(f"{len(frames.frames)} small frames, {len(frames.frames) / 2.5 / 3600:.1f} h", flush=True)
        right, wrong, seconds, asked = collections.Counter(), 0, [], collections.Counter()
        for part, change, name, start in excerpts(args.film):
            path = write(Path(folder) / "excerpt.mp4", *changed(part, change, draw))
            excerpt, _ = frames_of_excerpt(path, 0.0)
            began = time.process_time()
            found = find_copies(excerpt, frames)
            seconds.append(time.process_time() - began)
            asked[change if name else "not there"] += 1
            for copy in found:
                of = names[copy.number] if copy.number < len(names) else "further"
                is_right = of == name and abs(copy.start_seconds - start) <= 0.5
                right[change] += is_right
                wrong += not is_right
                if not is_right:
                    place = f"{of} at {copy.start_seconds:.1f} s, {copy.score:.3f}"
                    print(f"wrong: {place}, for {name or 'nothing'} at {start} s")
            if name and name not in [names[copy.number] for copy in found if copy.number < len(names)]:
                print(f"missed: {name} at {start} s, {change}")
    for change in CHANGES:
        print(f"{change:16} found {right[change]} of {asked[change]}")
    found = right.total()
    precision = found / max(1, found + wrong)
    print(f"recall {found / 100:.2f}, precision {precision:.3f} ({wrong} wrong)")
    print(f"{asked['not there']} asked that are not there; {np.median(seconds):.2f} CPU-s an excerpt")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
