"""A handful of clips to prepare, the options to do it with, and a run that is killed when a test says so."""

import dataclasses
import os
import signal
import sys
from pathlib import Path

from media_maker import beep, grey, make_media

from vatt.prepare.job import Running
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.media import MediaOptions
from vatt.prepare.prepare import prepare_clips
from vatt.prepare.record import Clip, RecordOptions

OPTIONS = RecordOptions(media=MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=16, audio_rate_hz=8_000))


def make_clips(folder, count=7):
    """Clips of 0.4 s; the last is for testing, and only the first has no caption."""
    clips = []
    for number in range(count):
        path = folder / f"{number}.mp4"
        if not path.exists():
            make_media(path, pictures=grey([number * 30] * 4), sound=beep(0.4, at=0.1))
        clips.append(
            Clip(
                media=str(path),
                media_id=f"m{number}",
                split="test" if number == count - 1 else "train",
                group=f"g{number % 2}",
                captions=((0.0, 0.2, "A b, b"), (0.1, 0.3, "c")) if number else (),
            )
        )
    return clips


def prepare(clips, directory, **options):
    """Prepares in shards of two clips."""
    settings = {"options": OPTIONS, "clips_per_shard": 2, "processes": 2} | options
    plan = Plan(name="x", clips=tuple(clips), **taken(settings, Plan))
    running = Running(**taken(settings, Running))
    return prepare_clips(plan, directory, running=running, **settings)


def taken(settings, kind):
    """The fields of a dataclass out of some settings."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: settings.pop(name) for name in list(settings) if name in names}


def shard_bytes(directory):
    """The shards, their offsets and the vocabulary, by file name."""
    files = [*directory.glob("*-of-*"), directory / "vocabulary.txt"]
    return {path.name: path.read_bytes() for path in files}


class Poison(str):
    """A path that does harm to the worker which receives it."""

    def __new__(cls, path, how):
        made = super().__new__(cls, path)
        made.how = how
        return made

    def __reduce__(self):
        from pool_tasks import misbehave

        return misbehave, (self.how,)


def main(media, directory, last):
    """Prepares the clips in `media`; kills itself instead of giving the file number `last` its name."""
    rename, count = os.replace, 0

    def counted(source, target):
        nonlocal count
        count += 1
        if count == int(last):
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, target)

    os.replace = counted
    prepare(make_clips(Path(media)), Path(directory), processes=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
