"""The end report of a preparation as one HTML page that needs nothing but itself, in the house's style."""

import math
from collections.abc import Iterable, Sequence

from vatt.prepare.planning import subset_in_words
from vatt.report.document import whole_page
from vatt.report.markup import Markup, element

_OPEN_ROWS = 50  # a list that is longer starts folded

_STYLE = """
.list th, .list td { text-align: left; vertical-align: top; padding: 6px 16px 6px 0; font-weight: 400;
  font-size: 0.875rem; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; white-space: normal; }
.list thead th { color: var(--quiet); font-size: 0.8125rem; } .list td:first-child { width: 34%; }
.verdict { font-size: 1rem; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
@media screen and (max-width: 760px) {
  .list thead { display: none; } .list tr { display: block; border-bottom: 1px solid var(--rule);
    padding: 8px 0; } .list td { display: block; border: 0; padding: 0; width: auto !important; }
  .list td:first-child { font-weight: 600; } .list td[data-head]::before { content: attr(data-head) " ";
    color: var(--quiet); }
}
"""


def page(content: dict) -> str:
    """The page as text.

    Args:
        content: of preparation.json, see `preparation_report.describe`.
    """
    name = content["name"]
    parts = [
        element("p", "VATT preparation", class_="overline"),
        element("h1", name),
        element("p", _verdict(content), class_="summary"),
        _facts(content),
        _splits(content["splits"]),
        _list(
            "Failed",
            "These clips gave no record.",
            ("Clip", "Reason"),
            [(item["media_id"], item["reason"]) for item in content["failed"]],
        ),
        _list(
            "Kept in part",
            "These clips are in the set, but something of them was lost, or had to be guessed.",
            ("Clip", "Lost"),
            [(item["media_id"], item["lost"]) for item in content["kept_in_part"]],
        ),
        _list(
            "Missing",
            "The annotations name these media; they were not found. They count neither as clips nor as "
            "failures.",
            ("Clip", "Looked for"),
            [(item["media_id"], item["looked_for"]) for item in content["missing"]],
        ),
        *_planning(content),
        _origin(content["made_by"]),
    ]
    return whole_page(f"{name} · preparation · VATT", parts, style=_STYLE)


def _planning(content: dict) -> list[Markup | None]:
    """What planning left out, decided and lost; reports of earlier versions do not have it."""
    captions = content.get("captions", {"notes": {}, "files": []})
    notes = [
        (what, f"{counts['count']:,}", f"{counts['cues_without_caption']:,}")
        for what, counts in captions["notes"].items()
    ]
    return [
        _list(
            "Left out",
            "These files are not used.",
            ("Reason", "Files", "The first"),
            _counted(content.get("left_out", {})),
        ),
        _list(
            "Decided by a rule",
            "Where there was a choice, or names had to be interpreted.",
            ("Rule", "Times", "The first"),
            _counted(content.get("decided", {})),
        ),
        _list(
            "Captions",
            "What was lost, repaired or guessed in caption files and tables.",
            ("What", "Times", "Cues without a caption"),
            notes,
        ),
        _list(
            "Caption files",
            "The same, file by file.",
            ("File", "What"),
            [
                (file["file"], "; ".join(f"{what}: {count:,}" for what, count in file["notes"].items()))
                for file in captions["files"]
            ],
        ),
    ]


def _counted(reasons: dict[str, dict]) -> list[tuple[str, str, str]]:
    return [
        (
            reason,
            f"{found['count']:,}",
            ", ".join(found["first"]) + (" …" if found["count"] > len(found["first"]) else ""),
        )
        for reason, found in reasons.items()
    ]


def _verdict(content: dict) -> list:
    failed, clips = len(content["failed"]), content["clips"]
    if content["finished"]:
        verdict = element("span", "finished", class_="verdict right")
        text = f" {_count(content['records'], 'record')} from {_count(clips - failed, 'clip')}"
        text += f"; {failed:,} of {clips:,} failed." if failed else ", none failed."
    elif content["records"]:
        verdict = element("span", "refused", class_="verdict wrong")
        text = (
            f" {failed:,} of {_count(clips, 'clip')} failed, and at most {content['max_failures']:.1%} may. "
            "What could be prepared is kept: mend the files, or allow more with --max_failures, and run the "
            "same command again."
        )
    else:
        verdict = element("span", "refused", class_="verdict wrong")
        text = f" Not one of {_count(clips, 'clip')} could be prepared."
    return [verdict, text]


def _facts(content: dict) -> Markup:
    run = content["this_run"]
    subset = content.get("subset")
    facts = [
        *([("Subset", subset_in_words(subset))] if subset else []),
        ("Records", f"{content['records']:,}"),
        ("Hours", f"{content['hours']:,.2f}"),
        ("Failed", f"{len(content['failed']):,}"),
        ("Kept in part", f"{len(content['kept_in_part']):,}"),
        ("Missing", f"{len(content['missing']):,}"),
        ("Files left out", f"{sum(found['count'] for found in content.get('left_out', {}).values()):,}"),
    ]
    if run["clips"]:
        elapsed = max(run["elapsed_seconds"], 1e-3)
        facts += [
            ("Time of this run", duration(elapsed)),
            ("Clips a second", f"{run['clips'] / elapsed:,.3g}"),
            ("Against real time", f"{run['media_seconds'] / elapsed:,.3g} ×"),
            (
                "Runner",
                run["runner"] if run["workers"] is None else f"{run['runner']}, {run['workers']} workers",
            ),
        ]
    kept = content["clips"] - run["clips"]
    if kept:
        facts.append(("Clips of earlier runs", f"{kept:,}"))
    return element(
        "dl",
        [element("div", element("dt", title), element("dd", value)) for title, value in facts],
        class_="facts",
    )


def _splits(splits: dict[str, dict]) -> Markup:
    heads = ("Split", "Records", "Hours", "With video", "With audio", "With captions", "With labels")
    rows = []
    for name, split in splits.items():
        numbers = [f"{split['records']:,}", f"{split['hours']:,.2f}"]
        numbers += [_share(count, split["records"]) for count in split["records_with"].values()]
        rows.append([name, *numbers])
    return element(
        "section",
        element("h2", "Splits"),
        element("p", "A record “with audio” has sound that is not digital silence.", class_="note"),
        _table(heads, rows),
    )


def _list(title: str, note: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup | None:
    if not rows:
        return None
    table = _table(heads, rows, heads_on_phones=False)
    return element(
        "section",
        element("h2", f"{title} ({len(rows):,})"),
        element("p", note, class_="note"),
        table if len(rows) <= _OPEN_ROWS else element("details", element("summary", "Show all"), table),
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], heads_on_phones: bool = True) -> Markup:
    """A table whose rows become blocks where the page is narrow."""
    body = []
    for row in rows:
        first, *rest = zip(heads, row, strict=True)
        cells = [element("td", first[1])]
        cells += [element("td", text, data_head=head if heads_on_phones else None) for head, text in rest]
        body.append(element("tr", cells))
    head = element("thead", element("tr", [element("th", text, scope="col") for text in heads]))
    return element("table", head, element("tbody", body), class_="list")


def _origin(made_by: dict) -> Markup:
    return element(
        "section",
        element("h2", "How it was made"),
        element("p", f"VATT {made_by['version']}, {made_by['date']}", class_="note"),
        element("pre", made_by["command"]),
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _share(count: int, whole: int) -> str:
    if count in (0, whole):
        return f"{count:,}"
    return f"{count:,} ({math.floor(1000 * count / whole) / 10}%)"  # never 100 % of what is not all


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
