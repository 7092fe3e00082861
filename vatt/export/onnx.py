"""The encoders as ONNX: raw media in, vectors out, for any runtime that reads it.

Windows, squares, resizing and the mean are inside, as in the SavedModel, but without a loop, which not every
runtime has: all windows of a call are encoded at once. ONNX can not cut Unicode strings, so the text encoder
takes ids; `inputs.json` has the words, and `vatt.data.words.split_words` is the rule, in plain Python.
"""

import contextlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from vatt.embed import text_model, windows
from vatt.embed.embedder import Embedder, outputs_of
from vatt.embed.loading import Trained
from vatt.embed.media_encoder import MediaEncoder
from vatt.evals.encoder import encoder
from vatt.export.errors import ExportError
from vatt.export.golden import differences, golden_inputs, golden_outputs, require_equal
from vatt.export.module import INPUTS
from vatt.layers.lean import framework_gradients
from vatt.models.classifier import IMAGE, Classifier
from vatt.protocols import Tensor
from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec

FOLDER = "onnx"
OPSET = 18
_ONE = np.array(1.0, np.float32)


def write_encoders(
    folder: Path,
    trained: Trained,
    modalities: Sequence[str],
    inputs: Mapping[str, np.ndarray],
    outputs: Mapping[str, Mapping[str, np.ndarray]],
    several_labels: bool = False,
) -> dict[str, float]:
    """Writes `MODALITY.onnx` for each modality and compares it with golden embeddings.

    Args:
        inputs, outputs: see `golden_inputs` and `golden_outputs`.
        several_labels: see `ExportedClassifier`.

    Returns:
        file name -> the largest difference.
    """
    folder.mkdir(exist_ok=True)
    found = {}
    for modality in modalities:
        path = folder / f"{modality}.onnx"
        path.write_bytes(_converted(modality, trained, several_labels))
        signature = ("classify_" if isinstance(trained.model, Classifier) else "embed_") + modality
        wanted = {signature: outputs[signature]}
        got = run(path, given_to(modality, trained, inputs))
        found[path.name] = max(differences(wanted, {signature: got}).values())
    return found


def write_text_model(folder: Path, embedder: Embedder) -> None:
    """Writes the text encoder of a model, checked, for `vatt.embed.text_model.TextModel`.

    Raises:
        ExportError: its sentences are not read by a plain word list, or it is not the model that was written.
    """
    trained = Trained(
        model=embedder.model,
        clip=embedder.clip,
        tokenizer=embedder.tokenizer,
        label_names=(),
        source=embedder.source,
    )
    if getattr(embedder.tokenizer, "resources", None) is None:
        raise ExportError(
            f"Without TensorFlow sentences are read by a plain word list. Received: {embedder.source}, whose "
            f"tokenizer is {type(embedder.tokenizer).__name__}. Leave its text encoder out."
        )
    inputs = golden_inputs(trained, (TEXT,))
    outputs = golden_outputs(trained, inputs, MediaEncoder(trained.model, trained.known_clip))
    require_equal(write_encoders(folder, trained, (TEXT,), inputs, outputs), "the text encoder")
    facts = embedder.input_facts | {"fingerprint": embedder.fingerprint}
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    (folder / text_model.FACTS_FILE).write_text(text, encoding="utf-8")


def given_to(modality: str, trained: Trained, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Golden inputs as the ONNX encoder of a modality takes them."""
    if modality == TEXT:
        return trained.tokenizer.encode(inputs["sentences"].tolist(), length=trained.known_clip.words)
    return inputs[str(INPUTS[modality].name)]


def run(path: Path, given: np.ndarray) -> dict[str, np.ndarray]:
    """Output -> values, by onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (argument,) = session.get_inputs()
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, {argument.name: given}), strict=True))


def _converted(modality, trained, several_labels) -> bytes:
    tf2onnx = _converter()
    kind = INPUTS[modality]
    if modality == TEXT:
        kind = tf.TensorSpec([None, trained.known_clip.words], tf.int32, name="ids")
    call = tf.function(_encoding(modality, trained, several_labels), input_signature=[kind], autograph=False)
    try:
        with framework_gradients(), quiet():
            model, _ = tf2onnx.convert.from_function(
                call, [kind], opset=OPSET, custom_op_handlers={"Erfc": (_erfc, [])}
            )
            _shorten_names(model.graph)
            _name_axes(model.graph)
            return model.SerializeToString()
    except Exception as error:  # the converter's own classes, and protobuf's above 2 GB
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ExportError(
            f"ONNX must have every operation of the encoder for {modality}, in a file of at most 2 GB. "
            f"Received: {reason}. Leave 'onnx' out of the formats."
        ) from error


def _shorten_names(graph: Any) -> None:
    """Names of what is computed by number: the layers' own take more room than small layers."""
    own = {each.name for each in (*graph.input, *graph.output)}
    numbered: dict[str, str] = {}

    def short(name):
        return name if not name or name in own else numbered.setdefault(name, str(len(numbered)))

    for weight in graph.initializer:
        weight.name = short(weight.name)
    for node in graph.node:
        node.name = ""
        node.input[:], node.output[:] = map(short, node.input), map(short, node.output)
    del graph.value_info[:]


def _name_axes(graph: Any) -> None:
    """Names of free sizes, which programs in other languages show and set."""
    axes = {"frames": ("batch", "time", "height", "width"), "samples": ("batch", "time")}
    axes["images"] = ("batch", "height", "width")
    for value in (*graph.input, *graph.output):
        for dimension, name in zip(value.type.tensor_type.shape.dim, axes.get(value.name, ("batch",))):
            dimension.dim_param = name


def _encoding(modality: str, trained: Trained, several_labels: bool) -> Callable[[Tensor], dict[str, Tensor]]:
    """Function from raw media, or ids, of B rows to {output: float32 [B, D]}."""
    is_classifier = isinstance(trained.model, Classifier)
    outputs = {"logits": "logits"} if is_classifier else outputs_of(modality)
    encode = encoder(trained.model, list(outputs.values()))
    seen = VIDEO if modality == IMAGE else modality

    def call(given):
        rows = tf.shape(given)[0]
        if modality == IMAGE:
            given = given[:, tf.newaxis]
        made = encode({seen: given if modality == TEXT else _all_windows(seen, given, trained.known_clip)})
        means = {}
        for name, output in outputs.items():
            each = tf.reshape(made[output], tf.stack([rows, -1, made[output].shape[-1]]))
            means[name] = tf.reduce_mean(each, axis=1)
        if not is_classifier:
            return {name: tf.math.l2_normalize(mean, axis=-1) for name, mean in means.items()}
        scores = tf.sigmoid(means["logits"]) if several_labels else tf.nn.softmax(means["logits"])
        return means | {"scores": scores}

    return call


def _all_windows(modality: str, media: Tensor, clip: ClipSpec) -> Tensor:
    """Media of B rows and n windows as B · n clips, those of a row one after the other."""
    available = tf.shape(media)[1]
    length = clip.frames if modality == VIDEO else clip.samples
    steps = tf.range(tf.maximum(available, length))[:length]  # of a constant range the file would hold a copy
    places = windows.window_starts(available, length)[:, tf.newaxis] + steps
    cut = tf.gather(media, tf.minimum(places, available - 1), axis=1)
    if modality == AUDIO:
        return tf.reshape(cut * tf.cast(places < available, media.dtype), [-1, length])
    height, width = tf.shape(media)[2], tf.shape(media)[3]
    cut = tf.reshape(cut, tf.stack([-1, length, height, width, 3]))
    return windows.fit_frames(cut, clip, resize=resized)


def resized(frames: Tensor, size: int) -> Tensor:
    """`vatt.data.video.resize` in operations that round alike everywhere. ONNX's own Resize places some
    pixels a rounding error away, and what lies in the middle between two values becomes the other one.
    """
    values = frames
    for axis in (2, 1):
        length = tf.shape(values)[axis]
        places = (tf.range(size, dtype=tf.float32) + 0.5) * (tf.cast(length, tf.float32) / size) - 0.5
        lower = tf.floor(places)
        part = tf.reshape(places - lower, [size] + [1] * (3 - axis))
        first = tf.gather(values, tf.maximum(tf.cast(lower, tf.int32), 0), axis=axis)
        second = tf.gather(values, tf.minimum(tf.cast(tf.math.ceil(places), tf.int32), length - 1), axis=axis)
        first = tf.cast(first, tf.float32)
        values = first + (tf.cast(second, tf.float32) - first) * part
    return tf.cast(values + 0.5, tf.uint8)


def _erfc(context: Any, node: Any, name: str, _: Any) -> None:
    """1 − erf(x), which ONNX has, for the erfc(x) of gelu, which it has not."""
    outputs, shape = node.output, context.get_shape(node.output[0])
    kind, given = context.get_dtype(node.output[0]), node.input[0]
    context.remove_node(name)
    one = context.make_const(f"{name}/one", _ONE).output[0]
    erf = context.make_node("Erf", [given], name=f"{name}/erf").output[0]
    context.make_node("Sub", [one, erf], name=name, outputs=outputs, shapes=[shape], dtypes=[kind])


def _converter() -> Any:
    try:
        import onnxruntime  # noqa: F401 (what is written is run)
        import tf2onnx
    except ImportError as error:
        raise ExportError(
            f"ONNX needs packages that are not installed. Received: {error}. Install them with "
            "`pip install 'vatt[onnx]'`, or leave 'onnx' out of the formats."
        ) from error
    return tf2onnx


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what TensorFlow and the converter say of the way."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow", "")]
    levels = [each.level for each in loggers]
    try:
        for each in loggers:
            each.setLevel(logging.ERROR)
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
