"""Full-text search after TensorFlow, which carries an SQLite without it."""

import subprocess
import sys

from tests.documents import ROOT

_CODE = """
import tensorflow
from vatt.search.sqlite import require_full_text
require_full_text()
"""


def test_full_text_is_there_after_tensorflow():
    done = subprocess.run([sys.executable, "-c", _CODE], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
