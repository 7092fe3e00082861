"""WebDataset: tar files of samples, as video2dataset and img2dataset write them.

A sample is what neighbouring members of one name are: KEY.mp4 (or another video, audio or image), KEY.vtt or
KEY.srt, KEY.txt with a sentence a line, KEY.json with "caption". Of several captions the first of these
counts. SHARDS are paths, addresses of object stores, or patterns: 'shards/{000000..000099}.tar',
's3://bucket/shards/*.tar'. Nothing is unpacked.

With --in_place no records are written: OUT gets an index of the samples, from which training makes the same
records when it reads them (`PreparedClips.directory = OUT`), one for each sample. That saves the copy, and
decodes every video in every epoch: for short clips.

Samples without media, members that are not used and tar files that are damaged are counted.
"""

import argparse
import dataclasses
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from vatt.arguments import QUANTITY, SECONDS
from vatt.data.set_description import PCM16
from vatt.data.words import split_words
from vatt.files.json_file import JsonError, parse_json
from vatt.files.mirror import localised
from vatt.files.places import plain
from vatt.files.whole_file import temporary_folder, whole_file
from vatt.prepare import media_file, writer
from vatt.prepare.captions import SUFFIXES, WHOLE_FILE, Caption, CaptionError, CaptionReader
from vatt.prepare.description import made_by, write_description
from vatt.prepare.errors import PreparationError, disk_errors
from vatt.prepare.folder import drawn_split
from vatt.prepare.holdings import Holdings, SetHoldings
from vatt.prepare.image_file import is_image
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.media_file import Member
from vatt.prepare.planning import Planning, Reason, unique_names
from vatt.prepare.prepare import prepare_clips
from vatt.prepare.progress import say
from vatt.prepare.record import Clip
from vatt.prepare.storage_arguments import add_storage_arguments, storage_options
from vatt.prepare.tar_shards import Sample, expand, samples
from vatt.prepare.walk import AUDIO_SUFFIXES, MEDIA_SUFFIXES

SUMMARIES = {"webdataset": "tar files of WebDataset (video2dataset, img2dataset), also in object stores"}
EXAMPLE = "vatt prepare {layout} 'shards/*.tar' RECORDS --test_share 0.1"
NO_MEDIA = Reason("sample without media", "samples without media")
NOT_USED = Reason("member of a sample that is not used", "members of samples that are not used")
UNREADABLE = Reason("caption of a sample that can not be read", "captions of samples that can not be read")
_MOST_JSON_BYTES, _MOST_CAPTION_BYTES = 16 << 20, 16 << 20
_TEXTS = tuple(each[1:] for each in SUFFIXES if each not in (".json", ".json3"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what names the tar files."""
    parser.add_argument("shards", nargs="+", metavar="SHARDS", help="tar files, or patterns of them")
    parser.add_argument("out_dir", metavar="OUT", help="folder for the prepared set")
    parser.add_argument("--name", help="of the set (default: the folder's)")
    parser.add_argument(
        "--test_share",
        type=QUANTITY,
        default=0.0,
        metavar="SHARE",
        help="share of samples for testing (default: %(default)s)",
    )
    parser.add_argument(
        "--segment_seconds",
        type=SECONDS,
        default=0.0,
        metavar="S",
        help="media are cut into records of about this length; 0: one record each (default: %(default)g)",
    )
    parser.add_argument("--in_place", action="store_true", help="write an index instead of records")
    add_storage_arguments(parser)


def prepare(args: argparse.Namespace) -> str:
    """Makes a prepared set of tar files; returns its directory."""
    options, place = storage_options(args), plain(args.out_dir)
    plan = plan_tar_files(
        args.shards,
        name=args.name or Path(place).name,
        test_share=args.test_share,
        segment_seconds=args.segment_seconds or None,
    )
    plan.planning.report()
    say(f"{plan.name}: {len(plan.clips)} samples; {len(plan.missing)} tar files are missing")
    if not args.in_place:
        prepare_clips(plan, place, **options)
    elif args.segment_seconds or args.audio_codec != PCM16:
        raise PreparationError(
            "With --in_place a sample is a record, made anew each time. Received: --segment_seconds or "
            "--audio_codec. Leave them out."
        )
    else:
        with localised([place]) as (directory,):
            _describe_in_place(plan, Path(directory), options["options"])
    return place


def plan_tar_files(
    patterns: Sequence[str], *, name: str, test_share: float = 0.0, segment_seconds: float | None = None
) -> Plan:
    """The samples of tar files as clips, in their order."""
    planning, clips, missing = Planning(), [], []
    with CaptionReader() as reader:
        for holder in expand(patterns):
            try:
                found = list(_used(holder, planning))
            except FileNotFoundError as error:
                missing.append((holder, str(error)))
                continue
            captions = _captions(holder, found, reader, planning)
            for (sample, media, audio), texts in zip(found, captions, strict=True):
                media_id = f"{holder.rpartition('/')[2]}/{sample.key}"
                clips.append(
                    Clip(
                        media=str(media),
                        media_id=media_id,
                        split=drawn_split(media_id, test_share),
                        captions=texts,
                        segment_seconds=segment_seconds,
                        audio=None if audio is None else str(audio),
                    )
                )
    ids = unique_names([clip.media_id for clip in clips])
    return Plan(
        name=name,
        clips=tuple(dataclasses.replace(each, media_id=id_) for each, id_ in zip(clips, ids, strict=True)),
        missing=tuple(missing),
        definition=f"webdataset, test_share={test_share}, segment_seconds={segment_seconds}",
        planning=planning,
    )


def _used(holder: str, planning: Planning) -> Iterator[tuple[Sample, Member, Member | None]]:
    """(sample, its media, the audio next to an image) of those that have any; the rest is counted."""
    for sample in samples(holder, planning):
        media = [each for ending, each in sample.members.items() if f".{ending}" in MEDIA_SUFFIXES]
        media.sort(key=lambda each: (is_image(each.name), each.name.lower().endswith(AUDIO_SUFFIXES)))
        audio = None
        if len(media) > 1 and is_image(media[1].name) and media[0].name.lower().endswith(AUDIO_SUFFIXES):
            audio, media = media[0], media[1:]
        if not media:
            planning.left_out.add(NO_MEDIA, f"{holder}/{sample.key}")
            continue
        used = {media[0], audio, *_text_of(sample)}
        for ending, each in sample.members.items():
            if each not in used and ending != "json":
                planning.left_out.add(NOT_USED, f"{holder}/{each.name}")
        yield sample, media[0], audio


def _text_of(sample: Sample) -> list[Member]:
    """The member with the captions of a sample, if it has one besides its JSON."""
    return [sample.members[ending] for ending in _TEXTS if ending in sample.members][:1]


def _captions(
    holder: str, found: Sequence[tuple], reader: CaptionReader, planning: Planning
) -> list[tuple[Caption, ...]]:
    """The captions of a tar file's samples; untrusted files are parsed by the reader's processes."""
    with temporary_folder(name="captions") as folder:
        files: dict[int, Path] = {}
        for number, (sample, *_) in enumerate(found):
            for member in _text_of(sample):
                if member.size > _MOST_CAPTION_BYTES:
                    planning.left_out.add(UNREADABLE, f"{holder}/{member.name}")
                    continue
                files[number] = folder / f"{number}{Path(member.name.lower()).suffix}"
                with (
                    whole_file(files[number], is_flushed=False) as file,
                    media_file.opened(str(member)) as part,
                ):
                    file.write(part.read())
        reader.read_ahead(files.values())
        captions = []
        for number, (sample, *_) in enumerate(found):
            texts = _described(holder, sample, planning)
            if number in files:
                try:
                    read = reader.read(files[number])
                    planning.note(f"{holder}/{sample.key}", read.notes)
                    texts = read.captions or texts
                except CaptionError as error:
                    planning.left_out.add(UNREADABLE, f"{holder}/{sample.key}: {error.problem}")
            captions.append(texts)
    return captions


def _described(holder: str, sample: Sample, planning: Planning) -> tuple[Caption, ...]:
    """The caption in a sample's JSON, where it has one and no other."""
    member = sample.members.get("json")
    if member is None or _text_of(sample):
        return ()
    try:
        if member.size > _MOST_JSON_BYTES:
            raise JsonError(member.name, "it is too large")
        with media_file.opened(str(member)) as part:
            described = parse_json(part.read(), member.name, is_lenient=True)
    except JsonError as error:
        planning.left_out.add(UNREADABLE, f"{holder}/{member.name}: {error.problem}")
        return ()
    caption = described.get("caption") if isinstance(described, dict) else None
    return ((*WHOLE_FILE, " ".join(caption.split())),) if isinstance(caption, str) and caption.strip() else ()


def _describe_in_place(plan: Plan, directory: Path, options) -> None:
    """Writes an index of the samples, the vocabulary and, last, dataset.json."""
    if not plan.clips:
        raise PreparationError(f"A set must have at least one sample. Received: none for {directory}.")
    if (directory / writer.DATASET_FILE).exists():
        raise PreparationError(f"{directory} is a set already. Name another directory, or remove it first.")
    made = SetHoldings()
    with disk_errors(directory, "Name another directory."):
        directory.mkdir(parents=True, exist_ok=True)
        for split in sorted({clip.split for clip in plan.clips}):
            clips = [clip for clip in plan.clips if clip.split == split]
            lines = (json.dumps(_plain(clip)).encode() + b"\n" for clip in clips)
            made.shards[split] = [writer.write_shard(directory / f"{split}.jsonl", lines)]
            made.splits[split] = Holdings(records=len(clips))
            # What media hold, their names say; whether a video has audio is seen when it is decoded.
            contents = {"video": len(clips), "captions": sum(bool(clip.captions) for clip in clips)}
            made.splits[split].contents.update(contents)
            if split == "train":
                texts = (text for clip in clips for *_, text in clip.captions)
                made.whole.words = Counter(word for text in texts for word in split_words(text))
        facts = {
            "name": plan.name,
            "subset": None,
            "labels": [],
            "frame_rate_hz": options.media.max_frame_rate_hz,
            "audio_rate_hz": options.media.audio_rate_hz,
            "audio_codec": PCM16,
            "short_side_pixels": options.media.short_side_pixels,
            "fingerprint": "".join(each["sha256"] for shards in made.shards.values() for each in shards),
            "made_by": made_by() | {"definition": f"{plan.definition}, in place"},
            "made_on_demand": dataclasses.asdict(options),
        }
        write_description(directory, made, facts)


def _plain(clip: Clip) -> dict:
    """A clip as JSON; an end that is infinite as null."""
    captions = [(start, None if math.isinf(end) else end, text) for start, end, text in clip.captions]
    return {
        "media": _absolute(clip.media),
        "media_id": clip.media_id,
        "split": clip.split,
        "captions": captions,
        "audio": clip.audio and _absolute(clip.audio),
    }


def _absolute(media: str) -> str:
    member = media_file.member_of(media)
    if member is None or not media_file.is_plain(member.holder):
        return media
    return str(member._replace(holder=str(Path(member.holder).absolute())))
