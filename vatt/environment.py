"""What is installed here, on what machine, and what is missing for what: `vatt doctor --environment`."""

import importlib.metadata
import os
import platform
from pathlib import Path

import vatt

BASE = ("av", "numpy", "protobuf", "gin-config", "pillow")
# Extra -> its packages, besides those of other extras, and what it is for.
EXTRAS = {
    "train": (
        ("tensorflow", "keras", "tensorboard", "grpcio", "safetensors", "scikit-learn", "scipy"),
        "training, and whatever loads a model",
    ),
    "search": (("prometheus-client", "simsimd", "werkzeug"), "the page of an index, and large indices"),
    "mcp": (("mcp",), "an index as tools of assistants"),
    "approximate": (("faiss-cpu",), "approximate search of many millions of windows"),
    "speech": (("pocketsphinx",), "captions of what is heard"),
    "mteb": (("mteb",), "benchmarks of mteb"),
    "xares": (("xares",), "benchmarks of X-ARES"),
    "onnx": (("onnx", "onnxruntime", "tf2onnx"), "exports as ONNX"),
    "kaggle": (("kagglehub",), "presets of Kaggle Models"),
    "text": (("tensorflow-text",), "vocabularies of T5 and BERT"),
    "jax": (("jax", "orbax-checkpoint"), "training on JAX"),
    "stores": (("obstore",), "object stores"),
    "hub": (("huggingface-hub",), "sets and models on the Hugging Face Hub"),
    "beam": (("apache-beam",), "preparing on Beam"),
    "parquet": (("pyarrow",), "tables of embeddings in Parquet"),
}


def version_of(package: str) -> str:
    """Of an installed package; "" where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def processor() -> str:
    """Its name, where the system gives one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(names), platform.processor() or "unknown")


def devices() -> list[str]:
    """What TensorFlow and JAX, where they are installed, compute on."""
    found = []
    if version_of("tensorflow"):
        import tensorflow as tf

        found += [f"TensorFlow: {each.name}" for each in tf.config.list_logical_devices()]
    if version_of("jax"):
        import jax

        found += [f"JAX: {each}" for each in jax.devices()]
    return found


def lines() -> list[str]:
    """The whole, a line each."""
    versions = [f"{name} {version_of(name) or 'MISSING'}" for name in BASE]
    made = [
        f"vatt {vatt.__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"{processor()}, {os.cpu_count()} logical cores",
        f"packages: {', '.join(versions)}",
    ]
    for extra, (packages, purpose) in EXTRAS.items():
        missing = [name for name in packages if not version_of(name)]
        there = ", ".join(f"{name} {version_of(name)}" for name in packages)
        way_out = f"no {', '.join(missing)}: pip install 'vatt[{extra}]'"
        made.append(f"{extra} ({purpose}): {way_out if missing else there}")
    return [*made, *(devices() or ["no framework that computes on a device"])]
