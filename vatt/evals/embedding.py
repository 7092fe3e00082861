"""Clips through a model, once: the embeddings of a whole evaluation set, and who owns them.

Only embeddings stay in memory. A clip that lacks a modality has no row there, instead of a row that must be
remembered to be ignored: `owners` says which clip each row belongs to, and rows of padding never arrive.
"""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from vatt import spec
from vatt.protocols import Batch, Dataset, Model

CAPTION_CHOICES = ("first", "all")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddedClips:
    """The embeddings of N clips.

    Args:
        clip_ids: N ids, "media_id@start_seconds".
        groups: N group names, "" for none.
        captions: N first captions as written, "" for none.
        owners: modality -> int64 [M], the clip of each embedding, ascending; clips without it do not occur.
        vectors: "modality/space" -> float32 [M, D], before normalisation, finite.
    """

    clip_ids: Sequence[str]
    groups: Sequence[str]
    captions: Sequence[str]
    owners: dict[str, np.ndarray]
    vectors: dict[str, np.ndarray]


def compiled_encoder(model: Model, outputs: Sequence[str]) -> Callable[[Batch], Batch]:
    """The inference call: uint8 video scaled to [-1, 1] on the device, of the outputs only the named ones.

    One graph per encoder, so keep it between evaluations. On other Keras backends the call stays eager.
    """

    def encode(inputs: Batch) -> Batch:
        inputs = dict(inputs)
        if spec.VIDEO in inputs:
            inputs[spec.VIDEO] = ops.cast(inputs[spec.VIDEO], "float32") / 127.5 - 1.0
        made = model(inputs, training=False)
        return {name: ops.cast(made[name], "float32") for name in outputs if name in made}

    return tf.function(encode) if keras.config.backend() == "tensorflow" else encode


def embed_clips(
    encode: Callable[[Batch], Batch],
    dataset: Dataset,
    *,
    batch_size: int,
    captions: str = "first",
    watch: Callable[[Batch, np.ndarray], None] | None = None,
) -> EmbeddedClips:
    """Runs every clip of a dataset through an encoder.

    Args:
        encode: from `compiled_encoder`; inputs as in a batch, text int32 [B', L].
        dataset: gives `eval_batches`.
        batch_size: clips per call.
        captions: "first" embeds the first caption a clip has, "all" every one of its up to K.
        watch: called with each batch and the indices of its valid rows, for whoever wants pictures of the
            clips.
    """
    if captions not in CAPTION_CHOICES:
        raise ValueError(f"`captions` must be one of {CAPTION_CHOICES}. Received: captions={captions!r}.")
    clip_ids, groups, written = [], [], []
    owners: dict[str, list[np.ndarray]] = {}
    vectors: dict[str, list[np.ndarray]] = {}
    for batch in dataset.eval_batches(batch_size=batch_size):
        kept = np.flatnonzero(np.asarray(batch[spec.VALID]) > 0)
        inputs, owner_rows = _inputs(batch, every_caption=captions == "all")
        rows = {modality: np.flatnonzero(np.isin(owner, kept)) for modality, owner in owner_rows.items()}
        clip_numbers = np.full(len(batch[spec.VALID]), -1)
        clip_numbers[kept] = len(clip_ids) + np.arange(len(kept))
        for modality, chosen in rows.items():
            owners.setdefault(modality, []).append(clip_numbers[owner_rows[modality][chosen]])
        names = _strings(batch[spec.CLIP_ID], kept)
        for name, values in encode(inputs).items():
            modality = name.split("/")[0]
            made = np.asarray(ops.convert_to_numpy(values))[rows[modality]]
            _refuse_broken(made, name, names, owners[modality][-1] - len(clip_ids))
            vectors.setdefault(name, []).append(made)
        clip_ids += names
        groups += _strings(batch[spec.GROUP], kept)
        written += _strings(batch[spec.CAPTION], kept) if spec.CAPTION in batch else [""] * len(kept)
        if watch is not None:
            watch(batch, kept)
    if not clip_ids:
        raise ValueError(
            f"An evaluation needs at least one clip. Received: none from dataset {dataset.name!r}. "
            "Check its evaluation split."
        )
    return EmbeddedClips(
        clip_ids=clip_ids,
        groups=groups,
        captions=written,
        owners={modality: np.concatenate(parts) for modality, parts in owners.items()},
        vectors={name: np.concatenate(parts) for name, parts in vectors.items()},
    )


def _inputs(batch: Batch, *, every_caption: bool) -> tuple[Batch, dict[str, np.ndarray]]:
    """Model inputs, and for each modality the batch row that each input row belongs to (-1: masked out)."""
    inputs, owners = {}, {}
    for modality, mask in ((spec.VIDEO, spec.VIDEO_MASK), (spec.AUDIO, spec.AUDIO_MASK)):
        if modality in batch:
            inputs[modality] = batch[modality]
            present = np.asarray(batch[mask]) > 0
            owners[modality] = np.where(present, np.arange(len(present)), -1)
    if spec.TEXT in batch:
        text, present = np.asarray(batch[spec.TEXT]), np.asarray(batch[spec.TEXT_MASK]) > 0
        rows = np.arange(len(text))
        if every_caption:
            inputs[spec.TEXT] = text.reshape(-1, text.shape[-1])
            owners[spec.TEXT] = np.where(present, rows[:, None], -1).reshape(-1)
        else:
            inputs[spec.TEXT] = text[rows, present.argmax(axis=1)]
            owners[spec.TEXT] = np.where(present.any(axis=1), rows, -1)
    return inputs, owners


def _strings(values, rows: np.ndarray) -> list[str]:
    return [value.decode("utf-8", errors="replace") for value in np.asarray(values)[rows]]


def _refuse_broken(vectors: np.ndarray, name: str, clip_ids: Sequence[str], owners: np.ndarray) -> None:
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if broken.size:
        raise ValueError(
            f"Embeddings must be finite. Received: NaN or infinity in {name!r} of clip "
            f"{clip_ids[owners[broken[0]]]!r}. Either its content or the weights are broken; "
            "look at `loss` and `gradient_norm` in the journal."
        )
