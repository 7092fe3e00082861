"""Kernel density of scores: the smooth histogram that the paper draws of similarities (Figure 3)."""

import numpy as np

_BLOCK = 1 << 22  # kernel values held at a time: 32 MB


def kernel_density(samples: np.ndarray, points: np.ndarray, *, bandwidth: float | None = None) -> np.ndarray:
    """Density of samples at points, by Gaussian kernels.

    Args:
        samples: [N], finite.
        points: [P], where the density is wanted.
        bandwidth: standard deviation of the kernels in the unit of the samples; None: Scott's rule, the
            samples' standard deviation · N^(−1/5) (Scott 1992). Samples that are all equal have no such
            width and must be given one.

    Returns:
        float64 [P], not negative; its integral over the line is 1.
    """
    samples, points = np.asarray(samples, np.float64).ravel(), np.asarray(points, np.float64).ravel()
    if not samples.size or not np.isfinite(samples).all():
        raise ValueError(
            f"A density needs at least one sample, all finite. Received: {samples.size} samples, "
            f"{np.count_nonzero(~np.isfinite(samples))} of them not finite."
        )
    width = scott_bandwidth(samples) if bandwidth is None else float(bandwidth)
    if not width > 0:
        raise ValueError(
            f"`bandwidth` must be positive. Received: {width}, of {samples.size} samples that are all equal "
            "or one. Give a width."
        )
    total = np.zeros(len(points))
    rows = max(1, _BLOCK // max(1, len(points)))
    for first in range(0, len(samples), rows):
        distance = (points[None, :] - samples[first : first + rows, None]) / width
        total += np.exp(-0.5 * distance**2).sum(axis=0)
    return total / (len(samples) * width * np.sqrt(2 * np.pi))


def scott_bandwidth(samples: np.ndarray) -> float:
    """Scott's rule in one dimension; 0 for samples that are all equal."""
    samples = np.asarray(samples, np.float64).ravel()
    if len(samples) < 2:
        return 0.0
    return float(samples.std(ddof=1) * len(samples) ** -0.2)


def overlap(left: np.ndarray, right: np.ndarray, points: np.ndarray) -> float:
    """Area under the lower of two densities given at the same rising points: 0 apart, 1 the same."""
    return float(np.trapezoid(np.minimum(left, right), points))
