"""The demo corpus: small, real media files whose video, audio and narration show the same scene.

It is rendered into a folder that is named after everything that decides its content, and prepared into
records by the code that any user's videos go through. Whatever is there already and whole is used as it is;
whatever was cut short by a kill is finished; whatever is damaged is made again.
"""

import contextlib
import hashlib
import json
import shutil
from pathlib import Path

import filelock
import gin
import platformdirs

from vatt.demo.definition import definition, labels
from vatt.demo.plan import plan_clips
from vatt.demo.render import ClipPlan, render_clip
from vatt.files.whole_file import lock_file, own_folder, remove_leftovers
from vatt.prepare import writer
from vatt.prepare.captions import read_captions
from vatt.prepare.errors import PreparationError, disk_errors
from vatt.prepare.job import Running
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.media import MediaOptions
from vatt.prepare.pool import Failure, WorkerPool
from vatt.prepare.prepare import prepare_clips
from vatt.prepare.progress import Progress, say
from vatt.prepare.record import SCHEMA_VERSION, Clip, RecordOptions

_JPEG_QUALITY = 90


@gin.register
def demo_corpus(
    *,
    data_dir: str | None = None,
    clips: int = 2000,
    heldout_clips_per_combination: int = 4,
    seed: int = 0,
    correspondence: float = 1.0,
    processes: int | None = None,
) -> str:
    """Path of the prepared demo corpus, which is made first if it is not there.

    Args:
        data_dir: where the corpus is; None or "": the user's cache folder.
        clips: training clips.
        heldout_clips_per_combination: test clips of each (colour, shape, action) that training never shows.
        seed: of everything drawn at random.
        correspondence: share of training clips whose audio and narration match the video; in the
            others each of the two is of a scene of its own. 0 is the control: there is nothing to learn.
            Test clips always correspond.
        processes: at work; None: one per core.

    Returns:
        The directory with dataset.json and the shards. The media are in ../media.
    """
    if clips < 1 or heldout_clips_per_combination < 0:
        raise ValueError(
            f"The demo needs at least one training clip and no negative number of test clips. "
            f"Received: clips={clips}, heldout_clips_per_combination={heldout_clips_per_combination}."
        )
    if not 0 <= correspondence <= 1:
        raise ValueError(f"`correspondence` must be between 0 and 1. Received: {correspondence}.")
    settings = {
        "clips": clips,
        "heldout_clips_per_combination": heldout_clips_per_combination,
        "seed": seed,
        "correspondence": float(correspondence),
    }
    base = Path(data_dir).expanduser().absolute() if data_dir else Path(platformdirs.user_cache_dir("vatt"))
    fingerprint = _fingerprint(settings)
    home = base / f"demo-{fingerprint[:12]}"
    records = home / "records"
    if not writer.defects(records):
        return str(records)
    way_out = (
        "Name another place with --data_dir /some/directory or "
        "`vatt prepare demo --data_dir /some/directory`."
    )
    with disk_errors(base, way_out), _lock(home):
        if not writer.defects(records):  # made by another process while this one waited
            return str(records)
        _make(home, settings, fingerprint, processes)
    return str(records)


def _fingerprint(settings: dict) -> str:
    """Hash of the definition, the settings and the record format."""
    content = json.dumps([definition(), settings, SCHEMA_VERSION, _JPEG_QUALITY], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


@contextlib.contextmanager
def _lock(home: Path):
    """Only one process at a time makes a corpus; the others wait, and say so."""
    lock = lock_file(own_folder(home) / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        say(f"Another process is making the demo corpus in {home}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _make(home: Path, settings: dict, fingerprint: str, processes: int | None) -> None:
    media, records = home / "media", own_folder(home / "records")
    if (records / writer.DATASET_FILE).exists():
        say(f"The demo corpus in {home} is damaged ({writer.defects(records)[0]}); it is made again.")
        shutil.rmtree(records)
    else:
        say(f"Making the demo corpus in {home}")
    plans = plan_clips(**settings)
    _render(plans, media, processes)
    plan = Plan(
        name="demo",
        clips=tuple(_clip(each, media) for each in plans),
        labels=labels(),
        definition=f"demo corpus version {definition()['version']}, {json.dumps(settings)}",
    )
    running = Running(processes=processes, max_failures=0.0)
    prepare_clips(plan, records, options=_options(), running=running, fingerprint=fingerprint)


def _render(plans: list[ClipPlan], media: Path, processes: int | None) -> None:
    """Renders the clips that are not there yet; each file appears whole or not at all."""
    own_folder(media)
    for folder in sorted({str(Path(plan.path).parent) for plan in plans}):
        remove_leftovers(own_folder(media / folder))
    todo = [plan for plan in plans if not (media / plan.path).exists()]
    if not todo:
        return
    with (
        Progress("Rendering the demo corpus", len(todo)) as progress,
        WorkerPool(workers=processes, writable=[media]) as pool,
    ):
        for (plan, _), outcome in pool.run(render_clip, ((plan, str(media)) for plan in todo)):
            if isinstance(outcome, Failure):
                if isinstance(outcome.error, OSError):
                    raise outcome.error
                raise PreparationError(f"{media / plan.path} could not be rendered: {outcome.reason}")
            progress.advance()


def _clip(plan: ClipPlan, media: Path) -> Clip:
    path = media / plan.path
    captions = path.with_suffix(".srt")
    index = labels().index
    return Clip(
        media=str(path),
        media_id=plan.path.removesuffix(".mp4"),
        split="test" if plan.is_held_out else "train",
        group=plan.seen.group,
        labels=tuple((index(name), name) for name in plan.seen.names),
        captions=read_captions(captions).captions if plan.has_narration else (),
    )


def _options() -> RecordOptions:
    kept = definition()["records"]
    return RecordOptions(
        media=MediaOptions(
            max_frame_rate_hz=float(definition()["clip"]["frame_rate_hz"]),
            short_side_pixels=kept["short_side_pixels"],
            audio_rate_hz=kept["audio_rate_hz"],
        ),
        jpeg_quality=_JPEG_QUALITY,
    )
