"""VATT: self-supervised learning from raw video, audio and text with convolution-free Transformers."""

__version__ = "0.1.0"


def load(path):
    """The model of a `.keras` file, ready to call; see `vatt.models.loading.load_model`."""
    from vatt.models.loading import load_model  # imports Keras, which most verbs do without

    return load_model(path)
