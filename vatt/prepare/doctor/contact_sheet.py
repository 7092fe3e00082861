"""A contact sheet of a few clips: frames in a strip, the waveform, captions with times."""

import base64
import dataclasses
import io
from typing import Any

import numpy as np
from PIL import Image

from vatt.prepare.doctor.clip_record import ClipRecord
from vatt.prepare.doctor.examine import Diagnosis
from vatt.prepare.doctor.findings import Place
from vatt.prepare.doctor.frames import JpegError, read_jpeg
from vatt.prepare.example_reader import ExampleError
from vatt.report.gallery import waveform
from vatt.report.markup import Markup, element

_FRAMES, _HEIGHT_PIXELS, _QUALITY = 4, 90, 80
_BARS = 96  # of a waveform
_CAPTIONS = 6


def contact_sheet(diagnosis: Diagnosis, clips: int) -> list[Markup]:
    """Cards of clips: first those that a finding names, then others spread evenly over the splits."""
    cards = []
    for row, why in _chosen(diagnosis, clips):
        try:
            clip, place = diagnosis.read(row)
        except (OSError, ExampleError):
            continue  # damaged: it is among the findings
        cards.append(_card(clip, place, why, diagnosis.prepared.labels))
    return cards


def _chosen(diagnosis: Diagnosis, clips: int) -> list[tuple[Any, str]]:
    """Rows of the diagnosis's hashes, and the name of the check that points at each, or ""."""
    hashes, chosen = diagnosis.hashes, {}
    number_of = {stated["file"]: number for number, (_, stated) in enumerate(diagnosis.prepared.shards)}
    for finding in diagnosis.findings:
        for _, place in finding.places[:2]:
            if place.offset is None or len(chosen) >= clips // 2:
                continue
            here = (hashes["shard"] == number_of[place.shard]) & (hashes["offset"] == place.offset)
            for row in np.flatnonzero(here):
                chosen.setdefault(int(row), finding.check.name)
    wanted = min(clips, len(hashes)) - len(chosen)
    others = np.setdiff1d(np.arange(len(hashes)), list(chosen))
    if wanted > 0 and len(others):
        spread = others[np.linspace(0, len(others) - 1, wanted).round().astype(int)]
        chosen.update((int(row), "") for row in spread)
    return [(hashes[row], why) for row, why in chosen.items()]


def _card(clip: ClipRecord, place: Place, why: str, labels: tuple[str, ...]) -> Markup:
    names = [text.decode("utf-8", "replace") for text in clip.labels.texts] or [
        labels[label] if 0 <= label < len(labels) else f"id {label}" for label in clip.labels.ids
    ]
    length = f"{max(clip.video_seconds, clip.audio_seconds):.1f} s"
    about = [dataclasses.replace(place, clip_id=""), length, f"{len(clip.jpegs)} frames", *names]
    return element(
        "article",
        element(
            "header",
            element("span", clip.clip_id, class_="caption"),
            element("span", why, class_="verdict wrong") if why else None,
        ),
        element("small", " · ".join(map(str, about))),
        _strip(clip),
        _waveform(clip.audio),
        _captions(clip),
        class_="card",
    )


def _strip(clip: ClipRecord) -> Markup:
    """Frames from the beginning to the end, side by side as one JPEG."""
    frames = []
    for number in np.linspace(0, max(0, len(clip.jpegs) - 1), min(_FRAMES, len(clip.jpegs))).round():
        try:
            _, frame = read_jpeg(clip.jpegs[int(number)], "RGB", _HEIGHT_PIXELS)
        except JpegError:
            continue
        width = max(1, round(frame.width * _HEIGHT_PIXELS / frame.height))
        frames.append(frame.resize((min(width, 4 * _HEIGHT_PIXELS), _HEIGHT_PIXELS)))
    if not frames:
        return element("div", "no frames" if not clip.jpegs else "no frame decodes", class_="absent")
    strip = Image.new("RGB", (sum(frame.width for frame in frames), _HEIGHT_PIXELS))
    left = 0
    for frame in frames:
        strip.paste(frame, (left, 0))
        left += frame.width
    stream = io.BytesIO()
    strip.save(stream, "JPEG", quality=_QUALITY)
    encoded = base64.b64encode(stream.getvalue()).decode()
    return element("img", src=f"data:image/jpeg;base64,{encoded}", alt=f"Frames of {clip.clip_id}")


def _waveform(audio: np.ndarray | None) -> Markup:
    """Peaks of the audio relative to full scale, so that a quiet track looks quiet."""
    if audio is None:
        return element("div", "no audio", class_="absent")
    full_scale = 1 << 15 if audio.dtype == np.int16 else 1
    magnitude = np.nan_to_num(np.abs(audio.astype(np.float32)).max(axis=1) / full_scale, posinf=1.0)
    peaks = [float(part.max()) for part in np.array_split(magnitude, _BARS) if len(part)]
    return waveform(peaks, "Waveform, relative to full scale", full_scale=1.0)


def _captions(clip: ClipRecord) -> Markup:
    if not clip.captions.texts:
        return element("div", "no captions", class_="absent")
    items = []
    for number, caption in enumerate(clip.captions.texts[:_CAPTIONS]):
        when = ""
        if clip.captions.times is not None:
            start, end = clip.captions.times[number].tolist()
            when = f"{start:.1f}–{end:.1f} s"
        items.append(element("li", element("i", when), " ", caption.decode("utf-8", "replace")))
    more = len(clip.captions.texts) - len(items)
    return element("ul", items, element("li", f"and {more} more", class_="quiet") if more else None)
