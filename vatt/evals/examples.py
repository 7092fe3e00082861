"""Retrieved examples to look at: a few queries, right and wrong, with frames of what they found.

While the clips pass by, `ClipPreviews` keeps a strip of frames (a few kilobytes of JPEG) and the outline of
the audio of each; the clips themselves are never kept.
"""

import base64

import numpy as np
import tensorflow as tf

from vatt import spec
from vatt.evals.directions import RankedDirection
from vatt.evals.embedding import EmbeddedClips
from vatt.metrics.retrieval import score_blocks
from vatt.protocols import Batch

FRAMES = 4  # side by side: enough to see an action
FRAME_PIXELS = 80  # height of the strip
GAP_PIXELS = 2  # between frames, else two frames of one background look like one wide image
GAP_GREY = 128
JPEG_QUALITY = 80
ENVELOPE_BARS = 64
RETRIEVED = 5


class ClipPreviews:
    """Collects strips and waveforms; pass it to `embed_clips` as `watch`."""

    def __init__(self):
        self.strips: list[bytes] = []  # JPEG; b"" where the clip has no video
        # float16 [ENVELOPE_BARS] in [0, 1]; empty where it has no audio
        self.envelopes: list[np.ndarray] = []

    def __call__(self, batch: Batch, kept: np.ndarray) -> None:
        if not len(kept):
            return
        self.strips += _strips(batch, kept)
        self.envelopes += _envelopes(batch, kept)


def _strips(batch: Batch, kept: np.ndarray) -> list[bytes]:
    if spec.VIDEO not in batch:
        return [b""] * len(kept)
    video = np.asarray(batch[spec.VIDEO])  # uint8 [B, T, H, W, 3]
    frames, height, width = video.shape[1:4]
    moments = np.linspace(0, frames - 1, min(FRAMES, frames)).round().astype(np.int64)
    chosen = video[np.ix_(kept, moments)]
    scale = min(1.0, FRAME_PIXELS / height)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    flat = tf.reshape(chosen, (-1, height, width, 3))
    small = tf.cast(tf.round(tf.image.resize(flat, size, method="area")), tf.uint8)
    small = tf.reshape(small, (len(kept), len(moments), *size, 3))
    spaced = tf.pad(small, ((0, 0),) * 3 + ((0, GAP_PIXELS), (0, 0)), constant_values=GAP_GREY)
    side_by_side = tf.reshape(tf.transpose(spaced, (0, 2, 1, 3, 4)), (len(kept), size[0], -1, 3))
    side_by_side = side_by_side[:, :, :-GAP_PIXELS]
    present = np.asarray(batch[spec.VIDEO_MASK])[kept] > 0
    return [
        tf.io.encode_jpeg(strip, quality=JPEG_QUALITY, optimize_size=True).numpy() if seen else b""
        for strip, seen in zip(side_by_side.numpy(), present, strict=True)
    ]


def _envelopes(batch: Batch, kept: np.ndarray) -> list[np.ndarray]:
    nothing = np.zeros(0, np.float16)
    if spec.AUDIO not in batch:
        return [nothing] * len(kept)
    audio, present = np.abs(np.asarray(batch[spec.AUDIO])), np.asarray(batch[spec.AUDIO_MASK]) > 0
    starts = np.linspace(0, audio.shape[1], ENVELOPE_BARS, endpoint=False).astype(np.int64)
    peaks = np.maximum.reduceat(audio, starts, axis=1).astype(np.float16)
    return [peaks[row] if present[row] else nothing for row in kept]


def pick_queries(ranks: np.ndarray, owners: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Up to `count` query rows, half of them right at rank 1 where there are as many, in the order of the
    set.

    Args:
        ranks: int [Q], rank of the first right item.
        owners: int [Q], the clip of each query; only a clip's first query is considered.
        count: queries wanted.
        seed: of the choice.
    """
    _, first = np.unique(owners, return_index=True)
    drawn = np.random.default_rng(seed).permutation(first)
    right, wrong = drawn[ranks[drawn] == 1], drawn[ranks[drawn] != 1]
    half = min(len(right), max(count - len(wrong), (count + 1) // 2))
    return np.sort(np.concatenate([right[:half], wrong[: count - half]]))


def describe_queries(
    queries: np.ndarray, *, ranked: RankedDirection, embedded: EmbeddedClips, previews: ClipPreviews
) -> list[dict]:
    """What each of the chosen queries found, best first, as plain values for a report.

    Args:
        queries: rows of the query side.
        ranked: their direction.
        embedded: the whole set.
        frames: strips of the whole set.
    """
    described = []
    gallery_groups = ranked.group_ids[ranked.gallery.owners]
    for query in queries:
        clip = int(ranked.queries.owners[query])
        asking = ranked.queries.vectors[query : query + 1]
        _, scores = next(score_blocks(asking, ranked.gallery.vectors, normalise=ranked.normalise))
        hits = gallery_groups == ranked.group_ids[clip]
        order = np.lexsort((hits, -scores[0]))[:RETRIEVED]  # among equal scores the wrong one first
        described.append(
            {
                "direction": ranked.direction.name,
                "clip": clip,
                "caption": embedded.captions[clip],
                "rank": int(ranked.ranks[query]),
                "envelope": [round(float(peak), 3) for peak in previews.envelopes[clip]],
                "retrieved": [
                    {
                        "clip": int(ranked.gallery.owners[item]),
                        "score": round(float(scores[0, item]), 4),
                        "hit": bool(hits[item]),
                    }
                    for item in order
                ],
            }
        )
    return described


def describe_clips(
    queries: list[dict], *, embedded: EmbeddedClips, previews: ClipPreviews
) -> dict[str, dict]:
    """Id, group, caption and strip of every clip that occurs in `queries`, once each, by its number."""
    shown = {query["clip"] for query in queries}
    shown |= {item["clip"] for query in queries for item in query["retrieved"]}
    return {
        str(clip): {
            "id": embedded.clip_ids[clip],
            "group": embedded.groups[clip],
            "caption": embedded.captions[clip],
            "jpeg_base64": base64.b64encode(previews.strips[clip]).decode("ascii"),
        }
        for clip in sorted(shown)
    }
