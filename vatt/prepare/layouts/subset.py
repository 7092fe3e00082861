"""Part of a published data set: ten of its classes, its official subset, or what somebody has of it.

A complete set is the rule, because the numbers of classes hang on the order of complete lists. A subset is
asked for (`--subset`), keeps the official numbers of its classes or numbers them anew (`--labels compact`),
and is recorded in the set's description, from which protocol cards take it.
"""

import argparse
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from vatt.errors import closest
from vatt.prepare.errors import AnnotationError
from vatt.prepare.planning import Planning, Reason, Tally
from vatt.prepare.record import Clip

AVAILABLE = "available"
OFFICIAL, COMPACT = "official", "compact"
OUTSIDE = -1  # the number of a class that an incomplete list leaves out
_MOST_CLASSES = 100_000
OTHER_CLASSES = Reason("clip of other classes", "clips of other classes")
NOT_AVAILABLE = Reason("clip not available", "clips not available")
WAY_OUT = f"Give the complete official files, or prepare a part of the set with --subset {AVAILABLE}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subset:
    """Which part of a data set is prepared."""

    choice: str | None = None  # "available", one that the layout knows, or "" with `classes`; None: all of it
    classes: tuple[str, ...] = ()  # by name; () for all
    numbering: str = OFFICIAL  # or `COMPACT`, see above

    @property
    def is_chosen(self) -> bool:
        """Whether it is a part at all."""
        return self.choice is not None

    @property
    def name(self) -> str:
        """In a word or two."""
        return self.choice or f"{len(self.classes)} classes"


def add_subset_arguments(parser: argparse.ArgumentParser, known: Mapping[str, str]) -> None:
    """Adds `--subset`, with the subsets that the layout has (name -> what it is), and `--labels`."""
    named = "".join(f"{name} ({what}); " for name, what in known.items())
    parser.add_argument(
        "--subset",
        metavar="WHICH",
        help=f"prepare a part of the set: {named}{AVAILABLE} (what there is of lists and media); class names "
        "with commas between them; or a text file with one on each line (default: the complete set)",
    )
    parser.add_argument(
        "--labels",
        choices=(OFFICIAL, COMPACT),
        help="of a subset: keep the numbers that its classes have in the complete set, or number them from 0 "
        f"without gaps (default: {OFFICIAL})",
    )
    parser.set_defaults(known_subsets=tuple(known))


def subset_of(args: argparse.Namespace) -> Subset:
    """The subset that a command line asks for; AnnotationError: a numbering without one, or no class is
    named.
    """
    if args.subset is None:
        if args.labels == COMPACT:
            raise AnnotationError(
                "A complete set has its official numbers. Received: --labels compact without --subset. Leave "
                f"it out, or say which part to prepare: --subset {AVAILABLE}."
            )
        return Subset()
    numbering = args.labels or OFFICIAL
    if args.subset in (AVAILABLE, *args.known_subsets):
        return Subset(choice=args.subset, numbering=numbering)
    path = Path(args.subset)
    names = path.read_text(encoding="utf-8-sig").splitlines() if path.is_file() else args.subset.split(",")
    classes = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not classes:
        raise AnnotationError(
            f"A subset must have a class. Received: --subset {args.subset!r}. Give names of classes, with "
            "commas between them, or a file with one on each line."
        )
    return Subset(choice="", classes=classes, numbering=numbering)


def take_part(
    subset: Subset, clips: Sequence[tuple[Clip, str]], labels: tuple[str, ...], of: str
) -> tuple[list[tuple[Clip, str]], tuple[str, ...], Planning]:
    """The clips and labels of a subset, and which part of the set that is and what it leaves out.

    Args:
        subset: which.
        clips: (clip, what was looked for), those without media too.
        labels: of the complete set by official number.
        of: name of the set.
    """
    if not subset.is_chosen:
        return list(clips), labels, Planning()
    chosen = {_place(name, labels, of) for name in subset.classes}
    left_out, kept = Tally(), []
    for clip, looked_for in clips:
        own = tuple(
            label for label in clip.labels if label[0] != OUTSIDE and (not chosen or label[0] in chosen)
        )
        if (clip.labels or chosen) and not own:
            left_out.add(OTHER_CLASSES, clip.media_id)
        elif subset.choice == AVAILABLE and not clip.media:
            left_out.add(NOT_AVAILABLE, clip.media_id)
        else:
            kept.append((dataclasses.replace(clip, labels=own), looked_for))
    used = sorted(chosen or {number for clip, _ in kept for number, _ in clip.labels})
    names, numbers = tuple(labels[number] for number in used), used
    if subset.numbering == COMPACT:
        labels, numbers = names, list(range(len(used)))
        new = dict(zip(used, numbers))
        kept = [
            (dataclasses.replace(clip, labels=tuple((new[n], text) for n, text in clip.labels)), looked_for)
            for clip, looked_for in kept
        ]
    record = {
        "choice": subset.name,
        "of": of,
        "classes": list(names),
        "numbers": numbers,
        "numbering": subset.numbering,
        "clips_left_out": len(left_out),
    }
    return kept, labels, Planning(left_out=left_out, subset=record)


def spread(numbered: Mapping[int, str], count: int | None) -> tuple[str, ...]:
    """Label texts by official number where some numbers have none: what is available names a part of them."""
    size = count if count is not None else 1 + max(numbered)
    return tuple(numbered.get(number, f"class {number}, not named") for number in range(size))


def _place(name: str, labels: tuple[str, ...], of: str) -> int:
    """The number of a class by its text, or by the first word of its text where that is an id."""
    places = [number for number, text in enumerate(labels) if name in (text, text.partition(" ")[0])]
    exact = [number for number in places if labels[number] == name]
    places = exact or places
    if len(places) == 1:
        return places[0]
    raise AnnotationError(
        f"A subset must consist of classes of {of}, which has {len(labels)}. Received: {name!r}."
        f"{closest(name, labels)} Names "
        "that hold commas can be given in a file, one on each line."
    )


def check_number(index: int, count: int | None, name: str, source: object) -> None:
    """Raises where a class has a number that the set does not have."""
    limit = math.inf if count is None else count
    if not 0 <= index < min(limit, _MOST_CLASSES):
        raise AnnotationError(
            f"{source}: a class must have a number from 0 to {min(limit, _MOST_CLASSES) - 1:,}. Received: "
            f"{index} of {name!r}. Take the file as the data set publishes it."
        )
