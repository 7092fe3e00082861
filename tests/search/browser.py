"""A browser that searches: types, drops files, plays."""

import base64

from tests.chromium import Chromium


class Browser(Chromium):
    """See `Chromium`.

    Attributes:
        requests: addresses that were asked for.
        errors: what the console said of faults.
    """

    flags = ("--mute-audio", "--autoplay-policy=no-user-gesture-required")

    def __init__(self):
        super().__init__()
        self.requests, self.errors = [], []

    def note(self, event, told):
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(told["exceptionDetails"]["text"])
        elif event == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def open(self, address, *, width=1200, height=900, scheme="light"):
        """Shows a page in a window of a size, to somebody who likes it light or dark."""
        self.show(address, width=width, height=height, scheme=scheme, phone_below=600)

    def wait(self, condition):
        """Waits until a script is true."""
        self.until(lambda: self.evaluate(f"Boolean({condition})"))

    def type(self, words, *, enter=True):
        """Types into what has the focus."""
        self.call("Input.insertText", text=words)
        if enter:
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
                          windowsVirtualKeyCode=13)  # fmt: skip

    def screenshot(self, path, *, whole=True):
        """A PNG of the page."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))
