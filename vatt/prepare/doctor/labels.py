"""Checks of labels: ids that exist, and one text for an id in every shard and split."""

from collections import defaultdict
from collections.abc import Iterator

from vatt.prepare.doctor.clip_record import ClipRecord, Setting
from vatt.prepare.doctor.findings import ERROR, WARNING, Check, Findings, Place
from vatt.prepare.doctor.tally import Tally

RANGE = Check(
    name="label-range",
    severity=ERROR,
    rule="A label id must be a place in the label list of dataset.json.",
    way_out="Complete the list, or prepare the set again: training stops at such an id.",
)
TEXT = Check(
    name="label-text",
    severity=ERROR,
    rule="A record must have one text per label id, the one that dataset.json lists in that place.",
    way_out="The label lists of two preparations were mixed: prepare the set again with one.",
)
MAP = Check(
    name="label-map",
    severity=ERROR,
    rule="An id must have the same text, and a text the same id, everywhere in the set.",
    way_out="Parts of the set were written with different label lists: prepare it again with one.",
)
UNSEEN = Check(
    name="label-unseen",
    severity=WARNING,
    rule="A class of another split must have training clips.",
    way_out="Check that the splits use one label list; a class without examples can not be trained.",
)


def inspect(clip: ClipRecord, setting: Setting, tally: Tally) -> Iterator[tuple[Check, str]]:
    """Counts the labels of a clip and yields what is wrong with them."""
    if not clip.labels.ids and not clip.labels.texts:
        return
    tally.counts["with_labels"] += 1
    tally.labels.update(clip.labels.ids)
    texts = [text.decode("utf-8", "replace") for text in clip.labels.texts]
    if texts and len(texts) != len(clip.labels.ids):
        yield TEXT, f"{len(clip.labels.ids)} ids and {len(texts)} texts"
        texts = []
    names = dict(zip(clip.labels.ids, texts, strict=True)) if texts else dict.fromkeys(clip.labels.ids)
    for label, text in names.items():
        if setting.labels and not 0 <= label < len(setting.labels):
            yield RANGE, f"id {label} of {len(setting.labels)} labels"
        elif text is not None and setting.labels and text != setting.labels[label]:
            yield TEXT, f"id {label} is {text!r} here and {setting.labels[label]!r} in dataset.json"
        elif label < 0:
            yield RANGE, f"id {label}"
        elif text is not None and not setting.labels:
            tally.label_texts[label, text] += 1


def conclude(splits: dict[str, Tally], training: str, findings: Findings) -> None:
    """Checks that need the whole set; without a list in dataset.json, whether its texts are one map."""
    texts_of, labels_of = defaultdict(set), defaultdict(set)
    for tally in splits.values():
        for label, text in tally.label_texts:
            texts_of[label].add(text)
            labels_of[text].add(label)
    for what, several in (("id", texts_of), ("text", labels_of)):
        for key, values in sorted(several.items()):
            if len(values) > 1:
                listed = ", ".join(map(repr, sorted(values)))
                findings.add(MAP, f"{what} {key!r} stands for {listed}")
    if training in splits and splits[training].labels:
        for split, tally in splits.items():
            unseen = sorted(set(tally.labels) - set(splits[training].labels))
            if unseen:
                listed = ", ".join(f"id {label}" for label in unseen[:10]) + (
                    " …" if len(unseen) > 10 else ""
                )
                classes = "1 class has" if len(unseen) == 1 else f"{len(unseen)} classes have"
                findings.add(UNSEEN, f"{classes} no training clip: {listed}", Place(split))
