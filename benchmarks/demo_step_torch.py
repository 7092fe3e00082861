"""The demo's training step in PyTorch, for benchmarks/demo_step.py, which starts it in a process of its own:
three pre-norm Transformers, common spaces, NCE and MIL-NCE, colour jitter as one matrix per clip, DropToken
before the patch maps, Adam; autocast for bfloat16.
"""

import argparse
import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional

CLIPS, FRAMES, SIZE, SAMPLES, CAPTIONS, WORDS, VOCABULARY = 32, 32, 64, 25_600, 5, 16, 256
WIDTH, HIDDEN, HEADS, TEMPERATURE, LEARNING_RATE = 128, 512, 4, 0.07, 1e-4
PATCH, AUDIO_PATCH = (4, 16, 16), 128
VIDEO_TOKENS = (FRAMES // PATCH[0]) * (SIZE // PATCH[1]) * (SIZE // PATCH[2])


class Block(nn.Module):
    """One q·k·v product, fused attention, exact gelu; `biased` scores for words."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH, eps=1e-6) for _ in range(2))
        self.inputs, self.output = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.expand, self.contract = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, tokens, bias=None):
        batch, length, _ = tokens.shape
        inputs = self.inputs(self.norms[0](tokens)).view(batch, length, 3, HEADS, WIDTH // HEADS)
        query, key, value = inputs.permute(2, 0, 3, 1, 4)
        bias = None if bias is None else bias.to(query.dtype)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        tokens = tokens + self.output(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
        return tokens + self.contract(functional.gelu(self.expand(self.norms[1](tokens))))


class Encoder(nn.Module):
    """AGG in front, blocks, a final norm; AGG's output."""

    def __init__(self, depth):
        super().__init__()
        self.aggregate = nn.Parameter(torch.randn(1, 1, WIDTH) * WIDTH**-0.5)
        self.blocks = nn.ModuleList(Block() for _ in range(depth))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, tokens, bias=None):
        tokens = torch.cat([self.aggregate.expand(len(tokens), 1, WIDTH).to(tokens.dtype), tokens], 1)
        for block in self.blocks:
            tokens = block(tokens, bias)
        return self.norm(tokens)[:, 0].float()


class Model(nn.Module):
    """Inputs as a batch has them -> the loss."""

    def __init__(self):
        super().__init__()
        self.video_map = nn.Linear(3 * math.prod(PATCH), WIDTH)
        self.audio_map = nn.Linear(AUDIO_PATCH, WIDTH)
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.video_positions = nn.Parameter(torch.randn(VIDEO_TOKENS, WIDTH) * 0.05)
        self.audio_positions = nn.Parameter(torch.randn(SAMPLES // AUDIO_PATCH, WIDTH) * 0.05)
        self.relative = nn.Parameter(torch.randn(HEADS, WORDS + 1, WORDS + 1) * 0.05)
        self.video, self.audio, self.text = Encoder(3), Encoder(3), Encoder(2)

        def mapped():
            return nn.Sequential(nn.Linear(WIDTH, WIDTH, bias=False), nn.BatchNorm1d(WIDTH))

        self.video_space = nn.Sequential(mapped(), nn.ReLU(), mapped())
        self.audio_space, self.text_space, self.bridge = mapped(), mapped(), mapped()

    def forward(self, video, audio, text):
        patches = jittered(video.float() / 255)
        t, h, w = PATCH
        patches = patches.view(CLIPS, FRAMES // t, t, SIZE // h, h, SIZE // w, w, 3)
        patches = patches.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(CLIPS, VIDEO_TOKENS, -1)
        video = self.video(kept(patches, self.video_map, self.video_positions))
        samples = audio.view(CLIPS, -1, AUDIO_PATCH)
        audio = self.audio(kept(samples, self.audio_map, self.audio_positions))
        text = text.view(-1, WORDS)
        padding = functional.pad((text == 0).float(), (1, 0))[:, None, None] * -1e9
        text = self.text(self.words(text), self.relative + padding)
        with torch.autocast("cpu", enabled=False):
            video = self.video_space(video)
            return nce(video, self.audio_space(audio)[:, None]) + nce(
                self.bridge(video), self.text_space(text).view(CLIPS, CAPTIONS, -1)
            )


def kept(patches, linear, positions):
    """Tokens of half of the patches, drawn for each clip."""
    count = patches.shape[1]
    chosen = torch.rand(CLIPS, count).argsort(1)[:, : count // 2].sort(1).values
    patches = patches.gather(1, chosen[..., None].expand(-1, -1, patches.shape[-1]))
    return linear(patches) + positions[chosen]


TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
TO_RGB = torch.linalg.inv(TO_YIQ)


def jittered(video):
    """Brightness, saturation, hue and contrast as one matrix and offset per clip; [0, 1] -> [-1, 1]."""
    draws = 2 * torch.rand(CLIPS, 4) - 1
    shift, saturation, contrast = draws[:, 0] * 32 / 255, 1 + 0.4 * draws[:, 1], 1 + 0.4 * draws[:, 2]
    angle = 2 * math.pi * 0.2 * draws[:, 3]
    cosine, sine = saturation * angle.cos(), saturation * angle.sin()
    zero, one = torch.zeros(CLIPS), torch.ones(CLIPS)
    turn = torch.stack([one, zero, zero, zero, cosine, -sine, zero, sine, cosine], 1).view(-1, 3, 3)
    matrix = TO_RGB @ turn @ TO_YIQ
    pixels = video.view(CLIPS, -1, 3)
    offset = matrix.sum(2) * shift[:, None]
    mean = (matrix @ pixels.mean(1)[:, :, None])[..., 0] + offset
    matrix, offset = matrix * contrast[:, None, None], (offset - mean) * contrast[:, None] + mean
    with torch.autocast("cpu", enabled=False):
        made = torch.baddbmm(2 * offset[:, None] - 1, pixels, 2 * matrix.transpose(1, 2))
    return made.clamp(-1, 1).view(video.shape)


def nce(left, right):
    """MIL-NCE of [B, D] and [B, K, D], negatives in row and column; NCE where K is 1."""
    left, right = functional.normalize(left, dim=-1), functional.normalize(right, dim=-1)
    scores = torch.einsum("id,jkd->ijk", left, right) / TEMPERATURE
    own = torch.eye(CLIPS, dtype=torch.bool)[:, :, None]
    positives = torch.diagonal(scores).logsumexp(0)
    others = scores.masked_fill(own, -1e9)
    negatives = torch.logaddexp(others.logsumexp((1, 2)), others.logsumexp((0, 2)))
    return functional.softplus(negatives - positives).mean()


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", choices=("eager", "compiled"))
    parser.add_argument("--precisions", choices=("float32", "bfloat16"))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    forward = torch.compile(model) if arguments.variant == "compiled" else model
    batch = (
        torch.randint(0, 256, (CLIPS, FRAMES, SIZE, SIZE, 3), dtype=torch.uint8),
        2 * torch.rand(CLIPS, SAMPLES) - 1,
        torch.randint(2, VOCABULARY, (CLIPS, CAPTIONS, WORDS)),
    )

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.precisions == "bfloat16"):
            loss = forward(*batch)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    for _ in range(3):
        step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        for _ in range(arguments.steps):
            step()
        print(json.dumps((time.process_time() - start) / arguments.steps), flush=True)


if __name__ == "__main__":
    main()
