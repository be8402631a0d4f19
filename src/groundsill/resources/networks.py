"""Well-known networks that are no plain transformers, layer by layer.

Saved values: what a layer's backward pass needs, as PyTorch keeps it: a matrix product its input, a norm its input, an
activation its input where the next product does not already keep its output. Flash attention keeps q, k, v and its output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from groundsill.terms.network import Layer, Network
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

_RESNETS: Mapping[int, tuple[tuple[int, ...], bool]] = {  # depth -> blocks of the four stages, bottleneck (He 2015)
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}
EXPANSION = 4  # outputs of a bottleneck over its inner channels (He et al. 2015, arXiv 1512.03385, table 1)


def conv(inputs: int, outputs: int, edge: int, kernel: int = 3, *, stride: int = 1, bias: bool = True) -> Layer:
    """A convolution whose output is `edge` x `edge`."""
    weights = kernel**2 * inputs * outputs
    return Layer(
        "conv", weights + (outputs if bias else 0), 2.0 * weights * edge**2, float(inputs * (edge * stride) ** 2)
    )


def norm(channels: int, places: int) -> Layer:
    """Batch, group or layer norm with scale and shift over `places` positions."""
    return Layer("norm", 2 * channels, 5.0 * channels * places, float(channels * places))


def linear(inputs: int, outputs: int, places: int = 1, *, bias: bool = True, saved: bool = True) -> Layer:
    """A matrix product at `places` positions. saved: its input is not kept by another layer already."""
    weights = inputs * outputs
    kept = float(inputs * places) if saved else 0.0
    return Layer("linear", weights + (outputs if bias else 0), 2.0 * weights * places, kept)


def attention(width: int, places: int, seen: int) -> Layer:
    """Scores and sums of `places` queries over `seen` keys; no weights."""
    return Layer("attention", 0, 4.0 * width * places * seen, float(2 * width * places + 2 * width * seen))


def resnet(depth: int = 50, pixels: int = 224, classes: int = 1000) -> Network:
    """ResNet-18 to -152 (He et al. 2015, arXiv 1512.03385; stride in the 3 x 3 convolution, "v1.5").

    Raises Problem `shape.bad`.
    """
    if depth not in _RESNETS:
        raise Problem("shape.bad", at="depth", got=depth, limit=", ".join(map(str, _RESNETS)))
    _sizes(pixels=pixels, classes=classes)
    stages, bottleneck = _RESNETS[depth]
    edge = -(-pixels // 2)
    layers = [conv(3, 64, edge, 7, stride=2, bias=False), norm(64, edge**2)]
    edge = -(-edge // 2)
    layers.append(Layer("other", 0, 9.0 * 64 * edge**2, float(64 * edge**2)))  # the max pooling keeps its places
    channels = 64
    for stage, blocks in enumerate(stages):
        inner = 64 * 2**stage
        outputs = inner * (EXPANSION if bottleneck else 1)
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            edge = -(-edge // stride)
            layers += _residual(channels, inner, outputs, edge, stride, bottleneck)
            channels = outputs
    layers += [Layer("other", 0, float(channels * edge**2), 0.0), linear(channels, classes)]
    return Network(tuple(layers), "image", pixels)


def _residual(inputs: int, inner: int, outputs: int, edge: int, stride: int, bottleneck: bool) -> list[Layer]:
    """One block whose output is `edge` wide; each convolution with its batch norm."""
    wide = edge * stride
    if bottleneck:
        steps = [
            conv(inputs, inner, wide, 1, bias=False), norm(inner, wide**2),
            conv(inner, inner, edge, 3, stride=stride, bias=False), norm(inner, edge**2),
            conv(inner, outputs, edge, 1, bias=False), norm(outputs, edge**2),
        ]  # fmt: skip
    else:
        steps = [
            conv(inputs, inner, edge, 3, stride=stride, bias=False), norm(inner, edge**2),
            conv(inner, outputs, edge, 3, bias=False), norm(outputs, edge**2),
        ]  # fmt: skip
    if inputs != outputs or stride > 1:
        short = conv(inputs, outputs, edge, 1, stride=stride, bias=False)
        steps += [Layer("conv", short.weights, short.flops, 0.0), norm(outputs, edge**2)]  # the same input, kept once
    return steps


def unet(
    channels: Sequence[int] = (320, 640, 1280, 1280),
    *,
    edge: int = 64,
    text_width: int = 1024,
    text_tokens: int = 77,
    blocks: int = 2,
    latent_channels: int = 4,
) -> Network:
    """The U-Net of latent diffusion (Rombach et al. 2022, arXiv 2112.10752; defaults: Stable Diffusion 2).

    edge: of the latent picture (pixels / 8). All levels but the last attend to themselves and to the text. Raises
    Problem `shape.bad`.
    """
    _sizes(edge=edge, text_width=text_width, text_tokens=text_tokens, blocks=blocks, levels=len(channels))
    time = 4 * channels[0]
    layers = [linear(channels[0], time), linear(time, time), conv(latent_channels, channels[0], edge)]
    kept, now, size, last = [channels[0]], channels[0], edge, len(channels) - 1
    for level, outputs in enumerate(channels):
        for _ in range(blocks):
            layers += _unet_step(now, outputs, time, size, (text_width, text_tokens) if level < last else None)
            now = outputs
            kept.append(now)
        if level < last:
            size = -(-size // 2)
            layers.append(conv(now, now, size, 3, stride=2))
            kept.append(now)
    layers += _unet_step(now, now, time, size, (text_width, text_tokens)) + _unet_step(now, now, time, size, None)
    for level in range(last, -1, -1):
        for _ in range(blocks + 1):
            text = (text_width, text_tokens) if level < last else None
            layers += _unet_step(now + kept.pop(), channels[level], time, size, text)
            now = channels[level]
        if level:
            size *= 2
            layers.append(conv(now, now, size, 3))
    layers += [norm(now, edge**2), conv(now, latent_channels, edge)]
    return Network(tuple(layers), "latent", 8 * edge)


def _unet_step(inputs: int, outputs: int, time: int, edge: int, text: tuple[int, int] | None) -> list[Layer]:
    """A residual block told the time, and a transformer block told the text."""
    places = edge**2
    layers = [norm(inputs, places), conv(inputs, outputs, edge), linear(time, outputs, saved=False)]
    layers += [norm(outputs, places), conv(outputs, outputs, edge)]
    if inputs != outputs:
        layers.append(conv(inputs, outputs, edge, 1))
    if text is None:
        return layers
    width, seen = text
    layers += [norm(outputs, places), linear(outputs, outputs, places)]
    for context, keys, shared in ((outputs, places, False), (width, seen, True)):
        layers += [norm(outputs, places), linear(outputs, outputs, places, bias=False)]
        layers += [linear(context, 2 * outputs, keys, bias=False, saved=shared)]
        layers += [attention(outputs, places, keys), linear(outputs, outputs, places, saved=False)]
    gated = linear(outputs, 8 * outputs, places)
    layers += [norm(outputs, places), gated, Layer("other", 0, 0.0, 8.0 * outputs * places)]
    return [*layers, linear(4 * outputs, outputs, places), linear(outputs, outputs, places)]


def dit(
    depth: int = 28, width: int = 1152, heads: int = 16, *, patch: int = 2, edge: int = 32, classes: int = 1000
) -> Network:
    """A diffusion transformer on latent pictures (Peebles, Xie 2023, arXiv 2212.09748; defaults: DiT-XL/2 at 256 pixels).

    edge: of the latent picture (pixels / 8), in patches of `patch` x `patch`. heads only has to divide width. Raises
    Problem `shape.bad`.
    """
    _sizes(depth=depth, width=width, heads=heads, patch=patch, edge=edge, classes=classes)
    if width % heads or edge % patch:
        raise Problem("shape.bad", at="heads, patch", got=f"{heads}, {patch}", limit=f"{width} / n, {edge} / n")
    places, channels, frequencies = (edge // patch) ** 2, 4, 256
    values = channels * patch**2
    block = [
        linear(width, 6 * width), *(Layer("norm", 0, 5.0 * width * places, 2.0 * width * places) for _ in range(2)),
        linear(width, 3 * width, places), attention(width, places, places), linear(width, width, places, saved=False),
        linear(width, 4 * width, places), Layer("other", 0, 0.0, 4.0 * width * places), linear(4 * width, width, places),
    ]  # fmt: skip
    layers = [linear(values, width, places), linear(frequencies, width), linear(width, width)]
    layers.append(Layer("embedding", (classes + 1) * width + places * width, 0.0, 0.0))  # class or none; fixed places
    layers += [Layer(x.kind, x.weights, x.flops, x.values, depth) for x in block]
    layers += [Layer("norm", 0, 5.0 * width * places, 2.0 * width * places), linear(width, 2 * width)]
    return Network((*layers, linear(width, 2 * values, places)), "latent", 8 * edge)


def lstm(layers: int, inputs: int, width: int, *, vocabulary: int = 0, steps: int = 1) -> Network:
    """LSTM layers (Hochreiter, Schmidhuber 1997) over `steps` steps, a sample being one sequence; with a vocabulary, its
    look-up and output matrices, too. Two bias vectors for each gate, as PyTorch has. Raises Problem `shape.bad`."""
    _sizes(layers=layers, inputs=inputs, width=width, steps=steps)
    made: list[Layer] = [Layer("embedding", vocabulary * inputs, 0.0, 0.0)] if vocabulary else []
    for depth in range(layers):
        first = inputs if not depth else width
        weights = 4 * width * (first + width)
        # input, the four gates, the cell and its tanh, the output
        made.append(Layer("recurrent", weights + 8 * width, 2.0 * weights * steps, float(first + 7 * width) * steps))
    made += [linear(width, vocabulary, steps)] if vocabulary else []
    return Network(tuple(made), "sequence")


def recommender(
    rows: Sequence[int],
    width: int,
    *,
    dense: int = 13,
    bottom: Sequence[int] = (512, 256),
    top: Sequence[int] = (512, 256),
) -> Network:
    """Look-up tables of `rows` entries each, a network below for `dense` numbers and one above for all pairwise products
    (DLRM, Naumov et al. 2019, arXiv 1906.00091). Raises Problem `shape.bad`."""
    _sizes(tables=len(rows), width=width, dense=dense, rows=min(rows, default=0))
    made = [Layer("embedding", count * width, 0.0, float(width)) for count in rows]
    below = [dense, *bottom, width]
    vectors = len(rows) + 1
    above = [width + vectors * (vectors - 1) // 2, *top, 1]
    made += [linear(a, b) for a, b in pairwise(below)]
    made.append(Layer("attention", 0, 2.0 * width * vectors**2, float(width * vectors)))
    return Network((*made, *(linear(a, b) for a, b in pairwise(above))), "row")


def vit(
    pixels: int = 224,
    patch: int = 16,
    *,
    layers: int = 12,
    width: int = 768,
    heads: int = 12,
    ffn_width: int = 0,
    classes: int = 1000,
) -> Shape:
    """A vision transformer (Dosovitskiy et al. 2020, arXiv 2010.11929): a plain encoder of patches and a class token.

    ffn_width: 0 means 4 widths. Raises Problem `shape.bad`.
    """
    _sizes(pixels=pixels, patch=patch, heads=heads)
    tokens = (pixels // patch) ** 2 + 1
    return Shape(
        "encoder", layers, width, heads, heads, width // heads, ffn_width or 4 * width, 0, tokens, gated=False,
        biases=True, tied=False, positions=tokens, types=1, norm_weights=2, patch_values=3 * patch**2, classes=classes,
    )  # fmt: skip


def _sizes(**sizes: int) -> None:
    for name, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise Problem("shape.bad", at=name, got=value, limit=">= 1")
