"""A folder of small videos and audio, good and bad, and the command line on it."""

import argparse
import contextlib

from tests.prepare.media_maker import make_media
from tests.toy_embedder import colour, tone


def parsed(module, *words):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def run(module, *words):
    return module.main(parsed(module, *words))


def make_folder(folder):
    """red.mp4 (images and audio), green.avi (images), blue.wav (audio), bad files and a note."""
    folder.mkdir(parents=True, exist_ok=True)
    make_media(folder / "red.mp4", pictures=colour("red", 12), sound=tone("red", 1.2))
    make_media(folder / "green.avi", pictures=colour("green", 4))
    make_media(folder / "blue.wav", sound=tone("blue", 0.8), audio_codec="pcm_s16le")
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no film")
    (folder / "notes.txt").write_text("not looked at")
    return folder


@contextlib.contextmanager
def killed_after(monkeypatch, module, name, calls):
    """The function `name` of a module works that many times; then the job stops as if it were killed."""
    left = [calls]
    original = getattr(module, name)

    def stops(*arguments, **named):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return original(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, stops)
        yield
