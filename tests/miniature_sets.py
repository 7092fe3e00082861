"""Every published data set that an experiment reads, in miniature: official files, a few media, prepared.

A set is made by the command that the experiment's header gives. All classes are named, a handful of clips is
there.
"""

import argparse
import json
import shutil

import numpy as np
from PIL import Image

from tests.prepare.media_maker import beep, grey, make_media
from vatt.prepare import cli

_SECONDS = 3


class MiniatureSets:
    """Prepares sets below a folder, each when it is first asked for.

    Args:
        folder: where everything goes.
    """

    def __init__(self, folder):
        self._folder = folder
        self._samples = {}

    def path(self, name) -> str:
        """Directory of the prepared set; `name` is that of its layout."""
        home = self._folder / name
        if not (home / "records" / "dataset.json").is_file():
            options = _LAYOUTS[name](_Tree(self, home), name)
            folders = ["--annotations", home / "annotations", "--media", home / "media", home / "records"]
            parser = argparse.ArgumentParser()
            cli.add_arguments(parser)
            small = ["--processes", "1", "--short_side_pixels", "32"]
            assert cli.main(parser.parse_args([name, *small, *options, *map(str, folders)])) == 0
        return str(home / "records")

    def sample(self, suffix):
        """A small file of a kind of media, made once."""
        if suffix not in self._samples:
            path = self._folder / f"sample{suffix}"
            if suffix == ".JPEG":
                Image.fromarray(np.full((32, 40, 3), 90, np.uint8)).save(path)
            else:
                sound = {"sound": beep(_SECONDS, at=0.1, length=2.5)}
                if suffix == ".wav":
                    make_media(path, **sound, audio_codec="pcm_s16le")
                else:
                    make_media(path, pictures=grey(np.arange(25 * _SECONDS)), rate_hz=25, **sound)
            self._samples[suffix] = path
        return self._samples[suffix]


class _Tree:
    """Official files and media of one set."""

    def __init__(self, sets, home):
        self._sets, self._home = sets, home

    def write(self, name, text):
        path = self._home / "annotations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def place(self, *names):
        for name in names:
            path = self._home / "media" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._sets.sample(path.suffix), path)


def _kinetics(tree, name):
    classes = int(name.removeprefix("kinetics"))
    header = "label,youtube_id,time_start,time_end,split\n"
    rows = [f"class {n:03d},train{n:06d},0,10,train\n" for n in range(classes)]
    tree.write("train.csv", header + "".join(rows))
    tree.write("val.csv", header + "".join(f"class {n:03d},valid{n:06d},0,10,val\n" for n in range(3)))
    tree.place(*(f"train{n:06d}_000000_000010.mp4" for n in range(5)))
    tree.place(*(f"valid{n:06d}_000000_000010.mp4" for n in range(3)))
    return []


def _moments_in_time(tree, name):
    tree.write("moments_categories.txt", "".join(f"class{n},{n}\n" for n in range(339)))
    for file, folder, count in (("trainingSet", "training", 5), ("validationSet", "validation", 3)):
        tree.write(f"{file}.csv", "".join(f"class{n}/{folder}{n}.mp4,class{n},4,1\n" for n in range(count)))
        tree.place(*(f"{folder}/class{n}/{folder}{n}.mp4" for n in range(count)))
    return []


def _audioset(tree, name):
    classes = "".join(f'{n},/m/{n:04d},"Sound {n}"\n' for n in range(527))
    tree.write("class_labels_indices.csv", "index,mid,display_name\n" + classes)
    head = "# Segments csv\n# num_ytids=8\n# YTID, start_seconds, end_seconds, positive_labels\n"
    for file, prefix, count in (("balanced_train_segments", "t", 5), ("eval_segments", "e", 3)):
        rows = (f'{prefix}{n:010d}, 0.000, 10.000, "/m/{n:04d},/m/{n + 1:04d}"\n' for n in range(count))
        tree.write(f"{file}.csv", head + "".join(rows))
        tree.place(*(f"{prefix}{n:010d}_0_10.mp4" for n in range(count)))
    return []


def _imagenet(tree, name):
    wnids = [f"n{n:08d}" for n in range(1000)]
    tree.write("LOC_synset_mapping.txt", "".join(f"{wnid} thing\n" for wnid in wnids))
    rows = "".join(f"ILSVRC2012_val_{n:08d},{wnids[n]} 1 2 3 4 \n" for n in range(1, 4))
    tree.write("LOC_val_solution.csv", "ImageId,PredictionString\n" + rows)
    tree.place(*(f"train/{wnids[n]}/{wnids[n]}_{n}.JPEG" for n in range(5)))
    tree.place(*(f"val/ILSVRC2012_val_{n:08d}.JPEG" for n in range(1, 4)))
    return []


def _ucf101(tree, name):
    classes = [f"Class{n:03d}" for n in range(1, 102)]
    tree.write("classInd.txt", "".join(f"{n} {each}\n" for n, each in enumerate(classes, 1)))
    for split, group in (("train", 8), ("test", 1)):
        clips = [
            (f"{each}/v_{each}_g{group:02d}_c{c:02d}.avi", n)
            for n, each in enumerate(classes[:3], 1)
            for c in range(1, 4)
        ]
        index = (lambda n: f" {n}") if split == "train" else lambda n: ""
        tree.write(f"{split}list01.txt", "".join(f"{clip}{index(n)}\n" for clip, n in clips))
        tree.place(*(clip for clip, _ in clips))
    return ["--official_split", "1"]


def _hmdb51(tree, name):
    classes = ["brush_hair", *(f"class_{n:02d}" for n in range(50))]
    for n, each in enumerate(classes):
        clips = [f"clip_{n:02d}_{c}.avi" for c in range(6)] if n < 3 else []
        rows = (f"{clip} {1 + c % 2} \n" for c, clip in enumerate(clips))
        tree.write(f"{each}_test_split1.txt", "".join(rows))
        tree.place(*(f"{each}/{clip}" for clip in clips))
    return ["--official_split", "1"]


def _esc50(tree, name):
    rows = ""
    for n in range(50):
        for fold in (1, 2, 3, 4):
            rows += f"{fold}-{n}-A-{n}.wav,{fold},{n},class_{n:02d},False,{n},A\n"
            if n < 3:
                tree.place(f"{fold}-{n}-A-{n}.wav")
    tree.write("esc50.csv", "filename,fold,target,category,esc10,src_file,take\n" + rows)
    return ["--official_split", "1"]


def _youcook2(tree, name):
    def steps(count):
        return [
            {"segment": [0.1, 2.9], "id": n, "sentence": f"cut the red one {n} times"} for n in range(count)
        ]

    database = {
        f"{subset}{n:02d}": {"subset": subset, "annotations": steps(2)}
        for subset, count in (("training", 2), ("validation", 3))
        for n in range(count)
    }
    tree.write("youcookii_annotations_trainval.json", json.dumps({"database": database}))
    tree.place(*(f"{video}.mp4" for video in database))
    return []


def _msrvtt(tree, name):
    rows = "".join(f"ret{n},msr{n},video{n},the blue disc {n}\n" for n in range(4))
    tree.write("MSRVTT_JSFUSION_test.csv", "key,vid_key,video_id,sentence\n" + rows)
    tree.place(*(f"video{n}.mp4" for n in range(4)))
    return ["--split", "1k-A"]


def _howto100m(tree, name):
    videos = [f"video{n:06d}" for n in range(4)]
    rows = "".join(f"{video},Food,Cooking,1,2\n" for video in videos)
    tree.write("HowTo100M_v1.csv", "video_id,category_1,category_2,rank,task_id\n" + rows)
    captions = {video: {"start": [0.2], "end": [2.0], "text": ["spin the star"]} for video in videos}
    tree.write("caption.json", json.dumps(captions))
    tree.place(*(f"{video}.mp4" for video in videos))
    return []


_LAYOUTS = {
    "kinetics400": _kinetics,
    "kinetics600": _kinetics,
    "kinetics700": _kinetics,
    "moments_in_time": _moments_in_time,
    "audioset": _audioset,
    "imagenet": _imagenet,
    "ucf101": _ucf101,
    "hmdb51": _hmdb51,
    "esc50": _esc50,
    "youcook2": _youcook2,
    "msrvtt": _msrvtt,
    "howto100m": _howto100m,
}
