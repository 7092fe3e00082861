"""Takes the screenshot of a report for the README: summary, retrieval and the first of what was found.

python -m tests.report.screenshot runs/pretrain docs/images/report.png
"""

import argparse
import io
from pathlib import Path

from PIL import Image

from tests.chromium import find_browser
from tests.report.browser import Browser
from vatt.report.page import write_report

_WIDTH = 960  # CSS pixels
_SCALE = 1.4
_CARDS = 3  # of the gallery
_COLOURS = 255  # of the palette: a third of the bytes, without a visible difference


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="run directory of experiments/pretrain.gin")
    parser.add_argument("image", type=Path, help="PNG to write")
    arguments = parser.parse_args()
    if find_browser() is None:
        parser.error("a picture needs Chromium or Chrome: install one")
    page = write_report(arguments.run, arguments.image.with_suffix(".html"))
    try:
        with Browser() as browser:
            browser.open(page, width=_WIDTH)
            end = browser.evaluate(
                f"document.querySelectorAll('.card')[{_CARDS - 1}].getBoundingClientRect().bottom"
            )
            clip = {"x": 0, "y": 0, "width": _WIDTH, "height": end + 8}
            browser.screenshot(arguments.image, clip=clip, scale=_SCALE)
    finally:
        page.unlink()
    picture = Image.open(io.BytesIO(arguments.image.read_bytes())).convert("RGB")
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(arguments.image, optimize=True)
    print(f"{arguments.image}: {arguments.image.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
