"""What a training clip costs the host: from records, from the videos themselves, and with augmentation.

    python benchmarks/records.py

Renders videos as cameras and encoders make them (640x360, 25 frames per second, x264's defaults; 10 s and
60 s), prepares them, and measures the CPU time of one clip, 32 frames at 10 fps cropped at random and resized
to 224 pixels, in each of the ways below. Each measurement is a process of its own, with all its threads; the
ways take turns, and medians are compared. Records hold the video's 25 frames a second, as by default; next to
them are some prepared with `--max_frame_rate_hz 10`, of which a clip reads two fifths of the bytes. What is
asked for:

    records are at least 5 times as fast as decoding the video from a random instant;
    records reach at least 0.75 of the rate of decoding whole frames alone;
    augmentation takes at most 0.75 of `tf.image`'s, frame by frame; 0.35 with colour left to the device.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
VIDEO_SECONDS = (10, 60)
FRAMES, RATE_HZ, SIZE = 32, 10.0, 224
SEED = 0

# What is asked for: (left, right, limit): clips per CPU-second of the left over those of the right, at least.
TARGETS = (
    *((f"records {seconds}", f"video {seconds}", 5.0) for seconds in VIDEO_SECONDS),
    ("records 10", "whole frames", 0.75),
    ("augmentation", "tf.image per frame", 1 / 0.75),
    ("augmentation without colour", "tf.image per frame", 1 / 0.35),
)


def prepared_clips(folder: Path, records: str):
    """A training step's worth of clips after another, as a run reads them; yields how many."""
    from vatt.data.datasets.prepared import PreparedClips
    from vatt.spec import VIDEO, ClipSpec

    clip = ClipSpec(frames=FRAMES, frame_rate_hz=RATE_HZ, frame_size=SIZE, modalities=(VIDEO,))
    dataset = PreparedClips(directory=folder / records, clip=clip)
    for batch in dataset.train_batches(batch_size=4, first_step=0, seed=SEED):
        yield int(batch[VIDEO].shape[0])


def video_clips(folder: Path, seconds: int):
    """The same from the video: seek to the key frame before a random instant, decode on, crop, resize."""
    import av
    import numpy as np
    import tensorflow as tf

    from vatt.data import video

    boxes, decode_seconds = random_boxes(360, 640), FRAMES / RATE_HZ
    resize = tf.function(lambda frames: video.resize(frames, SIZE), reduce_retracing=True)
    draw = np.random.default_rng(SEED)
    for top, left, height, width in boxes:
        start = draw.uniform(0, seconds - decode_seconds)
        wanted = [start + number / RATE_HZ for number in range(FRAMES)]
        pictures = []
        with av.open(str(folder / f"video{seconds}.mp4")) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1  # many videos at once, a thread each, is the cheapest
            container.seek(int(start / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                # The frame at or after each instant: the nearest one would need the one after it as well.
                if frame.time >= wanted[len(pictures)] - 1e-6:
                    picture = frame.to_ndarray(format="rgb24")
                    pictures.append(picture[top : top + height, left : left + width])
                    if len(pictures) == FRAMES:
                        break
        pictures += pictures[-1:] * (FRAMES - len(pictures))
        resize(np.stack(pictures))
        yield 1


def whole_frames(folder: Path):
    """The records' JPEG frames decoded, all of each, and nothing else."""
    import tensorflow as tf

    decode = tf.function(lambda jpegs: [tf.io.decode_jpeg(jpeg, channels=3) for jpeg in tf.unstack(jpegs)])
    for jpegs in stored_clips(folder):
        decode(jpegs)
        yield 1


def augmentation(folder: Path, *, colour: bool):
    """Crop, resize, flip of decoded frames, as the pipeline does it; then colour, as a training step does."""
    import tensorflow as tf

    from vatt.data import video
    from vatt.layers.pixels import ColourJitter, DeviceInputs

    device = DeviceInputs(colour=ColourJitter())

    @tf.function
    def augment(frames, box, key):
        top, left, height, width = tf.unstack(box)
        frames = video.resize(frames[:, top : top + height, left : left + width], SIZE)
        frames = video.mirror_if(video.is_flipped(key), frames)
        if not colour:
            return frames
        batch = {"video": frames[tf.newaxis], "draw_key": tf.cast(key, tf.int32)[tf.newaxis]}
        return device(batch, training=True)["video"]

    yield from decoded_clips(folder, augment)


def augmentation_per_frame(folder: Path):
    """The same by `tf.image`, frame by frame, with A.2.1's colours."""
    import tensorflow as tf

    @tf.function
    def augment(frames, box, key):
        top, left, height, width = tf.unstack(box)
        flipped = tf.random.stateless_uniform([], key) < 0.5

        def one(frame):
            frame = tf.image.crop_to_bounding_box(frame, top, left, height, width)
            frame = tf.image.resize(frame, [SIZE, SIZE]) / 255
            frame = tf.cond(flipped, lambda: tf.image.flip_left_right(frame), lambda: frame)
            frame = tf.image.stateless_random_brightness(frame, 32 / 255, key)
            frame = tf.image.stateless_random_saturation(frame, 0.6, 1.4, key)
            frame = tf.image.stateless_random_contrast(frame, 0.6, 1.4, key)
            frame = tf.image.stateless_random_hue(frame, 0.2, key)
            return tf.clip_by_value(frame, 0, 1) * 2 - 1

        return tf.stack([one(frame) for frame in tf.unstack(frames)])

    yield from decoded_clips(folder, augment)


def decoded_clips(folder: Path, augment):
    """Gives decoded frames with a box and a key each to `augment`."""
    import tensorflow as tf

    clips = []
    for jpegs in itertools.islice(stored_clips(folder), 4):
        clips.append(tf.stack([tf.io.decode_jpeg(jpeg, channels=3) for jpeg in tf.unstack(jpegs)]))
    boxes = random_boxes(*clips[0].shape[1:3])
    for number, (clip, box) in enumerate(zip(itertools.cycle(clips), boxes, strict=False)):
        augment(clip, tf.constant(box), tf.constant([SEED, number], tf.int64))
        yield 1


def stored_clips(folder: Path):
    """Frames of a clip's length from the records of the shortest video, string [32], for ever."""
    import tensorflow as tf

    from vatt.data import parse
    from vatt.data.video import shown

    shards = sorted((folder / f"records{VIDEO_SECONDS[0]}").glob("*.tfrecord"))
    for serialized in tf.data.TFRecordDataset([str(shard) for shard in shards]).repeat():
        record = parse.parse_record(serialized, frame_rate_hz=25.0, audio_rate_hz=48_000)
        jpegs = record["jpegs"][:FRAMES]
        every = tf.range(tf.shape(jpegs)[0])
        yield tf.gather(jpegs, shown(jpegs, every, has_repeats=record["has_repeats"]))


def random_boxes(height: int, width: int):
    """The training crops of the pipeline, for ever: top, left, height, width."""
    import tensorflow as tf

    from vatt.data.random_area_crop import RandomAreaCrop

    draw = tf.function(RandomAreaCrop().box)
    for number in itertools.count():
        yield draw(height, width, tf.constant([SEED, number], tf.int64)).numpy()


VARIANTS = {
    **{f"records {seconds}": (prepared_clips, {"records": f"records{seconds}"}) for seconds in VIDEO_SECONDS},
    "records 10 at 10 Hz": (prepared_clips, {"records": "records10at10"}),
    **{f"video {seconds}": (video_clips, {"seconds": seconds}) for seconds in VIDEO_SECONDS},
    "whole frames": (whole_frames, {}),
    "augmentation": (augmentation, {"colour": True}),
    "augmentation without colour": (augmentation, {"colour": False}),
    "tf.image per frame": (augmentation_per_frame, {}),
}


def measure(folder: Path, variant: str, clips: int) -> dict:
    """CPU-milliseconds of a clip in this process, after as many to get going."""
    import keras
    import tensorflow as tf

    make, options = VARIANTS[variant]
    stream = make(folder, **options)

    def take(wanted):
        done = 0
        while done < wanted:
            done += next(stream)
        return done

    take(clips)
    start = time.process_time()
    done = take(clips)
    spent = time.process_time() - start
    versions = {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__}
    return {"milliseconds": 1000 * spent / done, "versions": versions}


def measured_apart(folder: Path, variant: str, clips: int) -> dict:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--only", variant, "--clips", str(clips), "--folder", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    # As without a GPU: the question is what the host has to do.
    environment["CUDA_VISIBLE_DEVICES"] = ""
    finished = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def make_material(folder: Path, videos: int) -> None:
    """Videos, and the records made of them."""
    import shutil

    from preparation import render

    from vatt.prepare.folder import plan_folder
    from vatt.prepare.media import MediaOptions
    from vatt.prepare.prepare import prepare_clips
    from vatt.prepare.record import RecordOptions

    for seconds in VIDEO_SECONDS:
        path, media = folder / f"video{seconds}.mp4", folder / f"media{seconds}"
        render(path, seconds)
        media.mkdir()
        for number in range(max(1, videos * 10 // seconds)):  # as many records of both lengths
            shutil.copy(path, media / f"{number}.mp4")  # further names of one file are left out
        plan = plan_folder(media, test_share=0.0)
        prepare_clips(plan, folder / f"records{seconds}")
        if seconds == VIDEO_SECONDS[0]:
            fewer = RecordOptions(media=MediaOptions(max_frame_rate_hz=RATE_HZ))
            prepare_clips(plan, folder / f"records{seconds}at10", options=fewer)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=48, help="clips of one (default: %(default)s)")
    parser.add_argument("--videos", type=int, default=12, help="videos of 10 s (default: %(default)s)")
    parser.add_argument("--only", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.folder, arguments.only, arguments.clips)))
        return
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as directory:
        make_material(Path(directory), arguments.videos)
        found = {variant: [] for variant in VARIANTS}
        for _ in range(arguments.repeats):
            for variant, values in found.items():
                measured = measured_apart(Path(directory), variant, arguments.clips)
                values.append(measured["milliseconds"])
    print(", ".join(f"{name} {version}" for name, version in measured["versions"].items()))
    medians = {variant: statistics.median(values) for variant, values in found.items()}
    for variant, values in found.items():
        spread = f"{min(values):.1f} to {max(values):.1f}"
        print(f"{variant:28s} {medians[variant]:7.1f} CPU-ms a clip ({spread})")
    for left, right, least in TARGETS:
        ratio = medians[right] / medians[left]
        verdict = "met" if ratio >= least else "MISSED"
        print(f"{left} : {right} {ratio:.2f} times the rate, at least {least:.2f}: {verdict}")


if __name__ == "__main__":
    main()
