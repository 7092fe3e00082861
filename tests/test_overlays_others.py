"""The other half of the overlays in miniature, see test_overlays.py."""

import pytest

from tests.miniature_runs import Miniatures
from tests.overlay_runs import check_in_miniature, halves, name_of


@pytest.mark.slow
class TestInMiniature:
    """One process, one pre-trained run, one set per experiment."""

    @pytest.fixture(scope="class")
    def miniatures(self, tmp_path_factory):
        return Miniatures(tmp_path_factory.mktemp("overlays"))

    @pytest.mark.parametrize("run", halves()[1], ids=name_of)
    def test_it_runs(self, run, miniatures):
        check_in_miniature(*run, miniatures)
