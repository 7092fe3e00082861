"""What audio takes in records by `--audio_codec`, and what it costs to encode and to decode.

    python benchmarks/audio_storage.py runs/data/demo-HASH/media FOLDER

Each place is a prepared set, whose own audio is encoded, or a folder of media, which are decoded at 48 and at
16 kHz first. Of a place at most `--clips` clips are taken, evenly over their names.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from vatt.data.set_description import AUDIO_CODECS, read_description  # noqa: E402
from vatt.prepare import stored_audio  # noqa: E402
from vatt.prepare.container import MediaError  # noqa: E402
from vatt.prepare.doctor.clip_record import Setting, read_clip  # noqa: E402
from vatt.prepare.media import MediaOptions, read_segments  # noqa: E402
from vatt.prepare.shard_reader import read_shard  # noqa: E402
from vatt.prepare.walk import walk_media  # noqa: E402

HOWTO100M_HOURS = 134_472


def clips_of(place: Path, rate_hz: int, most: int) -> Iterator[np.ndarray]:
    """int16 [S, channels] of each clip that has audio."""
    if (place / "dataset.json").exists():
        described = read_description(place)
        shards = (described.directory / shard["file"] for _, shard in described.shards)
        stored = [each.content for shard in shards for each in read_shard(shard) if each.content is not None]
        audio = (read_clip(each, Setting.of(described)).audio for each in evenly(stored, most))
    else:
        files = evenly(walk_media(place).media, most)
        audio = (audio for path in files for audio in audio_of(path, rate_hz))
    return (each for each in audio if each is not None and each.any())


def audio_of(path: Path, rate_hz: int) -> list[np.ndarray | None]:
    """Of a file, cut as `vatt prepare folder` cuts it; none of one without audio, which is said."""
    try:
        options = MediaOptions(audio_rate_hz=rate_hz)
        parts = read_segments(path, options, segment_seconds=10.0, modalities=("audio",))
        return [part.audio for part in parts]
    except MediaError as error:
        print(f"  left out: {error}")
        return []


def evenly(found: list, most: int) -> list:
    """At most `most` of a list."""
    return found[:: max(1, -(-len(found) // most))]


def measure(place: Path, rate_hz: int, most: int) -> None:
    """Prints a line for each codec."""
    clips = list(clips_of(place, rate_hz, most))
    seconds = sum(map(len, clips)) / rate_hz
    print(f"{place.name}, {rate_hz:,} Hz: {len(clips)} clips, {seconds:.0f} s")
    for codec in AUDIO_CODECS:
        if codec == "opus" and rate_hz != stored_audio.OPUS_RATE_HZ:
            continue
        began = time.process_time()
        held = [stored_audio.features(audio, codec, rate_hz) for audio in clips]
        encoding = time.process_time() - began
        size = sum(sum(map(len, each.get("WAVEFORM/encoded", each.get("WAVEFORM/pcm16")))) for each in held)
        began = time.process_time()
        for each in held:
            if codec != "pcm16":
                stored_audio.decoded(each["WAVEFORM/encoded"], each["WAVEFORM/num_samples"][0])
        decoding = time.process_time() - began
        hour = size / seconds * 3600
        print(
            f"  {codec}: {hour / 1e6:.0f} MB an hour, HowTo100M {hour * HOWTO100M_HOURS / 1e12:.1f} TB; for "
            f"ten seconds {1e4 * encoding / seconds:.1f} CPU-ms to encode, {1e4 * decoding / seconds:.1f} to "
            "decode"
        )


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("places", nargs="+", type=Path)
    parser.add_argument("--clips", type=int, default=100, help="of a place (default: %(default)s)")
    arguments = parser.parse_args()
    for place in arguments.places:
        is_set = (place / "dataset.json").exists()
        for rate_hz in [read_description(place).audio_rate_hz] if is_set else [48_000, 16_000]:
            measure(place, rate_hz, arguments.clips)


if __name__ == "__main__":
    main()
