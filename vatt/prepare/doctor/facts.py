"""A diagnosis in numbers and words: the facts of each split, and the whole as JSON or as text."""

from collections import Counter
from collections.abc import Iterable

from vatt.prepare.doctor.examine import Diagnosis
from vatt.prepare.doctor.findings import ERROR, Finding
from vatt.prepare.doctor.tally import Tally

_SHOWN_PLACES = 3  # of a finding, in the terminal
_SHOWN_VALUES = 3  # of a distribution
_NONE = "–"


def facts_of(tally: Tally) -> dict[str, str]:
    """What a split holds, by what it is; the same keys for every split."""
    counts, seconds = tally.counts, tally.seconds
    clips, captions = counts["clips"], counts["captions"]
    return {
        "clips": f"{clips:,}",
        "with video": _part(counts["with_video"], clips),
        "with audio": _part(counts["with_audio"], clips),
        "with captions": _part(counts["with_captions"], clips),
        "with labels": _part(counts["with_labels"], clips),
        "hours of video": f"{seconds['video'] / 3600:,.2f}",
        "hours of audio": f"{seconds['audio'] / 3600:,.2f}",
        "frame sizes": _most_common(
            tally.frame_sizes, lambda size: "changing" if size == (0, 0) else f"{size[0]}×{size[1]}"
        ),
        "frame rates": _most_common(tally.frame_rates, lambda rate: f"{rate:g} Hz"),
        "audio rates": _most_common(tally.audio_rates, lambda rate: f"{rate:,} Hz"),
        "silent from end to end": _part(counts["with_audio"] - counts["audible"], counts["with_audio"]),
        "digital silence": _share(seconds["digital_silence"], seconds["audio"]),
        "loudest sample, median clip": _level(tally.peaks),
        "captions": f"{captions:,}",
        "captions a clip": _spread(tally.captions_of_clip),
        "words a caption": _spread(tally.words_of_caption),
        "captions within their clip": _part(counts["captions_inside"], captions),
        "unknown words": _share(counts["unknown_words"], counts["words"]),
        "classes": f"{len(tally.labels):,}" if tally.labels else _NONE,
        "clips a class": _spread(Counter(tally.labels.values())),
    }


def verdict(diagnosis: Diagnosis) -> str:
    """One sentence."""
    name, clips = diagnosis.prepared.name, diagnosis.whole.counts["clips"]
    if not diagnosis.findings:
        decoded = "all frames decoded" if diagnosis.decode_every == 1 else "a sample of frames decoded"
        return f"{name} is clean: {clips:,} clips read, {decoded}, nothing found."
    errors = sum(finding.check.severity == ERROR for finding in diagnosis.findings)
    kinds = ", ".join(
        f"{number} kind{'s' * (number > 1)} of {what}"
        for number, what in ((errors, "error"), (len(diagnosis.findings) - errors, "warning"))
        if number
    )
    return f"{name} has findings in {clips:,} readable clips: {kinds}."


def as_text(diagnosis: Diagnosis) -> str:
    """Findings, facts and verdict for a terminal."""
    lines = [line for finding in diagnosis.findings for line in _finding_lines(finding)]
    facts = {split: facts_of(tally) for split, tally in diagnosis.splits.items()}
    if facts:
        columns = [["", *next(iter(facts.values()))], *([split, *of.values()] for split, of in facts.items())]
        widths = [max(map(len, column)) for column in columns]
        for row in zip(*columns, strict=True):
            lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    if diagnosis.subset:
        lines.append(f"Subset: {diagnosis.subset}")
    for finding in diagnosis.tolerated:
        lines.append(f"{finding.check.name}: {finding.count:,}, as few as any large set has")
    return "\n".join([*lines, "", verdict(diagnosis)])


def _finding_lines(finding: Finding) -> Iterable[str]:
    check = finding.check
    times = "once" if finding.count == 1 else f"{finding.count:,} times"
    yield f"{check.severity.upper()} {check.name}, {times}: {check.rule}"
    for what, place in finding.places[:_SHOWN_PLACES]:
        yield f"    {place}: {what}" if str(place) else f"    {what}"
    if finding.count > _SHOWN_PLACES:
        yield f"    … and {finding.count - _SHOWN_PLACES:,} more"
    yield f"  → {check.way_out}"
    yield ""


def as_json(diagnosis: Diagnosis) -> dict:
    """The diagnosis for programs."""
    return {
        "set": diagnosis.prepared.name,
        "fingerprint": diagnosis.prepared.content.get("fingerprint"),
        "subset": diagnosis.prepared.content.get("subset"),
        "is_clean": not diagnosis.findings,
        "all_frames_decoded": diagnosis.decode_every == 1,
        "findings": [_finding_json(finding) for finding in diagnosis.findings],
        "tolerated": [_finding_json(finding) for finding in diagnosis.tolerated],
        "facts": {split: facts_of(tally) for split, tally in diagnosis.splits.items()},
        "counts": {split: dict(sorted(tally.counts.items())) for split, tally in diagnosis.splits.items()},
    }


def _finding_json(finding: Finding) -> dict:
    check = finding.check
    return {
        "check": check.name,
        "severity": check.severity,
        "rule": check.rule,
        "way_out": check.way_out,
        "is_mended_by_repair": check.is_mended,
        "count": finding.count,
        "first": [
            {
                "what": what,
                "split": place.split,
                "shard": place.shard,
                "record": place.record,
                "offset": place.offset,
                "clip_id": place.clip_id,
            }
            for what, place in finding.places
        ],
    }


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else _NONE


def _part(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.0%})" if whole and part else f"{part:,}"


def _most_common(values: Counter, name) -> str:
    shown = values.most_common(_SHOWN_VALUES)
    if len(shown) == 1:
        return name(shown[0][0])
    total = values.total()
    more = f", {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    return ", ".join(f"{name(value)} ({count / total:.0%})" for value, count in shown) + more or _NONE


def _quantile(values: Counter, share: float):
    """The value below or at which that share of the counted things is."""
    reached = 0
    for value in sorted(values):
        reached += values[value]
        if reached >= share * values.total():
            return value
    return None


def _spread(values: Counter) -> str:
    if not values:
        return _NONE
    least, most = min(values), max(values)
    return f"{least:,}" if least == most else f"{least:,} – {most:,}, median {_quantile(values, 0.5):,}"


def _level(peaks: Counter) -> str:
    step = _quantile(peaks, 0.5)
    return _NONE if step is None else f"{6 * step} to {6 * step + 6} dB below full"
