"""`docs/presets.md`: sizes of Transformers, models, clips, and the gin files with their commands."""

import math

import gin
import keras

from docs.generators import gin_files
from vatt.config import ConfigError
from vatt.layers.architecture import SIZES
from vatt.models.paper import paper_agnostic, paper_vatt
from vatt.plan import configuration
from vatt.plan.shapes import parts_of, weights_in, without_weights
from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec, patch_grid

_HEAD = """\
# Presets

Made from the code and the gin files; change those. Every number is counted
from the objects themselves, built without weights. `vatt plan` counts any other configuration.
"""

_SIZES = """\
## Sizes of a Transformer

`video/TransformerEncoder.size = 'large'` takes one; `Size(depth=…, width=…, hidden_width=…, heads=…)` is any
other (`gin.md`). Weights are millions: of the blocks alone, and as a tower with patches or words
and positions, for the paper's clip and 65,536 words.

| size | depth | width | hidden width | heads | blocks | video | audio | text |
|---|---|---|---|---|---|---|---|---|"""

_MODELS = """\
## The paper's models

Millions of weights, by part: heads are the projections into the common spaces. [fidelity.md](fidelity.md)
says why the sums of the paper's Table 7 are others.

| | video | audio | text | heads | all | gin files |
|---|---|---|---|---|---|---|"""

_CLIPS = """\
## Clips

What a clip is in each experiment, and how many tokens it is in the paper's patches, 4 × 16 × 16 voxels and
128 samples. Each number is a parameter of `ClipSpec`; the overlays `clip_32x224.gin` and its like set some of
them.

| gin file | frames, pixels | Hz | seconds | audio | words × captions |
|---|---|---|---|---|---|"""

_MODEL_FILES = {
    "BBS": ("base", "`overlay/paper.gin` + `overlay/paper_base.gin`"),
    "MBS": ("medium", "`overlay/paper.gin`"),
    "LBS": ("large", "`overlay/paper.gin` + `overlay/paper_large.gin`"),
}


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            _HEAD,
            *_table(_SIZES, _size_rows()),
            *_table(_MODELS, _model_rows()),
            *_table(_CLIPS, _clip_rows()),
            "## Runnable gin files\n",
            "Each is a job of its own; its header says more: data, hardware, results.\n",
            *(_described(path) for path in gin_files.RUNNABLE),
            "## Overlays\n",
            "Adjectives, given after a runnable file. What does not apply is dropped, and the log says so.\n",
            *(_described(path) for path in gin_files.OVERLAYS),
        ]
    )


def _table(head: str, rows: list[tuple]) -> list[str]:
    return [head, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""]


def _millions(number: int) -> str:
    return f"{number / 1e6:.1f}"


def _size_rows() -> list[tuple]:
    rows = []
    for name, size in SIZES.items():
        with without_weights():
            parts = _weights(paper_vatt(video=name, audio=name, text=name))
        encoders = [parts[f"{modality}/encoder"] for modality in (VIDEO, AUDIO)]
        (blocks,) = set(encoders)
        whole = [parts[f"{each}/encoder"] + parts[f"{each}/tokenizer"] for each in (VIDEO, AUDIO, TEXT)]
        shape = (name, size.depth, size.width, size.hidden_width, size.heads)
        rows.append((*shape, *map(_millions, (blocks, *whole))))
    return rows


def _model_rows() -> list[tuple]:
    rows = []
    for name, (video, files) in _MODEL_FILES.items():
        with without_weights():
            parts = _weights(paper_vatt(video=video))
        each = [_part(parts, modality) for modality in (VIDEO, AUDIO, TEXT, "heads")]
        rows.append(
            (f"{name}: video {video}, audio base, text small", *map(_millions, (*each, sum(each))), files)
        )
    with without_weights():
        parts = _weights(paper_agnostic(projections=True))
    shared = parts["encoder, shared"]
    each = [_part(parts, modality) for modality in (VIDEO, AUDIO, TEXT, "heads")]
    name = f"agnostic medium: one Transformer of {_millions(shared)} for all"
    files = "`overlay/paper.gin` + `overlay/paper_agnostic.gin`"
    rows.append((name, *map(_millions, (*each, shared + sum(each))), files))
    return rows


def _weights(model: keras.Model) -> dict[str, int]:
    return {name: weights_in(part.weights) for name, part in parts_of(model).items()}


def _part(parts: dict[str, int], name: str) -> int:
    return sum(number for part, number in parts.items() if part.split("/")[0] == name)


def _clip_rows() -> list[tuple]:
    named: dict[tuple, list[str]] = {}
    for path in gin_files.RUNNABLE:
        try:
            clip = configuration.read([str(path)]).clip
        except ConfigError:  # an export has no data
            continue
        finally:
            gin.clear_config()
        named.setdefault(_of_clip(clip), []).append(f"`{path.name}`")
    named.setdefault(_of_clip(ClipSpec()), []).append("`overlay/paper.gin`")
    return [(", ".join(names), *columns) for columns, names in named.items()]


def _of_clip(clip: ClipSpec) -> tuple[str, ...]:
    has = {modality: modality in clip.modalities for modality in (VIDEO, AUDIO, TEXT)}
    patches = math.prod(patch_grid((clip.frames, clip.frame_size, clip.frame_size), (4, 16, 16)))
    video = f"{clip.frames} × {clip.frame_size}²: {patches:,} tokens" if has[VIDEO] else "none"
    tokens = math.prod(patch_grid((clip.samples,), (128,)))
    heard = f"{clip.audio_span_seconds:g} s at {clip.sample_rate_hz:,} Hz: {tokens:,} tokens"
    audio = heard if has[AUDIO] else "none"
    words = f"{clip.words} × {clip.candidates}" if has[TEXT] else "none"
    rate = f"{clip.frame_rate_hz:g}" if has[VIDEO] else ""
    return video, rate, f"{clip.span_seconds:g}", audio, words


def _described(path) -> str:
    name = path.relative_to(gin_files.ROOT).as_posix()
    what = gin_files.what(path)
    return (
        f"**`{name}`** {what}{'' if what.endswith('?') else '.'}\n\n```\n{gin_files.own_command(path)}\n```\n"
    )
