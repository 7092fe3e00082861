"""Where each weight of a Transformer encoder stands in an image ViT, in the two layouts that are common."""

from vatt.convert.loading import Recipe, copied, transposed
from vatt.layers.transformer_encoder import TransformerEncoder


def hugging_face_names(encoder: TransformerEncoder) -> dict:
    """Name in the layout of transformers' `ViTModel` -> our variable; linear maps stand there transposed."""
    names = _norm("layernorm", encoder.final_norm)
    for number, block in enumerate(encoder.blocks):
        at = f"encoder.layer.{number}"
        names |= _norm(f"{at}.layernorm_before", block.norm1)
        names |= _dense(f"{at}.attention.attention.query", block.attention.query)
        names |= _dense(f"{at}.attention.attention.key", block.attention.key)
        names |= _dense(f"{at}.attention.attention.value", block.attention.value)
        names |= _dense(f"{at}.attention.output.dense", block.attention.output_map)
        names |= _norm(f"{at}.layernorm_after", block.norm2)
        names |= _dense(f"{at}.intermediate.dense", block.feed_forward.expand)
        names |= _dense(f"{at}.output.dense", block.feed_forward.contract)
    return names


def hugging_face_recipes(encoder: TransformerEncoder, prefix: str = "") -> list[Recipe]:
    """How each weight is made from that layout; `prefix` stands before every name."""
    return _recipes({prefix + name: variable for name, variable in hugging_face_names(encoder).items()})


def timm_recipes(encoder: TransformerEncoder) -> list[Recipe]:
    """How each weight is made from timm's `VisionTransformer`, whose queries, keys and values are one map."""
    names, fused = _norm("norm", encoder.final_norm), []
    for number, block in enumerate(encoder.blocks):
        at, attention = f"blocks.{number}", block.attention
        names |= _norm(f"{at}.norm1", block.norm1)
        names |= _dense(f"{at}.attn.proj", attention.output_map)
        names |= _norm(f"{at}.norm2", block.norm2)
        names |= _dense(f"{at}.mlp.fc1", block.feed_forward.expand)
        names |= _dense(f"{at}.mlp.fc2", block.feed_forward.contract)
        for part, dense in enumerate((attention.query, attention.key, attention.value)):
            for name, variable in _dense(f"{at}.attn.qkv", dense).items():
                fused.append(_third(name, variable, part))
    return _recipes(names) + fused


def _third(name, variable, part):
    *inputs, outputs = variable.shape
    first, end = part * outputs, (part + 1) * outputs
    return Recipe(
        variable,
        (name,),
        ((3 * outputs, *inputs),),
        lambda array: array[first:end].T,
        f"rows {first} to {end - 1}" + (", transposed" if inputs else ""),
    )


def _recipes(names):
    return [
        (transposed if len(variable.shape) == 2 else copied)(name, variable)
        for name, variable in names.items()
    ]


def _dense(at, dense) -> dict:
    return {f"{at}.weight": dense.kernel} | ({f"{at}.bias": dense.bias} if dense.use_bias else {})


def _norm(at, norm) -> dict:
    return {f"{at}.weight": norm.gamma, f"{at}.bias": norm.beta}
