"""A trained model as an encoder of X-ARES (Zhang et al. 2025), and its tasks by their names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch  # pyright: ignore[reportMissingImports]
import torch._dynamo  # noqa: F401  # pyright: ignore[reportMissingImports] (see `vatt.harness.cli`)
from xares.task import XaresTask  # pyright: ignore[reportMissingImports]
from xares.utils import attr_from_py_path  # pyright: ignore[reportMissingImports]

from vatt.embed.embedder import Embedder
from vatt.harness.timed import TimedAudio


class VattEncoder(torch.nn.Module):
    """Audio to features over time, with the attributes that X-ARES reads."""

    def __init__(self, timed: TimedAudio):
        super().__init__()
        self.timed = timed
        self.output_dim = timed.width
        self.sampling_rate = timed.clip.sample_rate_hz
        self.hop_size_in_ms = timed.hop_ms

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        """float32 [B, S] -> float32 [B, T, D]."""
        return torch.from_numpy(self.timed.features(audio.cpu().numpy())[0])


def run_tasks(
    embedder: Embedder, tasks: Sequence[str], data: Path, hop_ms: float
) -> list[tuple[str, float, float | None]]:
    """Encodes and scores by X-ARES.

    Args:
        tasks: names of its task files without `_task.py`, such as esc50.
        data: folder with the tars of each task, which are fetched where they are missing, and for what is
            made of them.

    Returns:
        Name, score of the MLP, and of nearest neighbours where the task has it.
    """
    # X-ARES keeps embeddings and scores by the name of the class; those of another model must not be taken.
    kind = type(f"Vatt{embedder.fingerprint}Hop{hop_ms:g}Encoder".replace(".", "_"), (VattEncoder,), {})
    encoder, scores = kind(TimedAudio(embedder, hop_ms)), []
    for name in tasks:
        config = _config(name, encoder)
        config.env_root = data
        config.num_encoder_workers = 0  # TensorFlow does not survive a fork
        task = XaresTask(config=config)
        task.download_audio_tar()
        task.make_encoded_tar()
        by_mlp = float(task.run_mlp()[0])  # first: it makes the folder of both scores
        by_neighbours = float(task.run_knn()[0]) if config.do_knn else None
        scores.append((config.formal_name, by_mlp, by_neighbours))
    return scores


def _config(name: str, encoder: Any) -> Any:
    try:
        return attr_from_py_path(f"tasks/{name}_task", endswith="_config")(encoder)
    except ValueError as error:
        raise ValueError(
            f"`--tasks` are names of X-ARES' task files, such as esc50 of esc50_task.py. Received: {name}. "
            f"{error}"
        ) from error
