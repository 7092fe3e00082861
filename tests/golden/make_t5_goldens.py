"""Makes golden/t5_relu and golden/t5_gated, tiny random T5 models with what transformers computes, and
golden/t5_pieces, a tiny SentencePiece model with T5's special ids and what it cuts sentences into.

    python -m tests.golden.make_t5_goldens

Needs torch, transformers and sentencepiece (made with 2.13.0, 5.23.0, 0.2.3); the tests need none of them.
`test_live` in tests/convert/test_convert_t5.py compares with the versions that are installed.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import T5Config, T5EncoderModel, T5ForConditionalGeneration

FORMS = {"t5_relu": "relu", "t5_gated": "gated-gelu"}
VOCABULARY, WORDS = 60, 40  # 40 words reach distances that 32 buckets up to 128 and up to 64 tell apart
TEXT = [
    f"{who} {does} the {what}"
    for who in ("she", "a man")
    for does in ("opens", "cuts")
    for what in ("door", "bread")
]
SENTENCES = ("she cuts the bread", "A man öffnet the door", "the door opens")


def tiny(form):
    """A whole T5, decoder and all, of widths that no two parts share."""
    config = T5Config(
        vocab_size=VOCABULARY,
        d_model=24,
        d_kv=8,
        d_ff=40,
        num_layers=2,
        num_decoder_layers=1,
        num_heads=2,
        feed_forward_proj=form,
        tie_word_embeddings=form == "relu",
    )
    torch.manual_seed(len(form))
    model = T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # T5 starts all gains at 1 and unscaled scores near 0; a golden must tell them apart.
            parameter.copy_(torch.randn(parameter.shape) * 0.3 + (parameter.ndim == 1))
    return model


def ids():
    """int64 [3, WORDS] with different paddings, of which one row has none."""
    words = np.random.RandomState(5).randint(1, VOCABULARY, (3, WORDS))
    words[1, 7:] = 0
    words[2, 31:] = 0
    return words


def encode(directory, words):
    """`last_hidden_state` of the encoder of a directory, float32 [B, L, D]."""
    model = T5EncoderModel.from_pretrained(directory).eval()
    words = torch.from_numpy(words)
    with torch.no_grad():
        return model(input_ids=words, attention_mask=(words != 0).long()).last_hidden_state.numpy()


def pieces(folder):
    """Trains the tiny SentencePiece model: padding 0, </s> 1, unknown 2, as T5's."""
    import sentencepiece

    prefix = str(folder / "t5_pieces")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT),
        model_prefix=prefix,
        vocab_size=48,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        normalization_rule_name="identity",  # T5's own tables would make the file 60 times larger
        num_threads=1,
        minloglevel=2,
    )
    (folder / "t5_pieces.vocab").unlink()
    trained = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    cut = {sentence: trained.encode(sentence, add_eos=True) for sentence in (*SENTENCES, "")}
    (folder / "t5_pieces.json").write_text(json.dumps(cut, ensure_ascii=False, indent=1) + "\n")


def main(folder):
    pieces(folder)
    for name, form in FORMS.items():
        tiny(form).save_pretrained(folder / name)
        (folder / name / "generation_config.json").unlink(missing_ok=True)
        np.savez_compressed(folder / f"{name}.npz", ids=ids(), tokens=encode(folder / name, ids()))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
