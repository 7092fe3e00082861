"""Makes golden/vit_hugging_face and golden/vit_timm: a tiny random image ViT in two layouts, its features.

    python -m tests.golden.make_vit_goldens

Needs torch and transformers (made with 2.13.0 and 5.23.0); the tests need neither. `test_live` in
tests/convert/test_convert_vit.py compares with those installed. The weights of timm's layout are
those of the other, renamed.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import ViTConfig, ViTModel

HUGGING_FACE, TIMM = "vit_hugging_face", "vit_timm"
HEAD_WIDTH = 8


def tiny():
    """4 × 4 patches of 8 × 8 pixels, with weights that make every part count."""
    config = ViTConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=24 // HEAD_WIDTH,
        intermediate_size=40,
        image_size=32,
        patch_size=8,
    )
    torch.manual_seed(3)
    model = ViTModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            gain = parameter.ndim == 1 and name.endswith("weight")
            parameter.copy_(torch.randn(parameter.shape) * 0.2 + gain)
    return model


def pictures(size):
    """float32 [2, 3, size, size] in [-1, 1]."""
    return np.random.RandomState(size).uniform(-1, 1, (2, 3, size, size)).astype("float32")


def encode(directory, images):
    """`last_hidden_state`, float32 [B, 1 + N, D]; positions interpolated to the size of the images."""
    model = ViTModel.from_pretrained(directory).eval()
    with torch.no_grad():
        return model(torch.from_numpy(images), interpolate_pos_encoding=True).last_hidden_state.numpy()


def timm_layout(arrays, depth):
    """The same weights under timm's names, with a classifier, as most of its files have one."""
    names = {
        "cls_token": "embeddings.cls_token",
        "pos_embed": "embeddings.position_embeddings",
        "patch_embed.proj": "embeddings.patch_embeddings.projection",
        "norm": "layernorm",
    }
    fused = {}
    for number in range(depth):
        ours, theirs = f"blocks.{number}", f"encoder.layer.{number}"
        names |= {
            f"{ours}.norm1": f"{theirs}.layernorm_before",
            f"{ours}.attn.proj": f"{theirs}.attention.output.dense",
            f"{ours}.norm2": f"{theirs}.layernorm_after",
            f"{ours}.mlp.fc1": f"{theirs}.intermediate.dense",
            f"{ours}.mlp.fc2": f"{theirs}.output.dense",
        }
        for leaf in ("weight", "bias"):
            parts = [
                arrays[f"{theirs}.attention.attention.{part}.{leaf}"] for part in ("query", "key", "value")
            ]
            fused[f"{ours}.attn.qkv.{leaf}"] = torch.cat(parts)
    renamed = {ours: arrays[theirs] for ours, theirs in names.items() if theirs in arrays}
    for ours, theirs in names.items():
        for leaf in ("weight", "bias"):
            if f"{theirs}.{leaf}" in arrays:
                renamed[f"{ours}.{leaf}"] = arrays[f"{theirs}.{leaf}"]
    head = {"head.weight": torch.zeros(5, 24), "head.bias": torch.zeros(5)}
    return {name: array.contiguous() for name, array in (renamed | fused | head).items()}


def main(folder):
    model = tiny()
    model.save_pretrained(folder / HUGGING_FACE)
    arrays = load_file(folder / HUGGING_FACE / "model.safetensors")
    (folder / TIMM).mkdir(exist_ok=True)
    renamed = timm_layout(arrays, model.config.num_hidden_layers)
    save_file(renamed, folder / TIMM / "model.safetensors", metadata={"format": "pt"})
    config = {"architecture": "vit_tiny", "pretrained_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folder / TIMM / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tokens = {f"tokens{size}": encode(folder / HUGGING_FACE, pictures(size)) for size in (32, 48)}
    np.savez_compressed(
        folder / "vit.npz", **tokens, **{f"pictures{size}": pictures(size) for size in (32, 48)}
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
