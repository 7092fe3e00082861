"""One of two processes that agree again and again, until one of them is killed:

    python -m tests.engines.jax.lasting_processes FOLDER ADDRESS INDEX

makes FOLDER/INDEX once they have agreed, and ends as `python -m vatt.main` does.
"""

import sys
from pathlib import Path

from vatt.engines.cluster import name_cluster
from vatt.engines.jax.workers import connected
from vatt.errors import RunError


def main(folder: str, address: str, index: str) -> int:
    name_cluster([address, "127.0.0.1:1"], int(index))
    workers = connected()
    try:
        while True:
            workers.meet()
            (Path(folder) / index).touch()
    except RunError as error:
        print(error, file=sys.stderr)
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
