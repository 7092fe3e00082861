"""Presets: a model in one directory, as it is shared. It is an export of safetensors: configuration, weights,
words, model card and golden embeddings.
"""

import os
from pathlib import Path
from typing import Any

from vatt.embed.embedder import Embedder
from vatt.embed.loading import Trained
from vatt.export.asked import SAFETENSORS, Naming
from vatt.export.exporting import export_model
from vatt.files.json_file import read_object

CARD = "model_card.json"
HUGGING_FACE, KAGGLE = "hf://", "kaggle://"


def save_to_preset(model: Embedder, directory: str | Path, **naming: Any) -> None:
    """Writes a model as a preset to a directory, which must not be there yet.

    Args:
        model: what `vatt.load` gives.
        naming: name, publisher, version and licence, see `Naming`.

    Raises:
        ExportError: see `export_model`.
    """
    if not isinstance(model, Embedder):
        raise ValueError(
            f"A preset is of a model that embeds. Received: {type(model).__name__}. `vatt export` writes "
            "others."
        )
    trained = Trained(
        model=model.model, clip=model.clip, tokenizer=model.tokenizer, label_names=(), source=model.source
    )
    export_model(trained, directory, formats=(SAFETENSORS,), naming=Naming(**naming))


def upload_preset(directory: str | Path, address: str) -> None:
    """Publishes a preset, or any export, at hf://USER/MODEL or kaggle://USER/MODEL/FRAMEWORK/VARIATION by the
    owners' libraries, which have the login; a repository that is not there yet is made.

    Raises:
        ValueError: the directory is no preset, or the address of neither.
    """
    directory = Path(directory)
    if not (directory / CARD).is_file():
        raise ValueError(
            f"A preset is a directory with {CARD}. Received: {directory}. Write one: "
            "`vatt.save_to_preset(model, DIRECTORY)`, or `vatt export`."
        )
    facts = read_object(directory / CARD)
    if address.startswith(HUGGING_FACE):
        hub = _library("huggingface_hub", "hub").HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
        repository = address.removeprefix(HUGGING_FACE)
        hub.create_repo(repository, exist_ok=True)
        hub.upload_folder(
            repo_id=repository, folder_path=directory, commit_message=f"golden {facts['golden_hash']}"
        )
    elif address.startswith(KAGGLE):
        _library("kagglehub", "kaggle").model_upload(
            address.removeprefix(KAGGLE),
            str(directory),
            license_name=facts["licence"] or None,
            version_notes=f"golden {facts['golden_hash']}",
        )
    else:
        raise ValueError(
            f"A preset is published at {HUGGING_FACE}USER/MODEL or {KAGGLE}USER/MODEL/FRAMEWORK/VARIATION. "
            f"Received: {address}."
        )


def downloaded(preset: str | Path) -> str | Path:
    """The directory of a preset of Kaggle, in kagglehub's cache; any other preset as it is."""
    if not str(preset).startswith(KAGGLE):
        return preset
    return _library("kagglehub", "kaggle").model_download(str(preset).removeprefix(KAGGLE))


def _library(name: str, extra: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ValueError(
            f"This address needs the package {name}. Received: {error}. Install it with "
            f"`pip install 'vatt[{extra}]'`."
        ) from error
