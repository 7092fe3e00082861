"""A trained model as mteb's harness takes it (Muennighoff et al. 2023; MAEB and MVEB for audio and video).

What a task compares by cosines meets in a common space: video-text where there is text, else video-audio.
What a task classifies by a classifier that it trains are the encoders' pooled features.
"""

import functools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mteb  # pyright: ignore[reportMissingImports]
import numpy as np
import torch._dynamo  # noqa: F401  # pyright: ignore[reportMissingImports] (see `vatt.harness.cli`)
from mteb.models import ModelMeta  # pyright: ignore[reportMissingImports]
from mteb.models.abs_encoder import AbsEncoder  # pyright: ignore[reportMissingImports]
from mteb.models.modality_collators import AudioCollator  # pyright: ignore[reportMissingImports]

from vatt.embed.embedder import Embedder
from vatt.embed.inputs import silent_ids
from vatt.embed.media_encoder import MediaEncoder, middle_square
from vatt.spec import AUDIO, MODALITIES, TEXT, VIDEO, VIDEO_AUDIO, VIDEO_TEXT
from vatt.unit_rows import unit_rows

_log = logging.getLogger(__name__)

POOLED = "pooled"
_FRAMES = 64  # of a video that are decoded at a time
_SENTENCES = 256  # of a call of the model


class MtebModel(AbsEncoder):
    """An `Embedder` by the interface of mteb.

    Args:
        embedder: what `vatt.load` gives.
    """

    def __init__(self, embedder: Embedder):
        self.embedder = embedder
        self._clip = embedder.known_clip
        self._encoder = MediaEncoder(embedder.model, self._clip)
        self.unread = 0  # sentences so far without a word that the model knows
        self.mteb_model_meta = ModelMeta(
            loader=None,
            name=f"vatt/{Path(embedder.source).name or 'model'}",
            revision=embedder.fingerprint,
            release_date=None,
            languages=None,
            n_parameters=int(embedder.model.count_params()),
            memory_usage_mb=None,
            max_tokens=self._clip.words,
            embed_dim=None,
            license=None,
            open_weights=None,
            public_training_code=None,
            public_training_data=None,
            framework=[],
            similarity_fn_name="cosine",
            use_instructions=False,
            training_datasets=None,
            modalities=list(embedder.modalities),
        )

    def encode(self, inputs: Any, *, task_metadata: Any, **_: Any) -> np.ndarray:
        """Embeds the rows of one side of a task.

        Args:
            inputs: mteb's `DataLoader`, of text, audio, video or several of them.
            task_metadata: of the task.

        Returns:
            float32 [N, D]: unit vectors in the space in which the task compares; or pooled features, those
            of several modalities in one row, each of length 1 there.
        """
        output = output_of(task_metadata)
        columns = set(inputs.dataset.column_names)
        if columns & {VIDEO, AUDIO}:
            inputs.collate_fn = functools.partial(_collated, rate_hz=self._clip.sample_rate_hz)
        given = [each for each in MODALITIES if each in columns and each in self.embedder.modalities]
        if not given:
            raise ValueError(
                f"A task must have inputs that the model embeds, {list(self.embedder.modalities)}. Received: "
                f"{task_metadata.name}, with {sorted(columns)}. Leave it out."
            )
        rows = [self._row(batch, given, output) for batch in inputs]
        return np.concatenate(rows).astype(np.float32)

    def _row(self, batch: Mapping[str, Any], given: Sequence[str], output: str) -> np.ndarray:
        """float [n, D] of a batch."""
        parts = [self._of(modality, batch[modality], output) for modality in given]
        if output == POOLED and len(parts) > 1:
            return np.concatenate([unit_rows(each) for each in parts], axis=1)
        return (
            parts[0] if output == POOLED else unit_rows(np.sum([unit_rows(each) for each in parts], axis=0))
        )

    def _of(self, modality: str, inputs: Sequence[Any], output: str) -> np.ndarray:
        """float [n, D]; zeros where a row lacks the modality."""
        if modality == TEXT:
            return self._of_text(list(inputs), output)
        wanted, made = {output: f"{modality}/{output}"}, {}
        for number, each in enumerate(inputs):
            if each is not None:
                pieces = _samples(each) if modality == AUDIO else _frames(each, self._clip)
                made[number] = self._encoder.means(modality, pieces, wanted)[output][0]
        missing = np.zeros(self._width(modality, output)) if len(made) < len(inputs) else None
        return np.stack([made.get(number, missing) for number in range(len(inputs))])

    def _width(self, modality: str, output: str) -> int:
        clip = self._clip
        shape = (clip.samples,) if modality == AUDIO else (clip.frames, clip.frame_size, clip.frame_size, 3)
        rows = np.zeros((1, *shape), np.float32 if modality == AUDIO else np.uint8)
        return self._encoder.encode(modality, rows, {output: f"{modality}/{output}"})[output].shape[1]

    def _of_text(self, sentences: list[str], output: str) -> np.ndarray:
        ids = self.embedder.tokenizer.encode(sentences, length=self._clip.words)
        unread = int(np.isin(ids, silent_ids(self.embedder.tokenizer)).all(axis=1).sum())
        if unread:
            self.unread += unread
            _log.warning("%d of %d sentences have no word that the model knows", unread, len(sentences))
        parts = [
            self._encoder.encode(TEXT, ids[first : first + _SENTENCES], {output: f"{TEXT}/{output}"})[output]
            for first in range(0, len(ids), _SENTENCES)
        ]
        return np.concatenate(parts)


def output_of(task_metadata: Any) -> str:
    """What of a modality a task is given: "video_text", "video_audio" or "pooled"."""
    if TEXT in task_metadata.modalities:
        return VIDEO_TEXT
    kind = task_metadata.type.lower()
    is_trained = kind.endswith("classification") and "pair" not in kind and "zeroshot" not in kind
    return POOLED if is_trained else VIDEO_AUDIO


def tasks_of(names: Iterable[str], data: Path | None) -> list[Any]:
    """Tasks by the names of tasks or of benchmarks.

    Args:
        data: folder of data sets under the names that they have on the Hugging Face Hub, DATA/mteb/esc50;
            None: mteb fetches them.

    Raises:
        ValueError: there is no such task, or its data are not in the folder.
    """
    tasks: list[Any] = []
    for name in names:
        try:
            tasks += mteb.get_tasks(tasks=[name])
        except KeyError:
            try:
                tasks += mteb.get_benchmark(name).tasks
            except KeyError as error:
                raise ValueError(
                    f"`--tasks` are names of tasks or benchmarks of mteb {mteb.__version__}. Received: "
                    f"{name}. `mteb available-tasks` and `mteb available-benchmarks` list them."
                ) from error
    for task in tasks if data is not None else ():
        folder = data / task.metadata.dataset["path"]
        if not folder.is_dir():
            raise ValueError(
                f"The data of a task must be in `--data`. Received: {task.metadata.name} without {folder}. "
                f"`hf download {task.metadata.dataset['path']} --repo-type dataset --local-dir {folder}`."
            )
        there = {**task.metadata.dataset, "path": str(folder)}
        task.metadata = task.metadata.model_copy(update={"dataset": there})
    return tasks


def run_tasks(
    embedder: Embedder, tasks: Sequence[Any], out: Path
) -> tuple[list[tuple[str, str, float]], int]:
    """Evaluates by mteb, which keeps what it finished in `out`, a file each.

    Returns:
        task, its main metric and its value, of each task; and how many sentences had no word that the model
        knows.
    """
    model = MtebModel(embedder)
    cache = mteb.ResultCache(cache_path=out)
    made = mteb.evaluate(model, tasks, cache=cache, show_progress_bar=False)
    metric_of = {task.metadata.name: task.metadata.main_score for task in tasks}
    scores = [(each.task_name, metric_of[each.task_name], each.get_score()) for each in made.task_results]
    return scores, model.unread


def _collated(rows: list[dict[str, Any]], rate_hz: int) -> dict[str, list[Any]]:
    """Columns of a batch, the audio at the model's rate; video stays a decoder."""
    for row in rows:
        if row.get(AUDIO) is not None:
            row[AUDIO] = AudioCollator.resample_audio(row, target_sampling_rate=rate_hz)
    return {name: [row[name] for row in rows] for name in rows[0]}


def _samples(audio: np.ndarray) -> list[np.ndarray]:
    """float32 [1, S] in [-1, 1], of which a resampler may be a little outside."""
    samples = np.clip(np.nan_to_num(np.asarray(audio, np.float32).reshape(1, -1)), -1, 1)
    return [samples if samples.size else np.zeros((1, 1), np.float32)]


def _frames(video: Any, clip: Any) -> Iterator[np.ndarray]:
    """uint8 [1, T, H, W, 3] at the model's rate and size, of torchcodec's decoder."""
    begin, end = video.metadata.begin_stream_seconds, video.metadata.end_stream_seconds
    count = max(1, round((end - begin) * clip.frame_rate_hz))
    # The last instant may be the end of the last frame, where nothing is shown any more.
    times = np.minimum(begin + np.arange(count) / clip.frame_rate_hz, np.nextafter(end, begin))
    parts = []
    for first in range(0, count, _FRAMES):
        shown = video.get_frames_played_at(times[first : first + _FRAMES].tolist()).data
        parts.append(middle_square(shown.numpy().transpose(0, 2, 3, 1), clip.frame_size))
    yield np.concatenate(parts)[np.newaxis]
