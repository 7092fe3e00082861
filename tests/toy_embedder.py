"""A ten-line embedder with the manners of the real one: colours, tones and colour words meet in one space."""

import numpy as np

from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
TONES_HZ = {"red": 60.0, "green": 180.0, "blue": 400.0}
CLIP = ClipSpec(frames=4, frame_rate_hz=10.0, frame_size=8, sample_rate_hz=1000, words=4)


class ToyTokenizer:
    """Knows the colours, each with an id."""

    words = ("<pad>", "<unk>", *COLOURS)
    size = len(words)

    def encode(self, sentences, *, length):
        ids = [[self.words.index(w) if w in COLOURS else 1 for w in s.lower().split()] for s in sentences]
        return np.array([(row + [0] * length)[:length] for row in ids], np.int32)


class ToyEmbedder:
    """Red images, audio of 60 Hz and the word "red" have one direction, and so on."""

    modalities = (VIDEO, AUDIO, TEXT)
    tokenizer = ToyTokenizer()

    def __init__(self, *, clip=CLIP, fingerprint="toy"):
        self.clip, self.fingerprint = clip, fingerprint
        self.rows = 0  # that were embedded so far
        self.shapes = set()

    def embed_video(self, frames):
        assert frames.dtype == np.uint8 and frames.shape[1:] == (self.clip.frames, 8, 8, 3)
        self._count(frames)
        vectors = frames.mean(axis=(1, 2, 3), dtype=np.float64) / 255 + 0.01
        return {"video_audio": unit(vectors), "video_text": unit(vectors + 0.02)}

    def embed_audio(self, samples):
        assert samples.dtype == np.float32 and samples.shape[1:] == (self.clip.samples,)
        self._count(samples)
        power = np.abs(np.fft.rfft(samples.astype(np.float64), axis=1)) ** 2
        hertz = np.fft.rfftfreq(self.clip.samples, 1 / self.clip.sample_rate_hz)
        bands = [(hertz < 120), (hertz >= 120) & (hertz < 300), (hertz >= 300)]
        vectors = np.stack([power[:, band].sum(axis=1) for band in bands], axis=1)
        vectors = vectors / (vectors.max(axis=1, keepdims=True) + 1e-9) + 0.01
        return {"video_audio": unit(vectors), "video_text": unit(vectors + 0.02)}

    def embed_text(self, sentences):
        rows = []
        for sentence in sentences:
            known = [COLOURS[word] for word in sentence.lower().split()[: self.clip.words] if word in COLOURS]
            if not known:
                raise ValueError(f"A sentence must have at least one of the 3 words. Received: {sentence!r}.")
            rows.append(np.mean(known, axis=0) + 0.01)
        return {"video_text": unit(np.array(rows))}

    def _count(self, inputs):
        self.rows += len(inputs)
        self.shapes.add(inputs.shape)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def colour(name, frames, size=16):
    """uint8 [frames, size, size, 3]."""
    return np.broadcast_to(np.array(COLOURS[name], np.uint8) * 200 + 20, (frames, size, size, 3)).copy()


def tone(name, seconds, rate_hz=16_000):
    """int16 [S, 1]."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return (12_000 * np.sin(2 * np.pi * TONES_HZ[name] * times)).astype(np.int16)[:, None]
