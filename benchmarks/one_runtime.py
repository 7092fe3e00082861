"""An export in one runtime: its distance from the golden embeddings, and its time for one clip and for 32.

Needs NumPy and the runtime, and nothing of this project; but Keras on JAX or PyTorch needs `vatt`, without
TensorFlow:

    python benchmarks/one_runtime.py onnxruntime OUT
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import string
import time
import unicodedata

import numpy as np

INPUTS = {"video": "frames", "audio": "samples", "text": "ids"}
ROWS = (1, 32)


def onnxruntime(folder, modality):
    """ONNX by onnxruntime, one thread."""
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(
        folder / "onnx" / f"{modality}.onnx", options, providers=["CPUExecutionProvider"]
    )
    names = [each.name for each in session.get_outputs()]
    return lambda given: dict(zip(names, session.run(names, {INPUTS[modality]: given}), strict=True))


def openvino(folder, modality):
    """ONNX by OpenVINO, one thread. Its default on a processor that has bfloat16 is bfloat16."""
    import openvino as runtime

    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    model = runtime.Core().compile_model(folder / "onnx" / f"{modality}.onnx", "CPU", hints)
    return lambda given: {out.any_name: rows for out, rows in model({INPUTS[modality]: given}).items()}


def litert(folder, modality):
    """LiteRT, one thread; a row at a time, which is what it was exported for."""
    from ai_edge_litert.interpreter import Interpreter

    path = str(folder / "litert" / f"{modality}.tflite")
    call = Interpreter(model_path=path, num_threads=1).get_signature_runner(modality)

    def run(given):
        made = [call(**{INPUTS[modality]: row[np.newaxis]}) for row in given]
        return {name: np.concatenate([each[name] for each in made]) for name in made[0]}

    return run


def saved_model(folder, modality):
    """The SavedModel by TensorFlow, one thread."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    call = tf.saved_model.load(str(folder / "saved_model")).signatures[f"embed_{modality}"]
    name = "sentences" if modality == "text" else INPUTS[modality]
    return lambda given: {key: rows.numpy() for key, rows in call(**{name: tf.constant(given)}).items()}


def jax(folder, modality):
    """The Keras model by JAX."""
    return _by_keras("jax", folder, modality)


def torch(folder, modality):
    """The Keras model by PyTorch, one thread."""
    import torch as runtime

    runtime.set_num_threads(1)
    return _by_keras("torch", folder, modality)


def _by_keras(backend, folder, modality):
    os.environ["KERAS_BACKEND"] = backend
    import vatt

    call = getattr(vatt.load(folder / "model.keras"), f"embed_{modality}")
    return lambda given: call(given.tolist() if modality == "text" else given)


RUNTIMES = {each.__name__: each for each in (onnxruntime, openvino, litert, saved_model, jax, torch)}
PACKAGES = {"litert": "ai-edge-litert", "saved_model": "tensorflow"}
OF_SENTENCES = ("saved_model", "jax", "torch")


def word_ids(sentences, facts):
    """int32 [N, L] by the rule of docs/export.md, from the facts of `inputs.json`."""
    numbers = {word: number for number, word in enumerate(facts["tokenizer"]["words"])}
    ids = np.zeros((len(sentences), facts["clip"]["words"]), np.int32)
    for row, sentence in zip(ids, sentences, strict=True):
        if facts["tokenizer"]["switches"]["release"]:
            kept = sentence.translate({ord(each): None for each in string.punctuation})
            kept = "".join(each.lower() if each.isascii() else each for each in kept)
        else:
            kept = "".join(each for each in sentence.lower() if unicodedata.category(each)[0] not in "PS")
        words = kept.split()[: len(row)]
        row[: len(words)] = [numbers.get(word, 1) for word in words]
    return ids


def golden(folder, runtime):
    """modality -> (what the runtime takes, what it must give)."""
    of_clips = runtime == "litert"
    stored = np.load(folder / "litert" / "golden.npz" if of_clips else folder / "golden.npz")
    found = {}
    for modality, name in INPUTS.items():
        head = f"out/{modality}/" if of_clips else f"out/embed_{modality}/"
        wanted = {key.removeprefix(head): stored[key] for key in stored if key.startswith(head)}
        if not wanted:
            continue
        if f"in/{name}" in stored:
            given = stored[f"in/{name}"]
        elif runtime in OF_SENTENCES:
            given = stored["in/sentences"]
        else:
            facts = json.loads((folder / "onnx" / "inputs.json").read_text(encoding="utf-8"))
            given = word_ids(stored["in/sentences"].tolist(), facts)
        found[modality] = given, wanted
    return found


def seconds(run, given, least=0.5):
    """{"wall", "processor"}: seconds of a call, the median of those of half a second, at least three."""
    run(given)
    walls, processors, begin = [], [], time.perf_counter()
    while len(walls) < 3 or time.perf_counter() - begin < least:
        wall, processor = time.perf_counter(), time.process_time()
        run(given)
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return {"wall": float(np.median(walls)), "processor": float(np.median(processors))}


def clips(given, modality, facts, rows):
    """`rows` clips of the model's length: what is timed."""
    span = facts["audio_seconds"] or facts["frames"] / facts["frame_rate_hz"]
    length = {"video": facts["frames"], "audio": round(span * facts["sample_rate_hz"])}.get(modality)
    clip = given[:1] if length is None else given[:1, :length]
    return np.repeat(clip, rows, axis=0)


def main():
    """Prints what was measured as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runtime", choices=RUNTIMES)
    parser.add_argument("export", type=pathlib.Path)
    parser.add_argument("--timed", action="store_true", help="and the time for one clip and for 32")
    arguments = parser.parse_args()
    package = PACKAGES.get(arguments.runtime, arguments.runtime)
    found = {"runtime": f"{package} {importlib.metadata.version(package)}"}
    card = json.loads((arguments.export / "model_card.json").read_text(encoding="utf-8"))
    clip = card["inputs"]["clip"]
    for modality, (given, wanted) in golden(arguments.export, arguments.runtime).items():
        run = RUNTIMES[arguments.runtime](arguments.export, modality)
        made = run(given)
        found[modality] = {"gap": max(float(np.abs(made[name] - wanted[name]).max()) for name in wanted)}
        if arguments.timed:
            for rows in ROWS:
                found[modality][str(rows)] = seconds(run, clips(given, modality, clip, rows))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
