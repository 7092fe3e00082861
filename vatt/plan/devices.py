"""What some devices can do, as their makers state it; peaks are of dense products, without sparsity."""

import dataclasses

from vatt.config import ConfigError, closest

_GIB = 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Device:
    """One replica's device."""

    name: str  # as in `--device`
    memory_bytes: int  # all of it; what the driver and the runtime take is not known here
    # peak of products of 16-bit numbers, in 10^12 operations per second; None: not known
    half_tflops: float | None = None
    # of float32 as TensorFlow multiplies them by default (TF32 where the device has it)
    float32_tflops: float | None = None
    source: str = "command line"  # where the figures are from

    def peak_tflops(self, precision: str) -> float | None:
        """For a dtype policy."""
        return self.float32_tflops if precision == "float32" else self.half_tflops


def _named(name, gigabytes, half, float32, source) -> Device:
    # Data sheets count 10^9 bytes; where they mean 2^30 there is a little more room than planned with.
    return Device(
        name=name,
        memory_bytes=gigabytes * 10**9,
        half_tflops=half,
        float32_tflops=float32,
        source=source,
    )


DEVICES = {
    device.name: device
    for device in (
        _named("t4", 16, 65, 8.1, "NVIDIA T4 data sheet"),
        _named("v100", 32, 125, 15.7, "NVIDIA V100 data sheet, SXM2"),
        _named("a100_40gb", 40, 312, 156, "NVIDIA A100 data sheet"),
        _named("a100_80gb", 80, 312, 156, "NVIDIA A100 data sheet"),
        _named("h100", 80, 989.4, 494.7, "NVIDIA H100 architecture white paper, SXM5"),
        _named("h200", 141, 989.4, 494.7, "NVIDIA H200 data sheet; products as the H100's"),
        # A replica is a core, half a chip of 123 TFLOP/s and 32 GiB. Products of float32 go through bfloat16.
        Device(
            name="tpu_v3_core",
            memory_bytes=16 * _GIB,
            half_tflops=61.5,
            float32_tflops=61.5,
            source="cloud.google.com/tpu/docs/v3",
        ),
        Device(
            name="tpu_v4",
            memory_bytes=32 * _GIB,
            half_tflops=275,
            float32_tflops=275,
            source="cloud.google.com/tpu/docs/v4",
        ),
    )
}


def device_of(name: str | None, memory_gib: float | None, peak_tflops: float | None) -> Device | None:
    """The device that a plan is made for; None where nothing is said of one.

    Args:
        name: one of `DEVICES`, or None.
        memory_gib: overrides its memory.
        peak_tflops: overrides its peak, at any precision.

    Raises:
        ConfigError: no such device, or a number that is not positive.
    """
    for option, value in (("device_memory_gib", memory_gib), ("peak_tflops", peak_tflops)):
        if value is not None and not 0 < value < float("inf"):
            raise ConfigError(f"`--{option}` must be a positive number. Received: {value:g}.")
    if name is not None and name not in DEVICES:
        raise ConfigError(
            f"`--device` must be one of {', '.join(DEVICES)}. Received: {name}.{closest(name, DEVICES)} For "
            "another one give --device_memory_gib and --peak_tflops."
        )
    if name is None and memory_gib is None and peak_tflops is None:
        return None
    device = DEVICES[name] if name else Device(name="the given device", memory_bytes=0)
    if memory_gib is not None:
        device = dataclasses.replace(device, memory_bytes=round(memory_gib * _GIB))
    if peak_tflops is not None:
        device = dataclasses.replace(device, half_tflops=peak_tflops, float32_tflops=peak_tflops)
    return device
