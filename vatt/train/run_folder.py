"""The run directory: a folder of this machine, or one that stands for an address of an object store.

In the second case the run writes to a temporary folder, and what changed is sent after each checkpoint and
evaluation, every half minute, and at the end. A store that does not answer for a while delays that, and no
step; where another process has taken the run over, the run ends.
"""

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from vatt.errors import RunError
from vatt.files.mirror import Mirror
from vatt.files.places import StoreError, is_address, open_store, plain
from vatt.files.store_lock import Held, LockedError, alone
from vatt.files.whole_file import temporary_folder

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 30.0
_LAST_ATTEMPTS, _LAST_PAUSE_SECONDS = 5, 30.0  # at the end of a run, where nothing may be lost


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Where a run writes, on this machine.

    Attributes:
        main: the run directory.
        publish, publish_soon, refresh, address: as in `vatt.train.context.RunContext`.
    """

    main: Path
    publish: Callable[[], None] = lambda: None
    publish_soon: Callable[[], None] = lambda: None
    refresh: Callable[[], None] = lambda: None
    address: str = ""


@contextlib.contextmanager
def run_folder(place: str, *, subfolder: str = "", writes: bool) -> Iterator[RunFolder]:
    """The run directory at a path or an address.

    Args:
        place: path or address.
        subfolder: the part that this process writes to, where that is not all.
        writes: whether it writes; then it alone does.

    Raises:
        RunError: another process does.
    """
    text = plain(place)
    if not is_address(text):
        yield RunFolder(Path(text).expanduser().absolute())
        return
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder(name="run"))
        main = Mirror(text, folder, skips=(f"{subfolder}/",) if subfolder else ())
        if not writes:
            main.pull()
            yield RunFolder(folder, refresh=main.pull, address=text.rstrip("/"))
            return
        own = main
        if subfolder:
            (folder / subfolder).mkdir()
            own = Mirror(f"{text.rstrip('/')}/{subfolder}", folder / subfolder)
            main.pull()
        try:
            held = stack.enter_context(alone(open_store(own.address), "a run"))
        except LockedError as error:
            raise RunError(str(error)) from error
        own.pull()
        _log.info("Run directory: %s, in this machine's %s", text, folder)
        sending = stack.enter_context(_Sending(own, held))
        refresh = main.pull if subfolder else lambda: None
        yield RunFolder(
            folder,
            publish=sending.now,
            publish_soon=sending.soon,
            refresh=refresh,
            address=own.address.rstrip("/"),
        )


class _Sending:
    """Sends a mirror's changes while a run goes on, and all of them at its end."""

    def __init__(self, mirror: Mirror, held: Held):
        self._mirror, self._held = mirror, held
        self._ended, self._lost, self._due = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._send_regularly, daemon=True)

    def __enter__(self) -> "_Sending":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._due.set()
        self._thread.join()
        for left in reversed(range(_LAST_ATTEMPTS)):
            try:
                return self._send()
            except LockedError as error:
                raise RunError(str(error)) from error
            except StoreError as error:
                if not left:
                    raise RunError(
                        f"The end of the run must be sent to {self._mirror.address}. Received: {error}. Run "
                        "the same command again: it resumes from what was sent before."
                    ) from error
                _log.warning("%s; trying again in %.0f s", error, _LAST_PAUSE_SECONDS)
                time.sleep(_LAST_PAUSE_SECONDS)

    def now(self) -> None:
        """Sends what changed; an outage is reported and left to the next time."""
        try:
            if not self._lost.is_set():
                return self._send()
        except LockedError:
            self._lost.set()
        except StoreError as error:
            return _log.warning("Not sent yet: %s", error)
        raise RunError(
            f"One run at a time may use a run directory. Another process writes to {self._mirror.address} "
            "now; this one stops. Let the other one run, or choose another --model_dir."
        )

    def soon(self) -> None:
        """Lets the thread send what changed, and does not wait for it."""
        self._due.set()

    def _send(self) -> None:
        self._held.check()
        self._mirror.push()

    def _send_regularly(self) -> None:
        while True:
            self._due.wait(_INTERVAL_SECONDS)
            self._due.clear()
            if self._ended.is_set():
                return
            with contextlib.suppress(RunError):  # the next `now` says it where the run can end
                self.now()
