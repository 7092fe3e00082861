"""DMVR: shards of other programs are described in place, and read without a copy.

DIR holds TFRecord shards as DMVR and the released VATT read them (table-00000-of-00005 …). A
record is a SequenceExample with
  image/encoded                               a JPEG per frame
  WAVEFORM/feature/floats, waveform/floats    samples in [-1, 1]
  caption/string                              any number of sentences
  clip/label/index, label/index               ids of classes
  clip/label/text, label/text                 their names
each of them optional, or an Example with one image. Next to the shards are written dataset.json,
vocabulary.txt (the words of the split "train") and an .offsets file per shard. The shards
themselves stay as they are.

DMVR states neither frame rate nor audio rate: --frame_rate_hz and --audio_rate_hz say what they
are. Afterwards, `vatt doctor DIR` checks whether the records hold what they should: a known script
of DMVR spoils the audio.
"""

import argparse
import dataclasses
import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vatt.arguments import RATE, WHOLE_RATE, add_processes
from vatt.data.set_description import PCM16
from vatt.data.words import split_words
from vatt.files.whole_file import whole_file
from vatt.prepare import writer
from vatt.prepare.description import made_by, write_description
from vatt.prepare.doctor.clip_record import ClipRecord, Setting, read_clip
from vatt.prepare.doctor.frames import JpegError, read_jpeg
from vatt.prepare.errors import PreparationError, disk_errors
from vatt.prepare.example_reader import ExampleError
from vatt.prepare.holdings import Holdings, SetHoldings
from vatt.prepare.pool import Failure, WorkerPool, heartbeat
from vatt.prepare.progress import Progress, say
from vatt.prepare.shard_reader import read_shard

SUMMARIES = {"dmvr": "DMVR shards: described in place, without a copy"}
EXAMPLE = "vatt prepare {layout} DIR --split train='train-*' --frame_rate_hz 25 --audio_rate_hz 48000"
_NUMBERED = re.compile(r"(?P<table>.+)-(?P<number>\d+)-of-(?P<count>\d+)(?P<suffix>\.\w+)?")
_SHOWN = 3  # names in a message


@dataclasses.dataclass
class Survey:
    """What one shard holds."""

    shard: dict  # as dataset.json says it: file, records, bytes, sha256
    starts: list[int] = dataclasses.field(default_factory=list)  # of its records, in bytes
    holdings: Holdings = dataclasses.field(default_factory=Holdings)
    # how often each (id, text) occurs; None: an id without text
    label_texts: Counter[tuple[int, str | None]] = dataclasses.field(default_factory=Counter)
    short_side_pixels: int = 0  # of the first frame that decodes; 0 without frames
    unreadable: list[tuple[int, str]] = dataclasses.field(default_factory=list)  # (byte, reason) of records


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what describes the shards."""
    parser.add_argument(
        "directory", metavar="DIR", help="folder with the shards; the description is put there"
    )
    parser.add_argument(
        "--split",
        action="append",
        required=True,
        metavar="NAME=GLOB",
        help="shards of a split, e.g. train='howto100m-train-*'; once per split",
    )
    parser.add_argument("--frame_rate_hz", type=RATE, required=True, help="of records that state none")
    parser.add_argument(
        "--audio_rate_hz",
        type=WHOLE_RATE,
        default=48_000,
        help="of records that state none (default: %(default)s)",
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="label names, one a line; by default those of the records"
    )
    parser.add_argument("--name", help="of the set (default: the folder's)")
    add_processes(parser)


def prepare(args: argparse.Namespace) -> Path:
    """Makes a directory of shards a prepared set, by what is written next to them; returns it."""
    directory = Path(args.directory)
    labels = ()
    if args.labels:
        labels = tuple(Path(args.labels).read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    splits = find_shards(directory, dict(_split_argument(argument) for argument in args.split))
    setting = Setting(
        frame_rate_hz=args.frame_rate_hz, audio_rate_hz=args.audio_rate_hz, short_side_pixels=0, labels=labels
    )
    if setting.frame_rate_hz <= 0 or setting.audio_rate_hz <= 0:
        raise PreparationError(
            f"Rates must be positive. Received: frame_rate_hz={setting.frame_rate_hz}, "
            f"audio_rate_hz={setting.audio_rate_hz}."
        )
    if (directory / writer.DATASET_FILE).exists():
        raise PreparationError(
            f"{directory} is described already. Remove {writer.DATASET_FILE} there to describe it anew."
        )
    way_out = (
        "The description is written next to the shards: make the folder writable, "
        "or link the shards elsewhere."
    )
    with disk_errors(directory, way_out):
        name = args.name or directory.resolve().name
        surveys = _survey(splits, setting, name, args.processes)
        label_list = list(labels) or _labels_of_records(surveys)
        _check_labels(surveys, label_list)
        _write_description(directory, surveys, name, setting, label_list)
    say(f"Find out whether the records hold what they should:\n  vatt doctor {shlex.quote(str(directory))}")
    return directory


def _split_argument(argument: str) -> tuple[str, str]:
    name, equals, pattern = argument.partition("=")
    if not (name and equals and pattern):
        raise PreparationError(
            f"--split must be NAME=GLOB. Received: {argument!r}. Try --split 'train=train-*'."
        )
    return name, pattern


def find_shards(directory: Path, patterns: dict[str, str]) -> dict[str, list[Path]]:
    """The shards of each split, complete and in order, by the glob of their names.

    PreparationError: a pattern finds none, a shard is missing or in two splits.
    """
    if not directory.is_dir():
        raise PreparationError(f"DIR must be a folder with shards. Received: {directory}, which is none.")
    candidates = [path for path in sorted(directory.iterdir()) if _may_be_shard(path)]
    owner, splits = {}, {}
    for split, pattern in patterns.items():
        shards = [path for path in candidates if path.match(pattern)]
        if not shards:
            names = ", ".join(path.name for path in candidates[:_SHOWN]) or "no file that could be a shard"
            raise PreparationError(
                f"The pattern of a split must find its shards. Received: {split}={pattern}; {directory} "
                f"holds {names}{' …' if len(candidates) > _SHOWN else ''}."
            )
        for path in shards:
            if path in owner:
                raise PreparationError(
                    f"A shard must belong to one split. Received: {path.name} in {owner[path]} and {split}. "
                    f"Make the patterns narrower."
                )
            owner[path] = split
        _check_complete(shards)
        splits[split] = shards
    return splits


def _may_be_shard(path: Path) -> bool:
    ours = path.suffix in (".offsets", ".json", ".txt", ".html")
    return path.is_file() and not path.name.startswith(".") and not ours


def _check_complete(shards: Sequence[Path]) -> None:
    """Of tables whose shards are numbered, all numbers must be there."""
    numbers: dict[tuple, set[int]] = {}
    for path in shards:
        if match := _NUMBERED.fullmatch(path.name):
            table = match["table"], match["count"], match["suffix"] or ""
            numbers.setdefault(table, set()).add(int(match["number"]))
    for (table, count, suffix), found in numbers.items():
        missing = [number for number in range(int(count)) if number not in found]
        if missing:
            raise PreparationError(
                f"All shards of a table must be there. Received: {len(found)} of {int(count)}, the first "
                f"missing: {table}-{missing[0]:0{len(count)}}-of-{count}{suffix}. Copy what is missing."
            )


def _survey(
    splits: dict[str, list[Path]], setting: Setting, name: str, processes: int | None
) -> list[tuple[str, Survey]]:
    """(split, survey) of each shard."""
    surveys = []
    tasks = [(path, setting) for shards in splits.values() for path in shards]
    split_of = {path: split for split, shards in splits.items() for path in shards}
    with Progress(f"Reading {name}", len(tasks)) as progress, WorkerPool(workers=processes) as pool:
        for (path, _), survey in pool.run(survey_shard, tasks):
            if isinstance(survey, Failure):
                raise PreparationError(f"{path} can not be read as a shard: {survey.reason}")
            if survey.unreadable:
                at, reason = survey.unreadable[0]
                say(f"{path}: {len(survey.unreadable)} unreadable records, the first at byte {at}: {reason}")
            surveys.append((split_of[path], survey))
            progress.advance()
    return surveys


def survey_shard(path: Path, setting: Setting) -> Survey:
    """Reads a shard, one record in memory at a time; ValueError where its records start is unknown."""
    survey = Survey({})
    for stored in read_shard(path):
        if stored.end is None:
            raise ValueError(f"{stored.damage}, at byte {stored.offset}. Copy it again.")
        heartbeat()
        survey.starts.append(stored.offset)
        if stored.content is None:
            survey.unreadable.append((stored.offset, stored.damage))
            continue
        try:
            clip = read_clip(stored.content, setting)
        except ExampleError as error:
            survey.unreadable.append((stored.offset, str(error)))
            continue
        _add(survey, clip)
    survey.holdings.records = len(survey.starts)
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    survey.shard = {
        "file": path.name,
        "records": len(survey.starts),
        "bytes": path.stat().st_size,
        "sha256": sha256,
    }
    return survey


def _add(survey: Survey, clip: ClipRecord) -> None:
    contents, words = survey.holdings.contents, survey.holdings.words
    contents["video"] += bool(clip.jpegs)
    contents["audio"] += clip.is_audible
    contents["captions"] += bool(clip.captions.texts)
    contents["labels"] += bool(clip.labels.ids)
    for caption in clip.captions.texts:
        words.update(split_words(caption.decode("utf-8", "replace")))
    texts = [text.decode("utf-8", "replace") for text in clip.labels.texts]
    if len(texts) != len(clip.labels.ids):
        texts = [None] * len(clip.labels.ids)
    survey.label_texts.update(zip(clip.labels.ids, texts, strict=True))
    if clip.jpegs and not survey.short_side_pixels:
        try:
            survey.short_side_pixels = min(read_jpeg(clip.jpegs[0], None)[0])
        except JpegError:
            return  # the next record may have one that decodes; `vatt doctor` names this one


def _labels_of_records(surveys: list[tuple[str, Survey]]) -> list[str]:
    """Label names by id, from the texts of the records; [] where they have none, or one id has two."""
    names: dict[int, str] = {}
    found = [each for _, survey in surveys for each in survey.label_texts]
    for label, text in found:
        if text is not None and names.setdefault(label, text) != text:
            say(f"Label {label} is {names[label]!r} and {text!r}: no label list is written (--labels).")
            return []
    if not names or min(names) < 0:
        return []
    return [names.get(label, f"label {label}") for label in range(max(label for label, _ in found) + 1)]


def _check_labels(surveys: list[tuple[str, Survey]], labels: list[str]) -> None:
    found = {label for _, survey in surveys for label, _ in survey.label_texts}
    outside = {label for label in found if labels and not 0 <= label < len(labels)}
    if outside:
        raise PreparationError(
            f"The label list must have a line for every id. Received: id {max(outside)} in the records, "
            f"{len(labels)} lines. Take the list that the shards were written with."
        )


def _write_description(
    directory: Path, surveys: list[tuple[str, Survey]], name: str, setting: Setting, labels: list[str]
) -> None:
    """Writes offsets, vocabulary and, last, dataset.json."""
    made, fingerprint = SetHoldings(), hashlib.sha256()
    for split, survey in surveys:
        with whole_file(writer.offsets_path(directory / survey.shard["file"])) as file:
            file.write(np.array(survey.starts, "<u8").tobytes())
        fingerprint.update(survey.shard["sha256"].encode())
        made.splits.setdefault(split, Holdings()).add(survey.holdings)
        made.shards.setdefault(split, []).append(survey.shard)
        if split == "train":
            made.whole.words.update(survey.holdings.words)
    facts = {
        "name": name,
        "subset": None,
        "labels": labels,
        "frame_rate_hz": setting.frame_rate_hz,
        "audio_rate_hz": setting.audio_rate_hz,
        "short_side_pixels": max(survey.short_side_pixels for _, survey in surveys),
        "audio_codec": PCM16,
        "fingerprint": fingerprint.hexdigest(),
        "made_by": made_by() | {"definition": "dmvr: shards of another program, described in place"},
    }
    write_description(directory, made, facts)
