"""Where a model looks and listens: attention roll-out over frames, waveform and words of single clips."""

import base64
import io
from typing import Any

import gin
import numpy as np
from PIL import Image
from scipy.stats import spearmanr

from vatt import spec
from vatt.analyses.energy import loudness, movement, outline
from vatt.analyses.watch import CHECK_SPLIT, WatchingEvaluator, modalities_read
from vatt.evals.inference import encoded_batches
from vatt.models import intermediates
from vatt.protocols import Dataset, Model

_SHOWN_FRAMES = 8  # of a clip at most, one for each step of the token grid
_FRAME_PIXELS = 96
_JPEG_QUALITY = 85
_OUTLINE_BARS = 240


@gin.register
class AttentionMap(WatchingEvaluator):
    """Attention roll-out (Abnar and Zuidema 2020) from AGG to the tokens of each modality.

    Each block passes half of what a token has by its residual connection and half by the mean of its heads;
    the product over all blocks says which share of AGG's output comes from which input token. It follows the
    attention alone: what values, feed-forward networks and norms do is not in it. Views of a record are clips
    of their own here.

    Args:
        name: prefix of the metrics, name of the file in the report.
        dataset: gives `eval_batches` and `eval_size`.
        batch_size: clips per call of the model; each takes N² numbers for each head of one block.
        clips: drawn at random, which the numbers are of.
        shown: of these, kept for the report.
        seed: of the choice.
    """

    watches = (intermediates.roll_outs,)

    def __init__(
        self,
        *,
        name: str,
        dataset: Dataset,
        batch_size: int = 4,
        clips: int = 100,
        shown: int = 6,
        seed: int = 0,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size, clips=clips, seed=seed)
        if shown < 0:
            raise ValueError(f"`shown` must be at least 0. Received: shown={shown}.")
        self.shown = shown

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name, means over clips: `NAME/video/entropy` of the shares as a part of the most there
        could be, 1 being all tokens alike; `NAME/video/peak`, the largest share as a multiple of an even one;
        and Spearman's correlation of the shares with what happens there: `NAME/video/movement_correlation`
        and `NAME/audio/loudness_correlation`. Clips in which nothing moves, or nothing is louder than the
        rest, have none and are left out of that mean.
        """
        self.check(model)
        values: dict[str, list[float]] = {}
        counts: dict[str, int] = {}
        random, shown, clips = np.random.default_rng(self.seed), [], 0
        for clip_id, caption, parts in self._followed(model):
            clips += 1
            for modality, part in parts.items():
                counts[modality] = counts.get(modality, 0) + 1
                for key, value in part.pop("figures").items():
                    values.setdefault(f"{modality}/{key}", []).append(value)
            if parts:  # of all clips so far, those with the smallest draws stay
                shown.append((random.random(), clips, {"id": clip_id, "caption": caption, **parts}))
                shown = sorted(shown, key=lambda each: each[0])[: self.shown]
        if not counts:
            rule = f"Attention is followed in clips with {' or '.join(modalities_read(model))}."
            raise self._refused(rule, clips, None, CHECK_SPLIT)
        figures = {key: float(np.mean(found)) for key, found in values.items()}
        settings = {
            "roll_out": "mean of the heads, half residual, product over blocks, row of AGG",
        }
        self._artifact = {
            "kind": "attention_map",
            "clips": clips,
            "clips_with": counts,
            "figures": figures,
            "shown": [each for _, _, each in sorted(shown, key=lambda each: each[1])],
            "protocol": self._card(model, settings),
        }
        return self._named(figures | {"clips": clips} | {f"{m}/clips": n for m, n in counts.items()})

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        figures = artifact["figures"]
        correlations = ("movement_correlation", "loudness_correlation")
        keys = {"entropy": ("entropy",), "peak": ("peak",), "correlation": correlations}
        rows = []
        for modality in artifact["clips_with"]:
            found = [
                next((figures[f"{modality}/{key}"] for key in names if f"{modality}/{key}" in figures), None)
                for names in keys.values()
            ]
            rows.append([modality, *("–" if value is None else f"{value:.3f}" for value in found)])
        return (
            f"{self.name}: attention roll-out of {artifact['clips']} clips; correlation of video with "
            "movement, of audio with loudness",
            ["", *keys],
            rows,
        )

    def _followed(self, model: Model):
        """(id, caption, modality -> what is known of it) of each clip; "figures" holds its numbers."""
        encode = self._encoder(model, [f"{each}/{intermediates.ROLL_OUT}" for each in modalities_read(model)])
        for one in encoded_batches(encode, self.dataset, batch_size=self.batch_size):
            parts: list[dict] = [{} for _ in one.kept]
            for name, shares in one.outputs.items():
                modality = name.split("/")[0]
                signals = np.asarray(one.inputs[modality])
                grid = intermediates.token_grid(model, modality, signals.shape)
                for share, row, place in zip(shares, one.taken[modality], one.owners[modality], strict=True):
                    parts[place][modality] = _DESCRIBE[modality](signals[row], share, grid, self.dataset)
            yield from zip(one.texts(spec.CLIP_ID), one.texts(spec.CAPTION), parts, strict=True)


def _concentration(shares: np.ndarray) -> dict[str, float]:
    """Entropy and peak of shares [N], which sum to 1."""
    shares = shares.astype(np.float64)
    positive = shares[shares > 0]
    most = np.log(len(shares)) or 1.0
    entropy = float(-(positive * np.log(positive)).sum() / most)
    return {"entropy": entropy, "peak": float(shares.max() * len(shares))}


def _correlation(name: str, shares: np.ndarray, happening: np.ndarray) -> dict[str, float]:
    """Spearman's, by name; nothing where one of them is the same everywhere, or they have other places."""
    if shares.shape != happening.shape or np.ptp(shares) == 0 or np.ptp(happening) == 0:
        return {}
    return {name: float(spearmanr(shares.ravel(), happening.ravel()).statistic)}


def _relative(shares: np.ndarray, rows: Any = slice(None)) -> list:
    """Shares as multiples of an even one, as plain values; of the chosen rows."""
    return np.round(shares[rows].astype(np.float64) * shares.size, 3).tolist()


def _of_video(video: np.ndarray, shares: np.ndarray, grid, dataset) -> dict:
    """One clip's roll-out over its frames, uint8 [T, H, W, 3]."""
    shares = shares.reshape(grid)
    steps, rows, columns = (min(count, size) for count, size in zip(grid, video.shape[:3], strict=True))
    moved = movement(video, (steps, rows, columns))
    figures = _concentration(shares.ravel()) | _correlation("movement_correlation", shares, moved)
    steps = np.unique(np.linspace(0, grid[0] - 1, min(_SHOWN_FRAMES, grid[0])).round().astype(np.int64))
    middles = np.minimum(((steps + 0.5) * len(video) / grid[0]).astype(np.int64), len(video) - 1)
    scale = min(1.0, _FRAME_PIXELS / video.shape[1])
    width, height = (max(1, round(length * scale)) for length in (video.shape[2], video.shape[1]))
    size = width, height
    frames = [_jpeg(Image.fromarray(video[frame]).resize(size, Image.Resampling.BOX)) for frame in middles]
    return {
        "figures": figures,
        "frames_jpeg_base64": frames,
        "frame_size": list(size),
        "shares": _relative(shares, steps),
    }


def _of_audio(audio: np.ndarray, shares: np.ndarray, grid, dataset) -> dict:
    """One clip's roll-out over its waveform, float32 [S]; a spectrogram's frequencies are summed."""
    audio = audio.reshape(-1)
    over_time = shares.reshape(grid[0], -1).sum(axis=1)
    loud = loudness(audio, min(grid[0], len(audio)))
    bars = min(_OUTLINE_BARS, len(audio))
    return {
        "figures": _concentration(shares) | _correlation("loudness_correlation", over_time, loud),
        "outline": np.round(outline(audio, bars), 3).tolist(),
        "shares": _relative(over_time),
    }


def _of_text(ids: np.ndarray, shares: np.ndarray, grid, dataset) -> dict:
    """One caption's roll-out over its words, int32 [L]."""
    count = int(np.count_nonzero(ids != spec.PADDING_ID))
    names = dataset.info.tokenizer and dataset.info.tokenizer.words
    kept = shares[:count]
    return {
        "figures": _concentration(kept) if count else {},
        "words": [str(names[each]) if names else str(each) for each in ids[:count].tolist()],
        "shares": _relative(kept),
    }


_DESCRIBE = {spec.VIDEO: _of_video, spec.AUDIO: _of_audio, spec.TEXT: _of_text}


def _jpeg(image: Image.Image) -> str:
    held = io.BytesIO()
    image.save(held, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return base64.b64encode(held.getvalue()).decode("ascii")
