"""The plan that a layout makes from a data set's official files and the available media.

A layout is a module with

    the docstring       for the user, shown by --help: which official files are read, where they come from
    SUMMARIES           name on the command line -> one line about it for `vatt prepare --help`
    EXAMPLE             one command, with {layout} instead of the layout's name
    plan                parsed arguments, `args.layout` the name among them -> Plan
    add_arguments       optional: adds its options; `--annotations`, `--media` and OUT are there already
    EXPERIMENT          optional: what a set of it is for, see `vatt/prepare/next_steps.py`; left out, what
                        its records hold decides
    SUBSETS             optional: name -> what it is, of parts that `--subset NAME` asks for; `plan` leaves
                        out what is no part of them

It is found by its SUMMARIES; there is no list of layouts elsewhere. One without `plan` reads something else
than annotations and media: it adds all of its arguments, and its `prepare(args)` returns the directory of the
prepared set.
"""

import argparse
import dataclasses
from collections.abc import Sequence

from vatt.prepare.errors import AnnotationError
from vatt.prepare.layouts.media_index import MediaIndex
from vatt.prepare.layouts.subset import subset_of, take_part
from vatt.prepare.planning import Planning
from vatt.prepare.record import Clip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What to prepare."""

    name: str  # of the set, for people
    clips: tuple[Clip, ...]  # those whose media are there, in the order of the annotation files
    labels: tuple[str, ...] = ()  # label texts by index, for dataset.json; () without classes
    # (media_id, what was looked for) of each clip whose media are not there
    missing: tuple[tuple[str, str], ...] = ()
    definition: str = ""  # one line for dataset.json: what the set was made from
    # what was left out, decided by a rule, lost or repaired on the way to the plan
    planning: Planning = dataclasses.field(default_factory=Planning)


class Gathering:
    """Collects the clips of a plan, and the names of those that are missing.

    Args:
        args: the parsed command line, with `media`, `subset` and `labels`.
        suffixes: endings of media files, the preferred first.

    Attributes:
        subset: which part of the set is asked for.
        media: the files available.
    """

    def __init__(self, args: argparse.Namespace, suffixes: Sequence[str]):
        self.subset = subset_of(args)
        self.media = MediaIndex(args.media, suffixes)
        self._clips: list[tuple[Clip, str]] = []

    def add(self, clip: Clip, looked_for: str) -> None:
        """Takes a clip; one whose `media` is "" is missing, and `looked_for` says what its file is called."""
        self._clips.append((clip, looked_for))

    def plan(self, name: str, made_from: str, labels: tuple[str, ...] = ()) -> Plan:
        """The plan.

        Args:
            name: of the data set.
            made_from: the official files and choices, in words.
            labels: of the complete set, by official number.

        Raises:
            AnnotationError: there is not one media file that the annotations name, or they name none.
        """
        kept, labels, planning = take_part(self.subset, self._clips, labels, name)
        clips = tuple(clip for clip, _ in kept if clip.media)
        if not clips:
            raise AnnotationError(self._nothing_found(name))
        return Plan(
            name=f"{name} ({self.subset.name})" if self.subset.is_chosen else name,
            clips=clips,
            labels=labels,
            missing=tuple((clip.media_id, looked_for) for clip, looked_for in kept if not clip.media),
            definition=f"{name}: {made_from}",
            planning=planning,
        )

    def _nothing_found(self, name: str) -> str:
        if not self._clips:
            return f"The annotation files of {name} name no clip. Take them as the data set publishes them."
        if any(clip.media for clip, _ in self._clips):
            return f"A subset of {name} must have a clip available. Received: --subset {self.subset.name}."
        _, looked_for = self._clips[0]
        example = next((self.media.find(stem) for stem in self.media.stems()), "")
        held = f"{len(self.media)} media files, such as {example}" if example else "no media file"
        return (
            f"`--media` must be a folder with the clips of {name}. Received: {self.media.root}, which holds "
            f"{held}; the annotations name {len(self._clips)} others. "
            f"Looked, at any depth, for {looked_for} and its like ({' '.join(self.media.suffixes)})."
        )
