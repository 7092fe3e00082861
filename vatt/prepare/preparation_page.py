"""The end report of a preparation as one HTML page that needs nothing but itself, in the house's style."""

import math
from collections.abc import Iterator

from vatt.prepare.planning import subset_in_words
from vatt.report import scales
from vatt.report.document import render
from vatt.report.tables import facts_list, table

_SPLIT_HEADS = ("Split", "Records", "Hours", "With video", "With audio", "With captions", "With labels")


def page(content: dict) -> str:
    """The page as text, of preparation.json's content, see `preparation_report.describe`."""
    return render(
        "prepare/preparation.html",
        title=f"{content['name']} · preparation · VATT",
        content=content,
        failed=len(content["failed"]),
        facts=facts_list((name, value, False) for name, value in _facts(content)),
        splits=table(_SPLIT_HEADS, [_split(*each) for each in content["splits"].items()], class_="list"),
        lists=[
            (title, note, table(heads, rows, class_="list"), len(rows))
            for title, note, heads, rows in _lists(content)
            if rows
        ],
    )


def _lists(content: dict) -> Iterator[tuple[str, str, tuple[str, ...], list[tuple[str, ...]]]]:
    """(title, what it lists, heads, rows); reports of earlier versions do not have what planning did."""
    yield (
        "Failed",
        "These clips gave no record.",
        ("Clip", "Reason"),
        [(item["media_id"], item["reason"]) for item in content["failed"]],
    )
    yield (
        "Kept in part",
        "These clips are in the set, but something of them was lost, or had to be guessed.",
        ("Clip", "Lost"),
        [(item["media_id"], item["lost"]) for item in content["kept_in_part"]],
    )
    yield (
        "Missing",
        "The annotations name these media; they were not found. They count neither as clips nor as failures.",
        ("Clip", "Looked for"),
        [(item["media_id"], item["looked_for"]) for item in content["missing"]],
    )
    heads = ("Files", "The first")
    yield ("Left out", "These files are not used.", ("Reason", *heads), _counted(content.get("left_out", {})))
    yield (
        "Decided by a rule",
        "Where there was a choice, or names had to be interpreted.",
        ("Rule", "Times", "The first"),
        _counted(content.get("decided", {})),
    )
    captions = content.get("captions", {"notes": {}, "files": []})
    yield (
        "Captions",
        "What was lost, repaired or guessed in caption files and tables.",
        ("What", "Times", "Cues without a caption"),
        [
            (what, f"{counts['count']:,}", f"{counts['cues_without_caption']:,}")
            for what, counts in captions["notes"].items()
        ],
    )
    yield (
        "Caption files",
        "The same, file by file.",
        ("File", "What"),
        [
            (file["file"], "; ".join(f"{what}: {count:,}" for what, count in file["notes"].items()))
            for file in captions["files"]
        ],
    )


def _counted(reasons: dict[str, dict]) -> list[tuple[str, ...]]:
    return [
        (
            reason,
            f"{found['count']:,}",
            ", ".join(found["first"]) + (" …" if found["count"] > len(found["first"]) else ""),
        )
        for reason, found in reasons.items()
    ]


def _facts(content: dict) -> Iterator[tuple[str, str]]:
    run = content["this_run"]
    if subset := content.get("subset"):
        yield "Subset", subset_in_words(subset)
    yield "Records", f"{content['records']:,}"
    yield "Hours", f"{content['hours']:,.2f}"
    for title, name in (("Failed", "failed"), ("Kept in part", "kept_in_part"), ("Missing", "missing")):
        yield title, f"{len(content[name]):,}"
    yield "Files left out", f"{sum(found['count'] for found in content.get('left_out', {}).values()):,}"
    if run["clips"]:
        elapsed = max(run["elapsed_seconds"], 1e-3)
        workers = "" if run["workers"] is None else f", {run['workers']} workers"
        yield "Time of this run", scales.duration(elapsed)
        yield "Clips a second", f"{run['clips'] / elapsed:,.3g}"
        yield "Against real time", f"{run['media_seconds'] / elapsed:,.3g} ×"
        yield "Runner", run["runner"] + workers
    if kept := content["clips"] - run["clips"]:
        yield "Clips of earlier runs", f"{kept:,}"


def _split(name: str, split: dict) -> list[str]:
    shares = [_share(count, split["records"]) for count in split["records_with"].values()]
    return [name, f"{split['records']:,}", f"{split['hours']:,.2f}", *shares]


def _share(count: int, whole: int) -> str:
    if count in (0, whole):
        return f"{count:,}"
    return f"{count:,} ({math.floor(1000 * count / whole) / 10}%)"  # never 100 % of what is not all
