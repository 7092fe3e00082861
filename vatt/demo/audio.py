"""Synthesises the audio of a demo clip: pitch encodes colour, timbre shape, rhythm action; with noise."""

import numpy as np

from vatt.demo.definition import Combination, definition

_BEAD_SECONDS = 0.09  # mean time between two beads of the rattle
_BURST_SECONDS = 0.012  # in which a burst of noise falls to 1/e


def synthesise(combination: Combination, phase: float, random: np.random.Generator) -> np.ndarray:
    """The audio of a combination, int16 [S], mono; with the video's `phase`, in [0, 1), both run in step.
    Tuning, phases of the partials, level and noise are drawn at random.
    """
    facts = definition()
    clip = facts["clip"]
    rate = clip["audio_rate_hz"]
    times = np.arange(round(clip["frames"] / clip["frame_rate_hz"] * rate), dtype=np.float32) / np.float32(
        rate
    )
    pitch = facts["colours"][combination.colour]["pitch_hz"] * random.uniform(0.985, 1.015)
    timbre = facts["timbres"][facts["shapes"][combination.shape]["timbre"]]
    action = facts["actions"][combination.action]

    tone = _tone(timbre, pitch, facts["timbres"]["highest_hz"], times, random)
    envelope = _envelope(action["rhythm"], times / action["period_seconds"] + phase, times, random)
    signal = tone / np.sqrt(np.mean(tone**2)) * envelope
    bursts = _bursts(action["rhythm"], action["period_seconds"], phase, times, random)
    level = random.uniform(0.16, 0.32)
    noise = random.standard_normal(len(times), np.float32) * random.uniform(0.003, 0.012)
    return (np.clip(level * (signal + bursts) + noise, -1, 1) * 32767).astype(np.int16)


def _tone(timbre, pitch, highest_hz, times, random) -> np.ndarray:
    if "bandwidth" in timbre:
        return _noise_band(pitch, timbre["bandwidth"], times, random)
    partials = [
        (ratio * pitch, amplitude) for ratio, amplitude in timbre["partials"] if ratio * pitch <= highest_hz
    ]
    tone = sum(
        amplitude * np.sin(2 * np.pi * frequency * times + random.uniform(0, 2 * np.pi))
        for frequency, amplitude in partials
    )
    if "amplitude_modulation_hz" in timbre:
        tone = tone * (1 + np.sin(2 * np.pi * timbre["amplitude_modulation_hz"] * times))
    return np.asarray(tone)


def _noise_band(pitch, bandwidth, times, random) -> np.ndarray:
    """Noise around `pitch`, cut out of a spectrum of random phases."""
    frequencies = np.fft.rfftfreq(len(times), float(times[1]))
    inside = np.abs(frequencies - pitch) < 0.5 * bandwidth * pitch
    spectrum = np.zeros(len(frequencies), np.complex64)
    spectrum[inside] = np.exp(2j * np.pi * random.random(int(inside.sum())))
    return np.fft.irfft(spectrum, len(times)).astype(np.float32)


def _envelope(rhythm, cycle, times, random) -> np.ndarray:
    """Loudness over time, 0 to 1; `cycle` counts the action's periods."""
    within = cycle % 1
    if rhythm == "steady":
        return np.ones_like(times)
    if rhythm == "plucks":  # loud at each hit of the floor, gone before the next
        return 1.6 * np.exp(-within / 0.16) * np.minimum(1, within / 0.01)
    if rhythm == "swell":  # as loud as the object is large
        return 0.06 + 0.6 * (1 + np.sin(2 * np.pi * cycle))
    if rhythm == "whirr":  # a flutter of 36 beats per turn
        return 0.75 * (1 + np.sin(2 * np.pi * 36 * cycle))
    if rhythm == "gate":  # on while the object is seen
        return np.clip(0.5 + 40 * (0.25 - np.abs(within - 0.25)), 0, 1)
    if rhythm == "rattle":  # the tone stays in the background of the bursts
        return np.full_like(times, 0.5)
    raise ValueError(f"No rhythm is called {rhythm!r}.")


def _bursts(rhythm, period_seconds, phase, times, random) -> np.ndarray | float:
    """Short bursts of noise in addition to the tone: a thump where something hits the floor, a rattle's
    beads."""
    if rhythm == "plucks":
        starts = (np.arange(0, times[-1] / period_seconds + 1) - phase) * period_seconds
    elif rhythm == "rattle":
        starts = np.cumsum(random.uniform(0.4, 1.6, int(times[-1] / _BEAD_SECONDS))) * _BEAD_SECONDS
    else:
        return 0.0
    since = times[:, None] - starts[None, :].astype(np.float32)
    loudness = np.where(since >= 0, np.exp(-np.abs(since) / _BURST_SECONDS), 0).sum(axis=1)
    return (1.5 * loudness * random.standard_normal(len(times), np.float32)).astype(np.float32)
