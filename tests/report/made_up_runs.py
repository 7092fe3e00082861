"""Run directories made up for the report's tests: every kind of evaluation, alarms, hostile texts."""

import json
import math

PIXEL = (  # a 1 x 1 GIF replaces a strip of frames
    "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
)
HOSTILE = "<script>alert('x')</script> & \"quoted\""


def figures(recall):
    return {
        "recall_at_1": recall,
        "chance_recall_at_1": 0.042,
        "recall_at_5": 1.0,
        "chance_recall_at_5": 0.194,
        "median_rank": 1.0,
        "chance_median_rank": 16.0,
        "mean_rank": 1.43,
        "chance_mean_rank": 20.7,
    }


def card(**more):
    data = {
        "dataset": "demo",
        "split": "test",
        "records": 150,
        "fingerprint": "5074e79a68d7f4bc",
        "clip": {"frames": 32, "modalities": ["video", "audio"]},
        "clips_with": None,
    }
    settings = {"views": 1, "ties": "equal scores count against the model", "standardise": False}
    return {
        "data": data,
        **settings,
        "weights": "69f30f936fcdad1a",
        "precision": "float32",
        "code": "0.1",
    } | more


def retrieval(caption="a red circle bounces", right=103, **more):
    """An artifact of 144 queries in each direction, of which `right` are right at once."""
    names = ("text → video", "video → text", "audio → video", "video → audio", "text → audio", "audio → text")
    directions = [
        {
            "name": label.replace(" → ", "_to_"),
            "label": label,
            "space": "video_text",
            "derived": set(label.split(" → ")) == {"text", "audio"},
            "queries": 144,
            "items": 144,
            "clips": 144,
            "left_out": 6 if "audio" in label else 0,
            "figures": figures(right / 144),
            "exact_clip": figures(0.125),
            "query_ranks": [1] * right + [3] * (144 - right),
            "exact_clip_query_ranks": [1] * 18 + [2] * 126,
        }
        for label in names
    ]
    retrieved = [{"clip": n % 3, "score": 0.9 - n / 10, "hit": n != 1} for n in range(5)]
    clip = {"group": "red circle bounces", "caption": caption, "jpeg_base64": PIXEL}
    query = {"clip": 1, "caption": caption, "envelope": [0.1, 0.5, 0.2], "retrieved": retrieved}
    return {
        "kind": "retrieval",
        "clips": 150,
        "captions": "first",
        "grouped": True,
        "ranks": [1, 5],
        "directions": directions,
        "queries": [
            query | {"direction": "text_to_video", "rank": 1},
            query | {"direction": "audio_to_video", "rank": 7},
        ],
        "shown_clips": {str(n): clip | {"id": f"clip{n}@0.0"} for n in range(3)},
        "protocol": card(),
    } | more


def classification(classes=6, clips=20, name="class {}", **more):
    """An artifact in which class n has n mistakes, taken for the class after it."""
    listed, confusion, ranks = [], [], []
    for number in range(classes):
        wrong = min(number, clips)
        one = {"label": name.format(number), "clips": clips, "top_1": 1 - wrong / clips, "top_5": 1.0}
        confusion.append([number, number, clips - wrong])
        if wrong:
            other = (number + 1) % classes
            one |= {"taken_for": name.format(other), "taken_for_clips": wrong}
            confusion.append([number, other, wrong])
        listed.append(one)
        ranks += [1] * (clips - wrong) + [2] * wrong
    right = sum(rank == 1 for rank in ranks) / len(ranks)
    return {
        "kind": "classification",
        "clips": len(ranks),
        "left_out": 2,
        "figures": {"top_1": right, "top_5": 1.0, "chance_top_1": 1 / classes, "mean_class_accuracy": right},
        "classes": listed,
        "confusion": confusion,
        "ranks": ranks,
        "protocol": card(),
    } | more


def probe(**more):
    fit = {"c": 0.01, "accuracy_of_c": {"0.01": 0.75, "0.1": 0.5}, "unfinished_fits": 0}
    made = classification(kind="probe", train_clips=480, fit=fit, fit_seconds=93.0)
    return made | {"protocol": card(train_data=card()["data"])} | more


def zero_shot():
    made = classification(kind="zero_shot", classes_alike=2)
    for number, each in enumerate(made["classes"]):
        each |= {"sentence": f"a video of {number}", "alike": number < 2}
    return made


def several_labels():
    listed = [
        {"label": f"sound {n}", "clips": 10 + n, "average_precision": n / 40, "auc": 0.9, "d_prime": 1.812}
        for n in range(40)
    ]
    listed.append({"label": "never heard", "clips": 0})
    made = {
        "mean_average_precision": 0.4875,
        "mean_auc": 0.9,
        "d_prime": 1.8,
        "d_prime_of_mean_auc": 1.81,
        "classes": 40.0,
        "classes_left_out": 1.0,
    }
    return {
        "kind": "classification",
        "clips": 500,
        "left_out": 0,
        "figures": made,
        "classes": listed,
        "protocol": card(),
    }


def splits():
    parts = {f"split_{n}": probe() for n in (1, 2, 3)}
    made = {
        "top_1": 0.5,
        "top_1_deviation": 0.012,
        "mean_class_accuracy": 0.5,
        "mean_class_accuracy_deviation": 0.01,
    }
    cards = {name: part["protocol"] for name, part in parts.items()}
    return {"kind": "mean_over_splits", "figures": made, "splits": parts, "protocol": {"mean_over": cards}}


def journal(steps=60):
    for step in range(1, steps + 1):
        yield {
            "step": step,
            "loss": 8.0 * math.exp(-step / 30),
            "loss/video_audio": 4.0 * math.exp(-step / 30),
            "loss/video_text": 4.0 * math.exp(-step / 30),
            "learning_rate": 1e-4 * step / steps,
            "gradient_norm": 1.5,
            "clips_per_second": 170.0,
            "data_wait_share": 0.02,
            "seconds": 0.5 * step,
        }


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_evaluation(directory, name, artifact, *, step=60, metrics=None):
    evaluation = {"step": step, "metrics": metrics or {}, "artifact": artifact}
    (directory / "evaluations").mkdir(parents=True, exist_ok=True)
    (directory / "evaluations" / f"{name}.json").write_text(json.dumps(evaluation))


def write_run(directory, *, seed=0):
    """A run that trained 60 steps and measured retrieval at its end."""
    metrics = {"demo/clips": 150, "demo/text_to_video/recall_at_1": 103 / 144}
    write_evaluation(directory, "demo", retrieval(), metrics=metrics)
    (directory / "metrics.json").write_text(json.dumps({"step": 60, **metrics}))
    write_lines(directory / "journal.jsonl", journal())
    (directory / "config.gin").write_text(f"MODEL_DIR = 'a <place>'\nSEED = {seed}\nrun.job = @Trainer\n")
    (directory / "command.txt").write_text(
        "command: python -m vatt.main --gin_file=pretrain.gin\n"
        "started: 2026-01-02T03:04:05+00:00\n"
        "packages: tensorflow 2.21.0, keras 3.15.1\n\n"
    )
    (directory / "checkpoints").mkdir()
    facts = {"identity": {"data": "d34a7bd67c1d2038", "batch_size": "32", "seed": str(seed)}}
    (directory / "checkpoints" / "ckpt-60.json").write_text(json.dumps({"step": 60, "facts": facts}))
    return directory


def write_troubled_run(directory):
    """A run in which everything went wrong that a run survives."""
    write_run(directory, seed=1)
    lines = list(journal())
    lines[19] |= {
        "loss": 30.0,
        "alarms": [f"the loss is 30 {HOSTILE}", "no clip of this batch has any audio"],
    }
    for line in lines[29:]:
        line |= {"skipped_steps": 2, "damaged_records": 5}
    write_lines(directory / "journal.jsonl", lines)
    time = "2026-01-02T03:04:05+00:00"
    write_lines(
        directory / "incidents.jsonl",
        [
            {"step": 30, "time": time, "kind": "step left out", "sentence": f"loss=nan {HOSTILE}"},
            {"step": 50, "time": time, "kind": "checkpoint set aside", "sentence": "ckpt-50 is damaged."},
        ],
    )
    return directory
