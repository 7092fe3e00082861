"""Clips -> shards: which clip goes into which file, decided before anything is decoded.

The plan depends on the clips, their files' sizes and the options alone, so every run and every number of
workers makes the same files. Each shard has a fingerprint of its own: when some media are replaced, a run
that goes on makes only the shards that hold them.
"""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from vatt.data.set_description import PCM16
from vatt.prepare import media_file
from vatt.prepare.record import SCHEMA_VERSION, Clip, RecordOptions, schema_version
from vatt.prepare.writer import shard_name

# Media of a whole shard. Records take about four times their bytes (ten seconds: 1.1 MB of MP4, 3.9 MB of
# JPEG), so a shard stays at a few GB; with 256 whole videos it would be too large for disks and copies.
_MEDIA_BYTES_PER_SHARD = 1 << 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shard:
    """One file to make."""

    file: str  # its name
    split: str  # of its clips
    clips: tuple[int, ...]  # positions of its clips in the list of all, in the order of their records
    fingerprint: str  # changes with anything that decides its records


def plan_shards(clips: Sequence[Clip], options: RecordOptions, clips_per_shard: int) -> list[Shard]:
    """The shards of all splits.

    Within a split clips keep their order. A shard holds at most `clips_per_shard` clips, or the clips of
    about a gigabyte of media if that is less; shards of a split weigh as equal as whole clips allow.

    Args:
        clips: of the set, in its order.
        options: how they are stored.
        clips_per_shard: at least 1.
    """
    if clips_per_shard < 1:
        raise ValueError(f"`clips_per_shard` must be at least 1. Received: {clips_per_shard}.")
    media = _Media(clips)
    members: dict[str, list[int]] = {}
    for number, clip in enumerate(clips):
        members.setdefault(clip.split, []).append(number)
    shards = []
    for split in sorted(members):
        weights = [media.share_bytes(clips[number]) for number in members[split]]
        groups = _even_groups(members[split], weights, clips_per_shard)
        for number, group in enumerate(groups):
            shards.append(
                Shard(
                    file=shard_name(split, number, len(groups)),
                    split=split,
                    clips=tuple(group),
                    fingerprint=_fingerprint((clips[n] for n in group), options, media),
                )
            )
    return shards


def plan_fingerprint(shards: Iterable[Shard], labels: Sequence[str]) -> str:
    """Changes with anything that decides the set."""
    digest = hashlib.sha256(repr((SCHEMA_VERSION, tuple(labels))).encode())
    for shard in shards:
        digest.update(repr((shard.file, shard.fingerprint)).encode())
    return digest.hexdigest()


class _Media:
    """Sizes and dates of the media files, each asked for once."""

    def __init__(self, clips: Sequence[Clip]):
        self._clips_of = Counter(path for clip in clips for path in clip.files)
        self._known = {path: self._state(path) for path in self._clips_of}

    def states(self, clip: Clip) -> tuple[tuple[int, int] | None, ...]:
        """(bytes, date of change in ns) of each of a clip's files; None: it is not there, and the clip will
        fail and be listed."""
        return tuple(self._known[path] for path in clip.files)

    def share_bytes(self, clip: Clip) -> int:
        """What one clip weighs: its part of the files that several clips are cut from."""
        known = ((self._known[path], self._clips_of[path]) for path in clip.files)
        return sum(state[0] // clips for state, clips in known if state is not None)

    @staticmethod
    def _state(path: str) -> tuple[int, int] | None:
        try:
            return media_file.state(path)
        except OSError:
            return None


def _even_groups(members: list[int], media_bytes: list[int], clips_per_shard: int) -> list[list[int]]:
    """Cuts `members` into runs of about the same weight, none above that of a full shard.

    A clip weighs the larger of its share of a shard's clips and of a shard's bytes, in whole numbers: one
    shard is `_MEDIA_BYTES_PER_SHARD * clips_per_shard`. A clip belongs to the run in which it ends.
    """
    full = _MEDIA_BYTES_PER_SHARD * clips_per_shard
    weights = [max(_MEDIA_BYTES_PER_SHARD, size * clips_per_shard) for size in media_bytes]
    total = sum(weights)
    count = -(-total // full)
    groups, end, current = [], 0, None
    for member, weight in zip(members, weights, strict=True):
        end += weight
        run = -(-end * count // total)
        if run != current:  # a video heavier than a shard leaves runs empty: those get no file
            groups.append([])
            current = run
        groups[-1].append(member)
    return groups


def _fingerprint(clips: Iterator[Clip], options: RecordOptions, media: _Media) -> str:
    packed = () if options.audio_codec == PCM16 else (options.audio_codec,)
    digest = hashlib.sha256(repr((schema_version(options.audio_codec), options, *packed)).encode())
    for clip in clips:
        # The set may be elsewhere next time: the path itself is no content.
        content = (dataclasses.replace(clip, media=""), *media.states(clip))
        digest.update(repr(content).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()
