"""A small index, made once."""

import pytest

from tests.embed.embedding_files import make_folder
from tests.toy_embedder import ToyEmbedder
from vatt.embed.files import Options
from vatt.search.build import build_index


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with media/ and index/, of it; for reading."""
    folder = tmp_path_factory.mktemp("search")
    make_folder(folder / "media")
    options = Options(processes=1)
    build_index(lambda path: ToyEmbedder(), "toy", folder / "media", folder / "index", options)
    return folder
