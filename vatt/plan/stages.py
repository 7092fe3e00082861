"""What a step waits for: the matrix unit, memory, the links between devices, the input; and which binds.

Rough on purpose: each is a lower bound, from bytes or operations and a maker's figure. Products and memory
overlap, and so does the input; sums over devices come after them.
"""

import dataclasses

from vatt.plan.devices import Device
from vatt.plan.memory import FLOAT32, StepMemory, Way

MATRIX, MEMORY, LINKS, INPUT = "matrix unit", "memory", "links", "input"
# How often a number that is kept for the backward pass is moved: written, read by the next layer, read again.
_MOVES = 3
# Of an update, in numbers of float32: gradient, weight and slots are read, weight and slots written.
_GRADIENT_AND_WEIGHT = 3
# One direction of PCI Express 4.0 with 16 lanes, which every host of these devices has at least.
_HOST_LINK = 32e9
# Of a core, for a clip of the paper's size, decoded from a prepared record: the middle of what was measured,
# see benchmarks/RESULTS.md, "The input pipeline".
DECODE_SECONDS = 0.0215


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """What a step asks of one device."""

    operations: float  # of products, those that are computed again among them
    memory: StepMemory
    way: Way
    rows: int  # clips
    clip_bytes: int
    trainable: int  # weights
    embeddings: int  # bytes of a device's embeddings and masks, which every device gets


def stages(load: Load, device: Device, *, devices: int, tflops: float, cores: int | None) -> dict[str, float]:
    """Seconds of a step by stage, of those whose figures are known.

    Args:
        load: see `Load`.
        device: where.
        devices: that share a step.
        tflops: 10^12 operations per second that products reach.
        cores: of the host, for each device; None leaves decoding out.
    """
    found = {MATRIX: load.operations / (tflops * 1e12)}
    if device.bandwidth:
        found[MEMORY] = _moved(load) / device.bandwidth
    link = device.link_to(devices)
    if devices > 1 and link:
        summed = 2 * (devices - 1) / devices * FLOAT32 * load.trainable
        found[LINKS] = (summed + 2 * (devices - 1) * load.embeddings) / link
    sent = load.rows * load.clip_bytes / _HOST_LINK
    found[INPUT] = max(sent, load.rows * DECODE_SECONDS / cores) if cores else sent
    return found


def step_seconds(found: dict[str, float]) -> float:
    """Of a step: what overlaps takes as long as its slowest part."""
    computed = max(found[MATRIX], found.get(MEMORY, 0.0))
    return max(computed + found.get(LINKS, 0.0), found[INPUT])


def binding(found: dict[str, float]) -> str:
    """The stage that takes the longest."""
    return max(found, key=lambda name: found[name])


def _moved(load: Load) -> float:
    """Bytes through the device's memory."""
    again = 1 + load.way.recompute + (load.way.cached_rows is not None)
    chunks = -(-load.rows // load.way.rows_at_once(load.rows))
    activations = _MOVES * again * chunks * load.memory.kept
    weights = _MOVES * chunks * (load.memory.halves or FLOAT32 * load.trainable)
    update = _GRADIENT_AND_WEIGHT * FLOAT32 * load.trainable + 2 * load.memory.optimizer
    return activations + weights + update
