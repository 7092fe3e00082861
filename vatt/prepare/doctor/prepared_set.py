"""dataset.json and the word list: reading a set's description, and checks of the description itself."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from vatt.json_file import JsonError, read_json
from vatt.prepare import writer
from vatt.prepare.doctor.clip_record import Setting
from vatt.prepare.doctor.findings import ERROR, WARNING, Check, Findings, Place
from vatt.prepare.doctor.tally import Tally
from vatt.prepare.planning import subset_in_words
from vatt.prepare.record import READABLE, READABLE_VERSIONS
from vatt.regular_file import plain_name

COUNTS = Check(
    name="set-counts",
    severity=ERROR,
    rule="dataset.json must count the clips that the shards hold.",
    way_out="Prepare the set again, or `--repair OUT`, which counts anew.",
    is_mended=True,
)
VOCABULARY = Check(
    name="vocabulary-file",
    severity=ERROR,
    rule="The word list must be there, start with <pad> and <unk>, repeat no word and have the stated size.",
    way_out="Copy it again, or prepare the set again.",
)
COVERAGE = Check(
    name="vocabulary-coverage",
    severity=WARNING,
    rule="At most a fifth of the words of training captions may be unknown to the vocabulary.",
    way_out="Build the vocabulary from this set's captions, or check language and tokenizer.",
)
SPLIT_EMPTY = Check(
    name="split-empty",
    severity=ERROR,
    rule="Every split must have a clip.",
    way_out="Check how the files were split, and whether all of a split failed to be read.",
)
SPLIT_TINY = Check(
    name="split-tiny",
    severity=WARNING,
    rule="A split must be large enough to measure anything: in a set of ten or more clips, more than one, "
    "and 0.1 % of a large set.",
    way_out="Prepare with a larger share for it.",
)

# What dataset.json counts -> the same in `Tally.counts`. Digital silence is no audio there.
_COUNT_OF = {
    "clips": "clips",
    "clips with video": "with_video",
    "clips with audio": "audible",
    "clips with captions": "with_captions",
    "clips with labels": "with_labels",
}
_MOST_UNKNOWN = 0.2
_LEAST_SHARE, _LARGE_SPLIT = 0.001, 100
_SMALL_SET = 10  # clips; nobody measures anything with so few


class UnreadableSet(ValueError):
    """A directory that can not be examined at all."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparedSet:
    """A prepared set as dataset.json describes it."""

    directory: Path  # of the set
    name: str  # its name
    content: dict  # dataset.json as it is
    shards: tuple[tuple[str, dict], ...]  # (split, what is stated of the shard), in order
    setting: Setting  # what is stated of every record
    vocabulary_size: int  # words, as stated
    subset: str  # which part of a published set it is, in words; "" for no such part


def read_set(directory) -> PreparedSet:
    """Reads dataset.json; UnreadableSet if there is none, or it is damaged or of another version."""
    directory = Path(directory)
    path = directory / writer.DATASET_FILE
    try:
        content = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadableSet(
            f"A prepared set must hold {writer.DATASET_FILE}. Received: {directory} without it. Give the "
            f"directory that `vatt prepare` made; for shards of DMVR, run `vatt prepare dmvr` first."
        ) from None
    except (OSError, JsonError) as error:
        problem = error.problem if isinstance(error, JsonError) else error
        raise UnreadableSet(
            f"{writer.DATASET_FILE} must be JSON. Received: {path}, {problem}. Copy it again, or prepare the "
            "set again."
        ) from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version not in READABLE_VERSIONS:
        raise UnreadableSet(
            f"This version reads sets of schema_version {READABLE}. Received: {version} in {path}. "
            f"Prepare the set again with this version."
        )
    try:
        return PreparedSet(
            directory=directory,
            name=str(content["name"]),
            content=content,
            shards=tuple(
                (split, {"sha256": "", **shard, "file": plain_name(shard["file"])})
                for split, described in content["splits"].items()
                for shard in described["shards"]
            ),
            setting=Setting(
                frame_rate_hz=float(content["frame_rate_hz"]),
                audio_rate_hz=int(content["audio_rate_hz"]),
                short_side_pixels=int(content.get("short_side_pixels", 0)),
                labels=tuple(content.get("labels", ())),
                vocabulary_file=str(directory / plain_name(content["vocabulary"]["file"])),
            ),
            vocabulary_size=int(content["vocabulary"]["size"]),
            subset=subset_in_words(content["subset"]) if content.get("subset") else "",
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableSet(
            f"{writer.DATASET_FILE} must have the fields of schema_version {version}. Received: "
            f"{path}, {type(error).__name__}: {error}. Prepare the set again."
        ) from error


def inspect_set(
    prepared: PreparedSet, splits: dict[str, Tally], training: str, findings: Findings, *, is_whole: bool
) -> None:
    """Checks the description against what the shards were found to hold, counted by split.

    Counts can not agree unless `is_whole`: every shard is there and every record readable.
    """
    _inspect_vocabulary(prepared, findings)
    total = sum(tally.counts["clips"] for tally in splits.values())
    for split, described in prepared.content["splits"].items():
        counts, place = splits[split].counts if split in splits else {}, Place(split)
        clips = counts.get("clips", 0)
        if not clips:
            findings.add(SPLIT_EMPTY, "no clip" if is_whole else "no readable clip", place)
        elif clips < min(_LARGE_SPLIT, _LEAST_SHARE * total) or (clips == 1 and total > _SMALL_SET):
            findings.add(SPLIT_TINY, f"{clips} of {total} clips", place)
        if is_whole:
            stated = {"clips": described.get("clips", clips)} | {
                f"clips with {kind}": count for kind, count in described.get("clips_with", {}).items()
            }
            for what, count in stated.items():
                found = counts.get(_COUNT_OF[what], 0) if what in _COUNT_OF else count
                if count != found:
                    findings.add(COUNTS, f"{count} {what} stated, {found} found", place)
    words = splits[training].counts if training in splits else {}
    if words and words["unknown_words"] > _MOST_UNKNOWN * words["words"]:
        share = words["unknown_words"] / words["words"]
        findings.add(COVERAGE, f"{share:.0%} of {words['words']} words are unknown", Place(training))


def _inspect_vocabulary(prepared: PreparedSet, findings: Findings) -> None:
    path = Path(prepared.setting.vocabulary_file)
    place = Place(shard=path.name)
    try:
        words: Sequence[str] = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeError) as error:
        findings.add(VOCABULARY, f"it can not be read: {error}", place)
        return
    if tuple(words[:2]) != writer.SPECIAL_WORDS:
        findings.add(VOCABULARY, f"it starts with {words[:2]}", place)
    if len(set(words)) != len(words):
        findings.add(VOCABULARY, f"{len(words) - len(set(words))} words are repeated", place)
    if len(words) != prepared.vocabulary_size:
        findings.add(VOCABULARY, f"{len(words)} words; stated: {prepared.vocabulary_size}", place)
