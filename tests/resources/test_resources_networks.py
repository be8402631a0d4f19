"""Networks against published counts and FLOP."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.resources.flops import network_flops
from groundsill.resources.networks import dit, lstm, recommender, resnet, unet, vit
from groundsill.terms.network import Layer, Network
from groundsill.terms.problem import Problem


@pytest.mark.parametrize(
    ("depth", "weights", "gmac"),
    [
        (18, 11_689_512, 1.8),
        (34, 21_797_672, 3.6),
        (50, 25_557_032, 4.1),
        (101, 44_549_160, 7.8),
        (152, 60_192_808, 11.5),
    ],
)
def test_resnets(depth: int, weights: int, gmac: float) -> None:
    """torchvision: weights; He et al. 2015 (arXiv 1512.03385), table 1, and torchvision's GMAC for a picture of 224."""
    made = resnet(depth)
    assert made.weights == weights
    assert made.matrix_flops / 2e9 == pytest.approx(gmac, rel=0.03)


def test_the_unet_of_stable_diffusion() -> None:
    """diffusers: 859,520,964 weights (1.x, text of 768) and 865,910,724 (2.x, text of 1,024)."""
    assert unet(text_width=768).weights == 859_520_964
    assert unet(text_width=1024).weights == 865_910_724
    assert 3.5 < unet(edge=64).forward_flops / unet(edge=32).forward_flops < 5.5  # attention grows with the square


def test_dit_xl_2() -> None:
    """Peebles, Xie 2022 (arXiv 2212.09748), table 4: 675e6 weights, 118.64 GMAC ("Gflops") at 256 pixels, and 524.60 at
    512; DiT-B/4 (table 4): 130e6 weights, 5.56."""
    assert dit().weights == 675_129_632
    assert dit().matrix_flops / 2e9 == pytest.approx(118.64, rel=1e-3)
    assert dit(edge=64).matrix_flops / 2e9 == pytest.approx(524.6, rel=1e-3)
    small = dit(12, 768, 12, patch=4)
    assert small.weights == pytest.approx(130e6, rel=0.01)
    assert small.matrix_flops / 2e9 == pytest.approx(5.56, rel=0.01)


def test_an_lstm() -> None:
    """Zaremba et al. 2014 (arXiv 1409.2329), medium model: 2 layers of 650, 10,000 words, about 20e6 weights. By hand:
    4 x 650 x 1300 + 8 x 650 a layer, 650 x 10,000 in, 650 x 10,000 + 10,000 out."""
    made = lstm(2, 650, 650, vocabulary=10_000)
    assert made.weights == 2 * (4 * 650 * 1300 + 8 * 650) + 6_500_000 + 6_510_000
    assert made.weights == pytest.approx(20e6, rel=0.05)
    assert lstm(2, 650, 650, steps=35).forward_flops == 35 * lstm(2, 650, 650).forward_flops


def test_a_recommender_is_its_tables() -> None:
    made = recommender([1_000_000] * 26, 64)
    assert made.weights == pytest.approx(26e6 * 64, rel=0.01)
    assert made.forward_flops < 1e7


def test_vit_is_a_shape() -> None:
    """google/vit-large-patch16-224: 304,326,632 weights."""
    assert vit(layers=24, width=1024, heads=16).weights == 304_326_632


@settings(deadline=None, max_examples=20)
@given(pixels=st.integers(32, 512), samples=st.floats(1, 1e9))
def test_training_takes_three_passes(pixels: int, samples: float) -> None:
    made = resnet(18, pixels)
    assert made.weights == 11_689_512
    forward = network_flops(made, samples, method="head")
    assert network_flops(made, samples) == pytest.approx(3 * forward)
    assert network_flops(made, samples, recompute="full") == pytest.approx(4 * forward)
    assert network_flops(made, samples, method="lora") == pytest.approx(2 * forward)
    assert resnet(18, pixels + 32).saved_values > made.saved_values


def test_networks_that_cannot_be() -> None:
    for make in (
        lambda: resnet(51), lambda: resnet(50, 0), lambda: dit(width=100, heads=3), lambda: dit(edge=33),
        lambda: lstm(0, 1, 1), lambda: unet(()), lambda: Network(()), lambda: Layer("conv", -1, 0.0, 0.0),
        lambda: Layer("conv", 1, float("nan"), 0.0), lambda: Layer("glue", 1, 0.0, 0.0), lambda: recommender([], 8),
    ):  # fmt: skip
        with pytest.raises(Problem, match=r"shape\.bad"):
            make()  # type: ignore[no-untyped-call]
