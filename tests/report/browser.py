"""A browser that looks at a report.

with Browser() as browser:
    browser.open(path, width=360, dark=True)
    browser.evaluate("document.documentElement.scrollWidth")
"""

import base64
from pathlib import Path

from tests.chromium import Chromium

_HEIGHT = 800


class Browser(Chromium):
    """See `Chromium`.

    Attributes:
        complaints: texts of the console, of exceptions and of what the page was not allowed to load.
        requests: addresses of all that was asked for, "data:" left out.
    """

    flags = ("--hide-scrollbars",)

    def __init__(self):
        super().__init__()
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def open(self, path, *, width: int = 1120, dark: bool = False) -> None:
        """Loads a file in a window of that many CSS pixels, and forgets what was said before."""
        self.complaints, self.requests = [], []
        scheme = "dark" if dark else "light"
        address = Path(path).resolve().as_uri()
        self.show(address, width=width, height=_HEIGHT, scheme=scheme, phone_below=500)

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

    def note(self, event: str, told: dict) -> None:
        if event == "Runtime.consoleAPICalled":
            self.complaints.append(f"console: {told['args']}")
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {told['exceptionDetails']['text']}")
        elif event == "Log.entryAdded":
            self.complaints.append(f"log: {told['entry']['text']}")
        elif event == "Network.requestWillBeSent" and not told["request"]["url"].startswith("data:"):
            self.requests.append(told["request"]["url"])
