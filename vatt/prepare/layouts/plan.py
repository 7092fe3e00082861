"""What a layout makes of a data set's official files and the media at hand: a plan to carry out.

A layout is a module with

    the docstring       for the user, shown by --help: which official files are read, where they come from
    SUMMARIES           name on the command line -> one line about it for `vatt prepare --help`
    EXAMPLE             one command, with {layout} in place of the layout's name
    add_arguments       adds its options; `--annotations`, `--media` and OUT are there already
    plan                parsed arguments, `args.layout` the name among them -> Plan

It is found by its SUMMARIES; there is no list of layouts elsewhere. One without `plan` reads something else
than annotations and media: it adds all of its arguments, and its `prepare(args)` returns the directory of the
prepared set.
"""

import dataclasses

from vatt.prepare.layouts.annotations import AnnotationError
from vatt.prepare.layouts.media_index import MediaIndex
from vatt.prepare.planning import Planning
from vatt.prepare.record import Clip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What to prepare.

    Attributes:
        name: of the set, for people.
        clips: those whose media are there, in the order of the annotation files.
        labels: label texts by index, for dataset.json; () without classes.
        missing: (media_id, what was looked for) of each clip whose media are not there.
        definition: one line for dataset.json: what the set was made from.
        planning: what was left out, decided by a rule, lost or repaired on the way to the plan.
    """

    name: str
    clips: tuple[Clip, ...]
    labels: tuple[str, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    definition: str = ""
    planning: Planning = dataclasses.field(default_factory=Planning)


class Gathering:
    """Collects the clips of a plan, and the names of those that are missing.

    Args:
        media: the files at hand.
    """

    def __init__(self, media: MediaIndex):
        self._media = media
        self._clips: list[Clip] = []
        self._missing: list[tuple[str, str]] = []

    def add(self, clip: Clip, looked_for: str) -> None:
        """Takes a clip; one whose `media` is "" is missing, and `looked_for` says what its file is called."""
        if clip.media:
            self._clips.append(clip)
        else:
            self._missing.append((clip.media_id, looked_for))

    def plan(self, *, name: str, definition: str, labels: tuple[str, ...] = ()) -> Plan:
        """The plan.

        Raises:
            AnnotationError: there is not one media file that the annotations name, or they name none.
        """
        if not self._clips:
            raise AnnotationError(self._nothing_found(name))
        return Plan(
            name=name,
            clips=tuple(self._clips),
            labels=labels,
            missing=tuple(self._missing),
            definition=definition,
        )

    def _nothing_found(self, name: str) -> str:
        if not self._missing:
            return f"The annotation files of {name} name no clip. Take them as the data set publishes them."
        _, looked_for = self._missing[0]
        example = next((self._media.find(stem) for stem in self._media.stems()), "")
        held = f"{len(self._media)} media files, such as {example}" if example else "no media file"
        return (
            f"`--media` must be a folder with the clips of {name}. Received: {self._media.root}, which holds "
            f"{held}; the annotations name {len(self._missing)} others. "
            f"Looked, at any depth, for {looked_for} and its like ({' '.join(self._media.suffixes)})."
        )
