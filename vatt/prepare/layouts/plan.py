"""The plan that a layout makes from a data set's official files and the available media.

A layout is a module with

    the docstring       for the user, shown by --help: which official files are read, where they come from
    SUMMARIES           name on the command line -> one line about it for `vatt prepare --help`
    EXAMPLE             one command, with {layout} instead of the layout's name
    add_arguments       adds its options; `--annotations`, `--media` and OUT are there already
    plan                parsed arguments, `args.layout` the name among them -> Plan
    EXPERIMENT          optional: what a set of it is for, see `vatt/prepare/next_steps.py`; left out, what
                        its records hold decides
    SUBSETS             optional: name -> what it is, of parts that `--subset NAME` asks for; `plan` leaves
                        out what is no part of them

It is found by its SUMMARIES; there is no list of layouts elsewhere. One without `plan` reads something else
than annotations and media: it adds all of its arguments, and its `prepare(args)` returns the directory of the
prepared set.
"""

import dataclasses

from vatt.prepare.layouts.annotation_error import AnnotationError
from vatt.prepare.layouts.media_index import MediaIndex
from vatt.prepare.layouts.subset import Subset, take_part
from vatt.prepare.planning import Planning, Reason
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
        media: the files available.
        subset: which part of the set is asked for.
    """

    def __init__(self, media: MediaIndex, subset: Subset = Subset()):  # noqa: B008 (frozen)
        self._media = media
        self._subset = subset
        self._clips: list[tuple[Clip, str]] = []

    def add(self, clip: Clip, looked_for: str) -> None:
        """Takes a clip; one whose `media` is "" is missing, and `looked_for` says what its file is called."""
        self._clips.append((clip, looked_for))

    def plan(self, *, name: str, definition: str, labels: tuple[str, ...] = ()) -> Plan:
        """The plan.

        Raises:
            AnnotationError: there is not one media file that the annotations name, or they name none.
        """
        part = take_part(self._subset, self._clips, labels, of=name)
        clips = tuple(clip for clip, _ in part.clips if clip.media)
        if not clips:
            raise AnnotationError(self._nothing_found(name))
        planning = Planning(subset=part.record)
        for reason, names in part.left_out.items():
            for each in names:
                planning.left_out.add(Reason(f"clip {reason}", f"clips {reason}"), each)
        return Plan(
            name=f"{name} ({self._subset.name})" if self._subset.is_chosen else name,
            clips=clips,
            labels=part.labels,
            missing=tuple((clip.media_id, looked_for) for clip, looked_for in part.clips if not clip.media),
            definition=definition,
            planning=planning,
        )

    def _nothing_found(self, name: str) -> str:
        if not self._clips:
            return f"The annotation files of {name} name no clip. Take them as the data set publishes them."
        if any(clip.media for clip, _ in self._clips):
            return f"A subset of {name} must have a clip available. Received: --subset {self._subset.name}."
        _, looked_for = self._clips[0]
        example = next((self._media.find(stem) for stem in self._media.stems()), "")
        held = f"{len(self._media)} media files, such as {example}" if example else "no media file"
        return (
            f"`--media` must be a folder with the clips of {name}. Received: {self._media.root}, which holds "
            f"{held}; the annotations name {len(self._clips)} others. "
            f"Looked, at any depth, for {looked_for} and its like ({' '.join(self._media.suffixes)})."
        )
