"""VATT: self-supervised learning from raw video, audio and text with convolution-free Transformers."""

__version__ = "0.1.0"
