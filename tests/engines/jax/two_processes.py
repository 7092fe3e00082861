"""One of two processes that train the toy together, each with half of the rows and two devices:

    python -m tests.engines.jax.two_processes FOLDER ADDRESS INDEX

writes its numbers to FOLDER/worker_INDEX.json: of two steps, of two more while both write a checkpoint, and
of the same two after both read it.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

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
    is_chief = engine.workers.is_chief
    run = Run(engine, make=toy_model, batch_of=rows)
    found = {"before": numbers(run.steps(0, 2)), "divides": engine.divides_state}
    held = [variable.value for variable in run.state.held]
    found["bytes"] = sum(value.nbytes for value in held)
    found["bytes_of_a_device"] = sum(value.addressable_shards[0].data.nbytes for value in held)

    snapshot, prefix = run.state.snapshot(), Path(folder) / "saving" / "ckpt-2"
    prefix.parent.mkdir(exist_ok=True)
    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(snapshot.write, str(prefix if is_chief else Path(folder) / prefix.name))
        found["meanwhile"] = numbers(run.steps(2, 2))
        writing.result()
    found["sums"] = (
        engine.workers.total(2**60 + worker),
        engine.workers.has_chiefs("a"),
        engine.workers.has_chiefs(index),
    )
    run.state.read(str(prefix))
    with run.state.averaged():
        values = [variable.value for variable in run.state.model.variables]
        found["whole"] = all(value.is_fully_addressable and len(value.devices()) == 2 for value in values)
        found["norms"] = [float(np.linalg.norm(value)) for value in values]
    found["after"] = numbers(run.steps(2, 2))
    (Path(folder) / f"worker_{index}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
