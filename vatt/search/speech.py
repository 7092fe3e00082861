"""Engines that hear words in speech: pocketsphinx with its own model of English, Vosk and faster-whisper with
a model that is given.
"""

import importlib
import importlib.metadata
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vatt.files.json_file import parse_json
from vatt.prepare.captions import Caption

RATE_HZ = 16_000
_LONGEST_SECONDS = 30.0  # of speech without a pause, of what is made one caption
_PIECE_SECONDS = 600.0  # that Whisper takes at once
Blocks = Iterable[np.ndarray]  # int16 [S] at `RATE_HZ`, one after the other


class Recogniser(Protocol):
    """An engine with its model."""

    @property
    def name(self) -> str:
        """Engine, version and model: it changes where what is heard may."""
        ...

    def hear(self, blocks: Blocks) -> Iterator[Caption]:
        """What is said, in order: seconds from the first sample on, and words."""
        ...


class Pocketsphinx:
    """CMU PocketSphinx; its package has a model of American English."""

    def __init__(self, model: Path | None):
        if model is not None:
            raise ValueError(
                f"pocketsphinx hears with the model of its package. Received: --speech_model {model}. Leave "
                "it out, or choose vosk or faster-whisper."
            )
        self._engine = _imported("pocketsphinx", "pocketsphinx")
        self._decoder = self._engine.Decoder(samprate=RATE_HZ, loglevel="FATAL")
        self.name = _named("pocketsphinx", None)

    def hear(self, blocks: Blocks) -> Iterator[Caption]:
        """See `Recogniser`."""
        endpointer = self._engine.Endpointer(sample_rate=RATE_HZ)
        start, waiting = None, b""
        # Silence ends what is being said.
        for block in itertools.chain(blocks, [np.zeros(RATE_HZ, np.int16)]):
            waiting += block.tobytes()
            size = endpointer.frame_bytes
            for first in range(0, len(waiting) - size + 1, size):
                speech = endpointer.process(waiting[first : first + size])
                if speech is None:
                    continue
                if start is None:
                    start, end = endpointer.speech_start, endpointer.speech_start
                    self._decoder.start_utt()
                self._decoder.process_raw(speech)
                end += len(speech) / 2 / RATE_HZ
                if not endpointer.in_speech or end - start >= _LONGEST_SECONDS:
                    self._decoder.end_utt()
                    if (heard := self._decoder.hyp()) is not None and heard.hypstr:
                        yield start, end, heard.hypstr
                    start = end if endpointer.in_speech else None
                    if start is not None:
                        self._decoder.start_utt()
            waiting = waiting[len(waiting) // size * size :]


class Vosk:
    """Vosk (Kaldi), with a folder that has one of its models."""

    def __init__(self, model: Path | None):
        self._engine = _imported("vosk", "vosk")
        self._engine.SetLogLevel(-1)
        self._model = _opened("vosk", model, lambda path: self._engine.Model(path))
        self.name = _named("vosk", model)

    def hear(self, blocks: Blocks) -> Iterator[Caption]:
        """See `Recogniser`."""
        recogniser = self._engine.KaldiRecognizer(self._model, RATE_HZ)
        recogniser.SetWords(True)
        for block in blocks:
            # As little at a time as it looks for pauses in.
            for first in range(0, len(block), RATE_HZ // 4):
                if recogniser.AcceptWaveform(block[first : first + RATE_HZ // 4].tobytes()):
                    yield from self._captions(recogniser.Result())
        yield from self._captions(recogniser.FinalResult())

    @staticmethod
    def _captions(result: str) -> Iterator[Caption]:
        words = parse_json(result, "what Vosk has heard").get("result", [])
        if words:
            yield words[0]["start"], words[-1]["end"], " ".join(word["word"] for word in words)


class FasterWhisper:
    """faster-whisper (CTranslate2), with a folder that has one of its models; nothing is downloaded."""

    def __init__(self, model: Path | None):
        engine = _imported("faster_whisper", "faster-whisper")
        self._model = _opened(
            "faster-whisper", model, lambda path: engine.WhisperModel(path, local_files_only=True)
        )
        self.name = _named("faster-whisper", model)

    def hear(self, blocks: Blocks) -> Iterator[Caption]:
        """See `Recogniser`."""
        for start, samples in _pieces(blocks):
            segments, _ = self._model.transcribe(samples.astype(np.float32) / 32_768)
            for segment in segments:
                if words := segment.text.strip():
                    yield start + segment.start, start + segment.end, words


ENGINES: dict[str, Callable[[Path | None], Recogniser]] = {
    "pocketsphinx": Pocketsphinx,
    "vosk": Vosk,
    "faster-whisper": FasterWhisper,
}


def _pieces(blocks: Blocks) -> Iterator[tuple[float, np.ndarray]]:
    """(start in seconds, samples) of pieces that end where their last minute is quietest."""
    kept, start, size = np.zeros(0, np.int16), 0, round(_PIECE_SECONDS * RATE_HZ)
    for block in blocks:
        kept = np.concatenate([kept, block])
        while len(kept) >= size:
            last = kept[size - 60 * RATE_HZ : size].astype(np.float32).reshape(-1, RATE_HZ // 10)
            quiet = int(np.square(last).mean(axis=1).argmin())
            end = size - 60 * RATE_HZ + quiet * (RATE_HZ // 10) + RATE_HZ // 20
            yield start / RATE_HZ, kept[:end]
            kept, start = kept[end:], start + end
    if len(kept):
        yield start / RATE_HZ, kept


def _imported(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ValueError(
            f"`--transcribe {package}` needs the package {package}. Received: an environment without it. "
            f"Install it: pip install {package}."
        ) from None


def _opened(engine: str, model: Path | None, open_model: Callable[[str], Any]) -> Any:
    if model is None or not model.is_dir():
        raise ValueError(
            f"{engine} hears with a model that is given. Received: {model or 'none'}. Name its folder: "
            "--speech_model DIR."
        )
    try:
        return open_model(str(model))
    except Exception as error:  # the engines' own, of any kind
        raise ValueError(
            f"--speech_model must be a model of {engine}. Received: {model}, which it can not open: {error}"
        ) from error


def _named(package: str, model: Path | None) -> str:
    name = f"{package} {importlib.metadata.version(package)}"
    return name if model is None else f"{name} {model.resolve().name}"
