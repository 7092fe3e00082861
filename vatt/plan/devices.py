"""What some devices can do, as their makers state it; peaks are of dense products, without sparsity."""

import dataclasses

from vatt.config import ConfigError, closest

_GIB = 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Device:
    """One replica's device. What is not known of it is None."""

    name: str  # as in `--device`
    memory_bytes: int  # all of it; what the driver and the runtime take is not known here
    half_tflops: float | None = None  # peak of products of 16-bit numbers, in 10^12 operations per second
    # of float32 as TensorFlow multiplies them by default (TF32 where the device has it)
    float32_tflops: float | None = None
    bandwidth: float | None = None  # of its memory, bytes per second
    link: float | None = None  # to its neighbours, bytes per second in one direction
    linked: int = 1  # how many devices are linked so
    network: float | None = None  # beyond them, its share, bytes per second in one direction
    source: str = "command line"  # where the figures are from

    def peak_tflops(self, precision: str) -> float | None:
        """For a dtype policy."""
        return self.float32_tflops if precision == "float32" else self.half_tflops

    def link_to(self, devices: int) -> float | None:
        """Bytes per second that all of this number of devices can send to each other; None: not known."""
        return self.link if devices <= self.linked else self.network


def _gpu(name, gigabytes, half, float32, bandwidth, link, network, source) -> Device:
    """Bandwidths in 10^9 bytes per second; a link's in both directions, as data sheets give it."""
    # Data sheets count 10^9 bytes; where they mean 2^30 there is a little more room than planned with.
    return Device(
        name=name,
        memory_bytes=gigabytes * 10**9,
        half_tflops=half,
        float32_tflops=float32,
        bandwidth=bandwidth * 1e9,
        link=link / 2 * 1e9,
        linked=8,
        network=network and network * 1e9,
        source=source,
    )


def _tpu(name, gigabytes, half, bandwidth, link, pod) -> Device:
    """Products of float32 go through bfloat16. A slice beyond a pod is not known here."""
    return Device(
        name=name,
        memory_bytes=round(gigabytes * 10**9),
        half_tflops=half,
        float32_tflops=half,
        bandwidth=bandwidth * 1e9,
        link=link / 2 * 1e9,
        linked=pod,
        source=f"docs.cloud.google.com/tpu/docs/{name.removeprefix('tpu_').removesuffix('_core')}",
    )


_GIB_IN_GB = _GIB / 10**9
DEVICES = {
    device.name: device
    for device in (
        # The network of a device is that of NVIDIA's DGX with eight of them: 100, 200 or 400 Gbit/s each.
        _gpu("t4", 16, 65, 8.1, 320, 32, None, "NVIDIA T4 data sheet; link: PCI Express 3.0"),
        _gpu("v100", 32, 125, 15.7, 900, 300, 6.25, "NVIDIA V100 (SXM2) and DGX-1 data sheets"),
        _gpu("a100_40gb", 40, 312, 156, 1555, 600, 25, "NVIDIA A100 (SXM4) and DGX A100 data sheets"),
        _gpu("a100_80gb", 80, 312, 156, 2039, 600, 25, "NVIDIA A100 (SXM4) and DGX A100 data sheets"),
        _gpu("h100", 80, 989.4, 494.7, 3350, 900, 50, "NVIDIA H100 (SXM5) white paper, DGX H100 data sheet"),
        _gpu("h200", 141, 989.4, 494.7, 4800, 900, 50, "NVIDIA H200 data sheet; products as the H100's"),
        _gpu("b200", 180, 2250, 1125, 8000, 1800, 50, "NVIDIA HGX B200 and DGX B200 data sheets"),
        # A replica of v3 is a core, half a chip of 123 TFLOP/s, 32 GiB, 900 GB/s.
        _tpu("tpu_v3_core", 16 * _GIB_IN_GB, 61.5, 450, 164, 2048),
        _tpu("tpu_v4", 32 * _GIB_IN_GB, 275, 1200, 600, 4096),
        _tpu("tpu_v5e", 16, 197, 819, 400, 256),
        _tpu("tpu_v5p", 95, 459, 2765, 1200, 8960),
        _tpu("tpu_v6e", 32, 918, 1638, 800, 256),
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
