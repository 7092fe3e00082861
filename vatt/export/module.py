"""A trained model as one TensorFlow object that takes raw media and sentences: what a SavedModel is made of.

Everything between the bytes of a frame, a sample or a sentence and the vector runs in TensorFlow's own ops,
so loading the SavedModel needs only plain TensorFlow. Rules of windows, squares and words are those of
`vatt.embed`, from the same functions.
"""

import contextlib
import functools
import inspect
import itertools
from collections.abc import Sequence

import tensorflow as tf

from vatt.embed import windows
from vatt.embed.embedder import outputs_of
from vatt.embed.inputs import NO_WORDS
from vatt.embed.loading import Trained
from vatt.export.errors import ExportError
from vatt.layers import draws
from vatt.layers.pixels import normalised_pixels
from vatt.models.classifier import IMAGE
from vatt.spec import AUDIO, MODALITIES, TEXT, VIDEO

# Input of each modality: its name in the signatures, and what any caller may give.
INPUTS = {
    VIDEO: tf.TensorSpec([None, None, None, None, 3], tf.uint8, name="frames"),
    AUDIO: tf.TensorSpec([None, None], tf.float32, name="samples"),
    TEXT: tf.TensorSpec([None], tf.string, name="sentences"),
    IMAGE: tf.TensorSpec([None, None, None, 3], tf.uint8, name="images"),
}
# No function here has Python control flow that AutoGraph would have to turn into graph ops.
_graph = functools.partial(tf.function, autograph=False)
_VECTORS = tf.TensorSpec([None, None], tf.float32)


class _Reusable(tf.train.Checkpoint):
    """The reusable SavedModel of TF Hub: callable, with the lists of variables that a trainer asks for."""

    def __init__(self, model):
        super().__init__()
        self.variables = [variable.value for variable in model.variables]
        self.trainable_variables = [variable.value for variable in model.trainable_variables]
        self.regularization_losses = []
        self._signatures = {}

    @property
    def signature_functions(self):
        """Name -> function of every signature."""
        return dict(self._signatures)

    def __call__(self, given, training=False):
        """In Python; what is saved under this name is the object's own."""
        return vars(self)["__call__"](given, training)


class ExportedEmbedder(_Reusable):
    """`Embedder` as a SavedModel.

    Attributes:
        embed_video, embed_audio, embed_text: (frames | samples | sentences) -> {space: float32 [B, D] of
            length 1}; the signatures of the same names.
        tokenize: (sentences) -> {"ids": int32 [B, L]}, the words as the model numbers them, where it takes
            sentences.
        similarity: (left [N, D], right [M, D]) -> {"cosine": float32 [N, M]}.
        __call__: (inputs, training=False) -> {"video/video_text": [B, D], …}; `inputs` has one or more of
            "video", "audio", "text", as the three take them. In training the model drops out, drops tokens
            and normalises by the batch, as it does in pre-training.
    """

    def __init__(self, trained: Trained, modalities: Sequence[str]):
        super().__init__(trained.model)
        model, clip, tokenizer = trained.model, trained.known_clip, trained.tokenizer
        self._tables = list(tokenizer.resources) if TEXT in modalities else []
        embed = {}
        for modality in modalities:
            read = _sentences(tokenizer, clip) if modality == TEXT else _media(modality, clip)
            embed[modality] = _graph(_embedding(model, modality, read, outputs_of(modality)))
        for modality in modalities:
            function = _named(f"embed_{modality}", INPUTS[modality], embed[modality])
            setattr(self, f"embed_{modality}", function)
            self._signatures[f"embed_{modality}"] = function
        if TEXT in modalities:
            self.tokenize = _named("tokenize", INPUTS[TEXT], _ids(tokenizer, clip))
            self._signatures["tokenize"] = self.tokenize
        self.similarity = _graph(_similarity, input_signature=[_VECTORS, _VECTORS])
        self._signatures["similarity"] = self.similarity

        @_graph
        def call(inputs, training=False):
            made = {}
            for modality in MODALITIES:
                if modality in inputs:
                    for space, vectors in embed[modality](inputs[modality], training).items():
                        made[f"{modality}/{space}"] = vectors
            return made

        for count in range(1, len(modalities) + 1):
            for chosen in itertools.combinations(modalities, count):
                for training in (False, True):
                    call.get_concrete_function({each: INPUTS[each] for each in chosen}, training)
        setattr(self, "__call__", call)  # noqa: B010 (a SavedModel finds it on the object)


class ExportedClassifier(_Reusable):
    """`Classifier` as a SavedModel.

    Args:
        several_labels: whether a clip may have several classes at once: scores are then a sigmoid each,
            otherwise a softmax over all.

    Attributes:
        classify_video, classify_audio or classify_image: (frames | samples | images) -> {"logits", "scores"},
            float32 [B, C]; logits are averaged over windows, as evaluation averages them over views.
        __call__: (input, training=False) -> the same.
    """

    def __init__(self, trained: Trained, several_labels: bool):
        super().__init__(trained.model)
        model, clip = trained.model, trained.known_clip
        modality = model.modality
        if modality == IMAGE and clip.frames != 1:
            raise ExportError(
                f"A classifier of images must be trained on clips of one frame. Received: {clip.frames}. "
                "Give `clip=vatt.spec.ClipSpec(frames=1, …)`."
            )
        seen = VIDEO if modality == IMAGE else modality
        classify = _graph(_classification(model, seen, _media(seen, clip), modality == IMAGE, several_labels))
        function = _named(f"classify_{modality}", INPUTS[modality], classify)
        setattr(self, f"classify_{modality}", function)
        self._signatures[f"classify_{modality}"] = function

        @_graph
        def call(inputs, training=False):
            return classify(inputs, training)

        for training in (False, True):
            call.get_concrete_function(INPUTS[modality], training)
        setattr(self, "__call__", call)  # noqa: B010 (a SavedModel finds it on the object)


def _named(name, spec, function):
    """The function of inference as a signature, whose input has the name of `spec`."""

    def infer(given):
        return function(given, False)

    # TensorFlow takes the names of a signature and of its input from the Python function.
    infer.__name__ = name
    infer.__signature__ = inspect.Signature(
        [inspect.Parameter(spec.name, inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    )
    return _graph(infer, input_signature=[spec])


def _ids(tokenizer, clip):
    def tokenize(sentences, training):
        ids = tokenizer.tokenize(sentences, length=clip.words)
        return {"ids": tf.ensure_shape(ids, [None, clip.words])}

    return tokenize


def _media(modality, clip):
    """Function from raw media to the starts of their windows and what gives the window at one."""

    def read(media):
        available = tf.shape(media)[1]
        what = "frame" if modality == VIDEO else "sample"
        some = tf.debugging.Assert(
            tf.size(media) > 0, [f"Media must have at least one {what}. Received: shape", tf.shape(media)]
        )
        with tf.control_dependencies([some]):
            available = tf.identity(available)
        if modality == VIDEO:
            starts = windows.window_starts(available, clip.frames)
            return starts, lambda start: windows.video_window(media, start, clip)
        starts = windows.window_starts(available, clip.samples)
        return starts, lambda start: windows.audio_window(media, start, clip)

    return read


def _sentences(tokenizer, clip):
    """Function from sentences to one "window" of their ids."""
    silent = [number for number, word in enumerate(tokenizer.words) if word in NO_WORDS]

    def read(sentences):
        ids = _ids(tokenizer, clip)(sentences, False)["ids"]
        unknown = tf.reduce_all(tf.reduce_any(ids[..., tf.newaxis] == silent, axis=-1), axis=-1)
        message = [
            f"A sentence must have one of the {tokenizer.size} words that the model knows. Received:",
            tf.boolean_mask(sentences, unknown),
        ]
        with tf.control_dependencies([tf.debugging.Assert(~tf.reduce_any(unknown), message)]):
            ids = tf.identity(ids)
        return tf.zeros([1], tf.int32), lambda start: ids

    return read


def _embedding(model, modality, read, outputs):
    def embed(given, training):
        means = _mean_over_windows(model, modality, read(given), outputs, training)
        return {space: tf.math.l2_normalize(mean, axis=-1) for space, mean in means.items()}

    return embed


def _classification(model, modality, read, is_image, several_labels):
    def classify(given, training):
        media = given[:, tf.newaxis] if is_image else given
        logits = _mean_over_windows(model, modality, read(media), {"logits": "logits"}, training)["logits"]
        return {"logits": logits, "scores": tf.sigmoid(logits) if several_labels else tf.nn.softmax(logits)}

    return classify


def _mean_over_windows(model, modality, media, outputs, training):
    """name -> float32 [B, D]: a window of all rows at a time, so that an hour needs the memory of a clip."""
    starts, window = media

    def encode(start):
        inputs = {modality: window(start)}
        if modality == VIDEO:
            inputs[VIDEO] = normalised_pixels(inputs[VIDEO])
            if inputs[VIDEO].shape[1] == 1:
                inputs[IMAGE] = inputs[VIDEO][:, 0]
        # Without a key the layers would draw from a generator, a variable of Keras' own.
        rows = tf.shape(inputs[modality])[0]
        key = tf.random.uniform(tf.stack([rows, 2]), maxval=2**31 - 1, dtype=tf.int32) if training else None
        with draws.keyed(key), _one_replica():
            made = model(inputs, training=training)
        return {name: tf.cast(made[output], tf.float32) for name, output in outputs.items()}

    kinds = {name: tf.TensorSpec([None, None], tf.float32) for name in outputs}
    each = tf.map_fn(encode, starts, fn_output_signature=kinds, parallel_iterations=1)
    return {name: tf.reduce_mean(values, axis=0) for name, values in each.items()}


def _one_replica():
    """Lets the heads' statistics be those of the rows of the call, without the op that sums over replicas:
    in a SavedModel there is one, and TensorFlow would warn at loading about that op's gradient.
    """
    if tf.distribute.in_cross_replica_context():
        return contextlib.nullcontext()
    return tf.distribute.OneDeviceStrategy("/device:CPU:0").scope()  # of which no op knows


def _similarity(left, right):
    left, right = tf.math.l2_normalize(left, axis=-1), tf.math.l2_normalize(right, axis=-1)
    return {"cosine": tf.matmul(left, right, transpose_b=True)}
