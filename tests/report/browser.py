"""A headless Chromium, driven over its own debugging protocol through a pipe: no driver, no port, no package.

with Browser() as browser:
    browser.open(path, width=360, dark=True)
    browser.value("document.documentElement.scrollWidth")
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_HEIGHT = 800
_SECONDS = 60.0
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)


def find_browser() -> str | None:
    """Path of a Chromium or Chrome on this machine."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser; a context manager.

    Attributes:
        complaints: texts of the console, of exceptions and of what the page was not allowed to load.
        requests: addresses of all that was asked for, "data:" left out.
    """

    def __init__(self):
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._number, self._rest, self._answers = 0, b"", {}

    def __enter__(self):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, from_browser = _pipe(), _pipe()

        def take_ends():  # the protocol reads from file descriptor 3 and writes to 4
            os.dup2(to_browser[0], 3)
            os.dup2(from_browser[1], 4)

        self._process = subprocess.Popen(
            [find_browser(), *_FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
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

    def open(self, path, *, width: int = 1120, dark: bool = False) -> None:
        """Loads a file in a window of so many CSS pixels, and forgets what was said before."""
        self.complaints, self.requests = [], []
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=_HEIGHT,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=Path(path).resolve().as_uri())
        self._until(
            lambda: (
                self.value("document.readyState") == "complete" and self.value("location.protocol") == "file:"
            )
        )

    def value(self, expression: str):
        """What a JavaScript expression gives."""
        made = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in made:
            raise ValueError(f"{expression}: {made['exceptionDetails']}")
        return made["result"].get("value")

    def screenshot(self, path, *, clip: dict | None = None, scale: float = 1.0) -> None:
        """A PNG of the whole page, or of a part {"x", "y", "width", "height"} of it, in CSS pixels."""
        if clip is None:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16000)}
        made = self.call("Page.captureScreenshot", clip=clip | {"scale": scale}, captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(made["data"]))

    def pdf(self) -> bytes:
        """The page as printed on A4."""
        made = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True)
        return base64.b64decode(made["data"])

    def call(self, method: str, **parameters) -> dict:
        """One command of the protocol and its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        self._until(lambda: self._number in self._answers or not self._hear())
        answer = self._answers.pop(self._number)
        if "error" in answer:
            raise ValueError(f"{method}: {answer['error']}")
        return answer["result"]

    def _until(self, is_done) -> None:
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
                    self._note(message["method"], message["params"])
        return True

    def _note(self, event: str, told: dict) -> None:
        if event == "Runtime.consoleAPICalled":
            self.complaints.append(f"console: {told['args']}")
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {told['exceptionDetails']['text']}")
        elif event == "Log.entryAdded":
            self.complaints.append(f"log: {told['entry']['text']}")
        elif event == "Network.requestWillBeSent" and not told["request"]["url"].startswith("data:"):
            self.requests.append(told["request"]["url"])


def _pipe() -> tuple[int, int]:
    """Both ends of a pipe, away from 3 and 4."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved
