"""What a `.keras` file holds in addition to Keras' own members: the description of the model's inputs."""

import json
import zipfile
from pathlib import Path
from typing import Any

from vatt.files.json_file import parse_json

MEMBER = "vatt_inputs.json"  # Keras reads its own members and leaves others alone
_MOST_BYTES = 256 * 2**20  # a word list has a few megabytes


def add_input_facts(path: str | Path, facts: dict[str, Any]) -> None:
    """Adds the facts (`vatt.data.description`) to a `.keras` file that was just written."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, json.dumps(facts, ensure_ascii=False))


def input_facts_of(path: str | Path) -> dict[str, Any] | None:
    """The facts in a `.keras` file, None where it has none."""
    with zipfile.ZipFile(Path(path).expanduser()) as archive:
        if MEMBER not in archive.namelist():
            return None
        if archive.getinfo(MEMBER).file_size > _MOST_BYTES:
            raise ValueError(
                f"The facts on a model's inputs must be a word list and a few numbers. Received: {path}, "
                f"where they unpack to {archive.getinfo(MEMBER).file_size / 2**20:.0f} MiB."
            )
        try:
            return parse_json(archive.read(MEMBER), f"{path}: {MEMBER}")
        except (ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"A model file must be whole. Received: {path}: {MEMBER}: {error}.") from error
