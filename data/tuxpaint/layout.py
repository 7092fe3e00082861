"""Tux Paint's stamps as clips that `vatt prepare` reads: pictures, spoken words and sentences of objects.

    python data/tuxpaint/layout.py /usr/share/tuxpaint/stamps stamps --text en --speech fr
    python -m vatt prepare folder stamps/clips.csv prepared/stamps

STAMPS is the folder of the Debian package tuxpaint-stamps-default. An object is a picture (PNG) with a text
file of its name and sound files of its name, both in several languages. Each becomes clips of a picture that
moves slowly before a plain ground while its name is spoken. OUT/clips.csv lists them with their captions:

    train        --renderings clips of each object that is not held out
    renderings   one more clip of each of these: seen objects on another ground, path, place and size
    test         one clip of each object held out: --held_out of all, by a hash of name and --seed

What can not be used is counted by reason, on the terminal and in OUT/left_out.json.
"""

import argparse
import collections
import csv
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

FRAME_RATE_HZ = 10
AUDIO_RATE_HZ = 16_000
SOUNDS = (".ogg", ".wav")
DERIVED = ("_mirror", "_flip")  # the same picture as Tux Paint shows it mirrored
FIRST_LANGUAGE = "en"  # that of the first line of a text file, and of a sound file that names none
EFFECT = "effect"  # a sound that the object makes
OPAQUE = 128  # of 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stamp:
    """An object: its picture, and its sentences and sound files by language."""

    name: str  # its path below the folder, without an ending
    picture: Path
    texts: dict[str, str]
    sounds: dict[str, Path]


def stamps_in(folder: Path, left_out: collections.Counter) -> list[Stamp]:
    """The objects below a folder, by name; pictures that are not used are counted in `left_out`."""
    sounds = collections.defaultdict(dict)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        if path.suffix.lower() in SOUNDS:
            stem, described, language = path.stem.partition("_desc")
            language = (language.lstrip("_") or FIRST_LANGUAGE) if described else EFFECT
            sounds[path.with_name(stem)][language] = path
    pictures = {path.with_suffix("") for path in files if path.suffix.lower() == ".png"}
    drawings = {path.with_suffix("") for path in files if path.suffix.lower() == ".svg"}
    left_out["drawing (SVG) without a PNG"] += len(drawings - pictures)
    stamps = []
    for path in files:
        if path.suffix.lower() != ".png":
            continue
        stem = path.with_suffix("")
        if stem.name.endswith(DERIVED):
            left_out["picture that is another one mirrored or flipped"] += 1
            continue
        name = stem.relative_to(folder).as_posix()
        stamps.append(
            Stamp(name=name, picture=path, texts=sentences(stem.with_suffix(".txt")), sounds=sounds[stem])
        )
    return stamps


def sentences(path: Path) -> dict[str, str]:
    """Language -> sentence, of a text file of Tux Paint; {} if there is none.

    Its first line is English; the others are such as "fr.utf8=Un koala."
    """
    if not path.is_file():
        return {}
    first, *others = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    found = {FIRST_LANGUAGE: first.strip()}
    for line in others:
        language, equals, text = line.partition("=")
        if equals and text.strip():
            found[language.strip().removesuffix(".utf8")] = text.strip()
    return {language: text for language, text in found.items() if text}


def share_of(name: str, seed: int) -> float:
    """A number in [0, 1) that depends on name and seed alone."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "big") / 2**64


def sound_of(path: Path) -> np.ndarray:
    """The sound of a file, int16 [S] at `AUDIO_RATE_HZ`."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE_HZ)
        frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
        frames += resampler.resample(None)
    parts = [frame.to_ndarray().reshape(-1) for frame in frames]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def picture_of(path: Path, size: int) -> Image.Image:
    """A picture with its transparency, cut to what is to be seen, no side of it above `size` pixels."""
    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    seen = picture.getchannel("A").point(lambda value: 255 * (value >= OPAQUE)).getbbox()
    if seen is None:
        raise ValueError("nothing of it is to be seen")
    picture = picture.crop(seen)
    picture.thumbnail((size, size), Image.Resampling.BOX)
    return picture


def rendering(picture: Image.Image, *, frames: int, size: int, draws: np.random.Generator) -> np.ndarray:
    """The picture on a straight path before a plain ground, as uint8 [frames, size, size, 3]."""
    ground = tuple(int(value) for value in draws.integers(150, 256, 3))
    (scale, end_scale), places = draws.uniform(0.5, 0.95, 2), draws.uniform(0, 1, (2, 2))
    made = np.empty((frames, size, size, 3), np.uint8)
    for number, share in enumerate(np.linspace(0, 1, frames)):
        factor = size * (scale + share * (end_scale - scale)) / max(picture.size)
        width, height = (max(1, round(factor * side)) for side in picture.size)
        place = places[0] + share * (places[1] - places[0])
        left, top = (round(at * (size - side)) for at, side in zip(place, (width, height)))
        frame = Image.new("RGB", (size, size), ground)
        shown = picture.resize((width, height), Image.Resampling.BILINEAR)
        frame.paste(shown, (left, top), shown)
        made[number] = np.asarray(frame)
    return made


def write_clip(path: Path, pictures: np.ndarray, sound: np.ndarray) -> None:
    """Pictures uint8 [T, H, W, 3] and sound int16 [S] as an MP4 file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream(
            "libx264", rate=FRAME_RATE_HZ, options={"crf": "18", "preset": "ultrafast", "threads": "1"}
        )
        video.height, video.width, video.pix_fmt = *pictures.shape[1:3], "yuv420p"
        audio = container.add_stream("aac", rate=AUDIO_RATE_HZ, layout="mono")
        for picture in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE_HZ, 0, Fraction(1, AUDIO_RATE_HZ)
        container.mux(audio.encode(frame))
        for stream in (video, audio):
            container.mux(stream.encode(None))


class Layout:
    """Makes the clips of objects below a folder.

    Args:
        out: the folder; it must not be there, or be empty.
        text: languages of the captions; each that an object has is one caption.
        speech: languages of its name as it is spoken; clip n of an object has the n-th that the object has.
        renderings: clips of an object for training.
        held_out: share of the objects that is for testing, in [0, 1].
        seed: of the choice and of all paths.
        size: pixels of a frame's side, even.
        seconds: length of a clip, more where the sound is longer.
    """

    def __init__(
        self,
        *,
        out: Path,
        text: Sequence[str],
        speech: Sequence[str],
        renderings: int,
        held_out: float,
        seed: int,
        size: int,
        seconds: float,
    ):
        self.out = out
        self.text = text
        self.speech = speech
        self.renderings = renderings
        self.held_out = held_out
        self.seed = seed
        self.size = size
        self.seconds = seconds

    def make(self, folder: Path) -> dict:
        """Writes the clips, clips.csv and left_out.json; returns what the latter holds."""
        if self.out.is_dir() and any(self.out.iterdir()):
            raise SystemExit(f"OUT must be a new folder. Received: {self.out}, which holds files. Remove it.")
        left_out, rows, kept = collections.Counter(), [], collections.Counter()
        stamps = stamps_in(folder, left_out)
        for stamp in stamps:
            reason, made = self._clips(stamp)
            left_out[reason] += bool(reason)
            rows += made
            kept.update({row[-1] for row in made})
        if not rows:
            raise SystemExit(
                f"STAMPS must hold pictures with texts and sounds. Received: {folder}, with {len(stamps)} "
                f"pictures, of which none can be used: {dict(left_out)}. Give the folder stamps of "
                f"tuxpaint-stamps-default, and languages that it has."
            )
        with (self.out / "clips.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("path", "caption", "split"), *rows])
        found = {
            "objects": len(stamps),
            "objects_by_split": dict(sorted(kept.items())),
            "left_out": {reason: count for reason, count in sorted(left_out.items()) if count},
        }
        (self.out / "left_out.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return found

    def _clips(self, stamp: Stamp) -> tuple[str, list[tuple[str, str, str]]]:
        """Why the object is left out, "" if it is not, and the rows of its clips."""
        captions = [stamp.texts[language] for language in self.text if language in stamp.texts]
        files = [stamp.sounds[language] for language in self.speech if language in stamp.sounds]
        if not captions:
            return f"no text in {' '.join(self.text)}", []
        if not files:
            return f"no sound in {' '.join(self.speech)}", []
        try:
            picture, sounds = picture_of(stamp.picture, self.size), [sound_of(path) for path in files]
        except (OSError, ValueError, av.FFmpegError):
            return "picture or sound that can not be read", []
        if not all(np.any(sound) for sound in sounds):
            return "sound that is silent", []
        if share_of(stamp.name, self.seed) < self.held_out:
            splits = ["test"]
        else:
            splits = [*["train"] * self.renderings, "renderings"]
        rows = []
        for number, split in enumerate(splits):
            # The rendering that is not trained on speaks the first language, as the first clip does.
            sound = sounds[0 if split == "renderings" else number % len(sounds)]
            draws = np.random.default_rng([self.seed, number, *hashlib.sha256(stamp.name.encode()).digest()])
            frames = int(np.ceil(FRAME_RATE_HZ * max(self.seconds, len(sound) / AUDIO_RATE_HZ)))
            samples = np.zeros(frames * AUDIO_RATE_HZ // FRAME_RATE_HZ, np.int16)
            start = draws.integers(len(samples) - len(sound) + 1)
            samples[start : start + len(sound)] = sound
            path = f"{split}/{stamp.name}-{number}.mp4"
            pictures = rendering(picture, frames=frames, size=self.size, draws=draws)
            write_clip(self.out / path, pictures, samples)
            rows += [(path, caption, split) for caption in captions]
        return "", rows


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stamps", type=Path, metavar="STAMPS", help="folder of the stamps, with subfolders")
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder for clips.csv and the clips")
    parser.add_argument(
        "--text", nargs="+", default=["en"], metavar="L", help="languages of captions (default: en)"
    )
    parser.add_argument(
        "--speech",
        nargs="+",
        default=["fr"],
        metavar="L",
        help=f"languages of spoken names, or {EFFECT}: the sound that the object makes (default: fr)",
    )
    parser.add_argument("--renderings", type=int, default=6, help="training clips of an object (default: 6)")
    parser.add_argument(
        "--held_out", type=float, default=0.15, help="share of objects for testing (default: 0.15)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the choice of objects and of paths (default: 0)"
    )
    parser.add_argument("--size", type=int, default=96, help="pixels of a frame's side, even (default: 96)")
    parser.add_argument("--seconds", type=float, default=3.2, help="least length of a clip (default: 3.2)")
    given = vars(parser.parse_args())
    stamps = given.pop("stamps")
    if (
        not 0 <= given["held_out"] <= 1
        or given["renderings"] < 1
        or given["size"] % 2
        or not given["seconds"] > 0
    ):
        parser.error("--held_out must be in [0, 1], --renderings positive, --size even, --seconds positive.")
    new = not given["out"].exists()
    given["out"].mkdir(parents=True, exist_ok=True)
    try:
        found = Layout(**given).make(stamps)
    except BaseException:
        if new:
            shutil.rmtree(given["out"])
        raise
    print(f"{found['objects']} pictures of objects")
    for split, count in found["objects_by_split"].items():
        print(f"  {split}: clips of {count} objects")
    for reason, count in found["left_out"].items():
        print(f"  left out: {count}, {reason}")


if __name__ == "__main__":
    main()
