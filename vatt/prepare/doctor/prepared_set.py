"""Checks of a set's description, dataset.json and the word list, against what its shards hold."""

from collections.abc import Sequence

from vatt.data.set_description import SetDescription
from vatt.prepare import writer
from vatt.prepare.doctor.findings import ERROR, WARNING, Check, Findings, Place
from vatt.prepare.doctor.tally import Tally

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


def inspect_set(
    prepared: SetDescription, splits: dict[str, Tally], training: str, findings: Findings, *, is_whole: bool
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


def _inspect_vocabulary(prepared: SetDescription, findings: Findings) -> None:
    path = prepared.vocabulary_file
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
    if len(words) != (stated := prepared.content["vocabulary"].get("size")):
        findings.add(VOCABULARY, f"{len(words)} words; stated: {stated}", place)
