"""One of two processes that train the toy together, each with half of the rows and two devices:

    python -m tests.engines.jax.two_processes FOLDER ADDRESS INDEX

writes its numbers to FOLDER/worker_INDEX.json: of two steps, and of one more after one wrote a checkpoint and
both read it.
"""

import json
import sys
from pathlib import Path

from vatt.engines.cluster import name_cluster


def main(folder: str, address: str, index: str) -> None:
    worker = int(index)
    name_cluster([address, "127.0.0.1:1"], worker)

    # Keras looks for devices, and these are found together.
    from tests.engines.jax.training_on import Run, numbers
    from tests.engines.training import toy_batch, toy_model
    from vatt.engines.jax.engine import start

    def rows(number):
        return {name: value[worker * 4 : worker * 4 + 4] for name, value in toy_batch(number).items()}

    engine = start("fsdp")
    run = Run(engine, make=toy_model, batch_of=rows)
    found = numbers(run.steps(0, 2))
    prefix = str(Path(folder) / "ckpt-2")
    if engine.workers.is_chief:
        run.state.snapshot().write(prefix)
    sums = (
        engine.workers.total(2**60 + worker),
        engine.workers.has_chiefs("a"),
        engine.workers.has_chiefs(index),
    )
    run.state.read(prefix)
    with run.state.averaged():
        values = [variable.value for variable in run.state.model.variables]
        whole = all(value.is_fully_addressable and len(value.devices()) == 2 for value in values)
    found = {"before": found, "after": numbers(run.steps(2, 1)), "sums": sums, "whole": whole}
    (Path(folder) / f"worker_{index}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
