"""Where data and runs may be: in folders that this machine's file system has.

A path is opened by Python, PyAV and TensorFlow alike, and only the last knows object stores. Taken for a
path, "gs://bucket/run" is a folder called "gs:" in the working directory, in which a run would be lost with
its machine.
"""

import re
from collections.abc import Iterable

_OBJECT_STORE = re.compile(r"\b(?:gs|s3|s3a|hdfs|abfss?|wasbs?|viewfs)://[^\s'\"]*")


def refuse_object_stores(texts: Iterable[str]) -> None:
    """Raises at the first address of an object store among arguments or in a configuration."""
    for text in texts:
        if found := _OBJECT_STORE.search(text):
            raise ValueError(
                f"Data and runs must be in folders. Received: {found.group()}, an object store. Mount it, "
                "for Google Cloud Storage with gcsfuse, and give the folder; for a run directory better take "
                "a shared disk (NFS, Filestore, Lustre), and copy the finished run."
            )
