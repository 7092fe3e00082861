"""A headless Chromium, driven over its debugging protocol through a pipe: no driver, no port, no package.

Playwright does this and much more. It is not used, because these tests need eight commands of the protocol,
and it would add a package with a Node.js of its own (130 MB installed) to what everybody installs for the
tests. It also vouches only for the Chromium that it downloads, while the tests drive the one that the system
has.
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 60.0
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-default-browser-check",
    "--no-first-run",
    "--remote-debugging-pipe",
)


def find_browser() -> str | None:
    """Path of a Chromium or Chrome on this machine."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One page of a browser; a context manager. A subclass has `note`, and `flags` of its own."""

    flags: tuple[str, ...] = ()

    def __init__(self):
        self._number, self._rest, self._answers = 0, b"", {}

    def note(self, event: str, told: dict) -> None:
        """Takes in what the browser says by itself; nothing of it is kept here."""

    def __enter__(self):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, from_browser = _pipe(), _pipe()

        def take_ends():  # the protocol reads from file descriptor 3 and writes to 4
            os.dup2(to_browser[0], 3)
            os.dup2(from_browser[1], 4)

        self._process = subprocess.Popen(
            [find_browser(), *_FLAGS, *self.flags, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,  # all others are closed on exec
            preexec_fn=take_ends,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        self._write, self._read = to_browser[1], from_browser[0]
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        try:
            self._session = None
            self.call("Browser.close")
        except (OSError, TimeoutError):
            self._process.kill()
        self._process.wait(_SECONDS)
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()

    def evaluate(self, expression: str):
        """What a JavaScript expression gives; a promise is waited for."""
        made = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in made:
            raise ValueError(f"{expression}: {made['exceptionDetails']}")
        return made["result"].get("value")

    def show(self, address: str, *, width: int, height: int, scheme: str, phone_below: int) -> None:
        """Loads a page in a window of that many CSS pixels, for somebody who likes it "light" or "dark"."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < phone_below,
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=address)
        self.until(
            lambda: self.evaluate("document.readyState === 'complete' && location.href !== 'about:blank'")
        )

    def call(self, method: str, **parameters) -> dict:
        """One command of the protocol and its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        self.until(lambda: self._number in self._answers or not self._hear())
        answer = self._answers.pop(self._number)
        if "error" in answer:
            raise ValueError(f"{method}: {answer['error']}")
        return answer["result"]

    def until(self, is_done) -> None:
        """Waits until something is so."""
        end = time.monotonic() + _SECONDS
        while not is_done():
            if time.monotonic() > end:
                raise TimeoutError(f"The browser did not answer within {_SECONDS:.0f} s.")

    def _hear(self) -> bool:
        """Takes in what the browser says, waiting a moment for it."""
        ready, _, _ = select.select([self._read], [], [], 0.5)
        if ready:
            data = os.read(self._read, 1 << 20)
            if not data:
                raise OSError("The browser ended.")
            *whole, self._rest = (self._rest + data).split(b"\0")
            for message in map(json.loads, whole):
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self.note(message["method"], message["params"])
        return True


def _pipe() -> tuple[int, int]:
    """Both ends of a pipe, away from 3 and 4."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved
