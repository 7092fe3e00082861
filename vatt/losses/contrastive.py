"""NCE and MIL-NCE between modalities (paper Eq. 4–6), in three forms.

Every row is scored on the replica that holds it, against the rows of all replicas: the sum of the replicas'
shares is the loss of the global batch, and so is the sum of their gradients. Rows and candidates that do not
exist are taken out altogether, as positives and as negatives, so the loss is that of the batch without them,
however it is split.
"""

import gin
from keras import ops

from vatt.spec import AUDIO_MASK, EXAMPLE_INDEX, TEXT_MASK, VIDEO_MASK

FORMS = ("paper", "released", "symmetric")
_NEVER = -1e9  # the log of a term that is left out of a sum


@gin.register
class ContrastiveLoss:
    """loss = w_va · NCE(video, audio) + w_vt · MIL-NCE(video, text).

    Args:
        temperature: τ.
        video_audio_weight: weight of the video-audio loss.
        video_text_weight: λ of Eq. 6.
        form: "paper": Eq. 4–6, a positive counts once; the sum. "released": the positive counts twice, each
            replica averages over its own rows; the weighted mean of the two losses. "symmetric":
            cross-entropy in both directions, summed.
    """

    def __init__(self, *, temperature=0.07, video_audio_weight=1.0, video_text_weight=1.0, form="paper"):
        if form not in FORMS:
            raise ValueError(f"`form` must be one of {FORMS}. Received: form={form!r}.")
        if temperature <= 0:
            raise ValueError(f"`temperature` must be positive. Received: temperature={temperature}.")
        if video_audio_weight + video_text_weight <= 0 or min(video_audio_weight, video_text_weight) < 0:
            raise ValueError(
                "The weights must not be negative nor both zero. Received: "
                f"video_audio_weight={video_audio_weight}, video_text_weight={video_text_weight}."
            )
        self.temperature = temperature
        self.video_audio_weight = video_audio_weight
        self.video_text_weight = video_text_weight
        self.form = form

    def __call__(self, outputs, batch, gather=lambda rows: rows):
        """This replica's share of the loss and its parts.

        Args:
            outputs: "video/video_audio", "audio/video_audio" [B, d_va], "video/video_text" [B, d_vt] and
                "text/video_text" [B · K, d_vt], not normalised.
            batch: `example_index` [B]; `video_mask`, `audio_mask` [B], `text_mask` [B, K], each optional.
            gather: rows of this replica -> rows of all replicas, differentiable.

        Returns:
            dict of float32 scalars: "loss", "loss/video_audio", "loss/video_text", unweighted parts.
        """
        video = outputs["video/video_audio"]
        rows = ops.shape(video)[0]
        index = batch.get(EXAMPLE_INDEX)
        index = ops.arange(rows) if index is None else index
        ones = ops.ones((rows,), "float32")
        video_mask = batch.get(VIDEO_MASK, ones)
        audio_mask = batch.get(AUDIO_MASK, ones)
        text = outputs["text/video_text"]
        candidates = text.shape[0] // video.shape[0]
        text = ops.reshape(text, (-1, candidates, text.shape[-1]))
        text_mask = batch.get(TEXT_MASK)
        text_mask = ops.ones((rows, candidates), "float32") if text_mask is None else text_mask
        options = {"index": index, "temperature": self.temperature, "form": self.form, "gather": gather}
        video_audio = contrast(
            video, outputs["audio/video_audio"][:, None], video_mask, audio_mask[:, None], **options
        )
        video_text = contrast(outputs["video/video_text"], text, video_mask, text_mask, **options)
        total = self.video_audio_weight * video_audio + self.video_text_weight * video_text
        if self.form == "released":
            total = total / (self.video_audio_weight + self.video_text_weight)
        return {"loss": total, "loss/video_audio": video_audio, "loss/video_text": video_text}


def contrast(
    left,
    right,
    left_mask=None,
    right_mask=None,
    *,
    index=None,
    temperature=0.07,
    form="paper",
    gather=lambda x: x,
):
    """This replica's share of (MIL-)NCE between clips and their candidates.

    Args:
        left: float [B, D], one row per clip.
        right: float [B, K, D], its candidates (K = 1 for sound).
        left_mask: [B], 0 for a clip to leave out; right_mask: [B, K], 0 for a candidate to leave out.
        index: int [B], a number of its own for every row of the global batch.
        temperature: τ.
        form: see `ContrastiveLoss`.
        gather: local rows -> global rows, differentiable.

    Returns:
        float32 scalar; the replicas' sum is the mean over the global batch's valid rows, 0 if there is none.
    """
    left = _unit(left)
    right = _unit(right)
    rows, candidates, width = ops.shape(left)[0], right.shape[1], right.shape[-1]
    index = ops.arange(rows) if index is None else index
    left_mask = ops.ones((rows,), "float32") if left_mask is None else ops.cast(left_mask, "float32")
    right_mask = (
        ops.ones((rows, candidates), "float32") if right_mask is None else ops.cast(right_mask, "float32")
    )
    if form == "paper":  # in the other two a clip without text stays a negative for other texts
        valid = left_mask * ops.max(right_mask, axis=1)
        left_mask, right_mask = valid, right_mask * valid[:, None]
    valid = left_mask * ops.max(right_mask, axis=1)

    all_left, all_right, all_index = gather(left), gather(right), gather(index)
    all_left_mask, all_right_mask = gather(left_mask), gather(right_mask)
    all_rows = ops.shape(all_left)[0]
    own = ops.cast(ops.equal(index[:, None], all_index[None, :]), "float32")[:, :, None]  # [b, B, 1]

    def scores(a, b, exists):
        return ops.matmul(a, ops.transpose(b)) / temperature + (1 - exists) * _NEVER

    # My clip against everybody's candidates, everybody's clips against my candidates: both [b, B, K].
    forth = scores(left, ops.reshape(all_right, (-1, width)), ops.reshape(all_right_mask, (1, -1)))
    forth = ops.reshape(forth, (-1, all_rows, candidates))
    exists = ops.reshape(right_mask, (-1, 1)) * (all_left_mask[None, :] if form == "paper" else 1.0)
    back = scores(ops.reshape(right, (-1, width)), all_left, exists)
    back = ops.transpose(ops.reshape(back, (-1, candidates, all_rows)), (0, 2, 1))
    positives = ops.logsumexp(forth + (1 - own) * _NEVER, axis=(1, 2))

    if form == "paper":
        negatives = ops.logaddexp(
            ops.logsumexp(forth + own * _NEVER, axis=(1, 2)), ops.logsumexp(back + own * _NEVER, axis=(1, 2))
        )
        losses = ops.logaddexp(positives, negatives) - positives
    elif form == "released":
        everything = ops.logaddexp(ops.logsumexp(forth, axis=(1, 2)), ops.logsumexp(back, axis=(1, 2)))
        losses = everything - positives
    else:
        losses = ops.logsumexp(forth, axis=(1, 2)) + ops.logsumexp(back, axis=(1, 2)) - 2 * positives

    total = ops.sum(ops.where(valid > 0, losses, 0.0))
    if form == "released":
        replicas = ops.cast(all_rows, "float32") / ops.cast(rows, "float32")
        return total / (ops.maximum(ops.sum(valid), 1.0) * replicas)
    return total / ops.maximum(ops.sum(gather(valid)), 1.0)


def _unit(rows):
    """Rows of length 1 in float32, as tf.math.l2_normalize: x · rsqrt(max(Σx², 1e-12))."""
    rows = ops.cast(rows, "float32")
    return rows * ops.rsqrt(ops.maximum(ops.sum(ops.square(rows), axis=-1, keepdims=True), 1e-12))
