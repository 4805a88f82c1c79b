"""Architectures that nobody here wrote, and well-known ones written out: exact totals, same outputs, no mark."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid
from pellucid.tracing.capture import tensors_in

from .test_no_mark import bits, everything

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.slow

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 37}


def of_config(kind: str, model: str, **sizes: Any) -> nn.Module:
    """A network of transformers' with random weights."""
    network: nn.Module = getattr(transformers, model)(getattr(transformers, f"{kind}Config")(**sizes))
    return network


def tokens(vocabulary: int = 99) -> dict[str, Tensor]:
    """Two sentences of seven tokens."""
    return {"input_ids": torch.randint(3, vocabulary, (2, 7))}


def pixels(size: int = 32) -> dict[str, Tensor]:
    """Two colour images."""
    return {"pixel_values": torch.randn(2, 3, size, size)}


def clip() -> nn.Module:
    """Text and vision towers together."""
    text = {**SMALL, "vocab_size": 99, "max_position_embeddings": 16}
    vision = {**SMALL, "image_size": 32, "patch_size": 8}
    network: nn.Module = transformers.CLIPModel(
        transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    )
    return network


class Residual(nn.Module):
    """The basic block of ResNet."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(inputs)))))
        hidden += self.downsample(inputs)
        outputs: Tensor = self.relu(hidden)
        return outputs


def resnet() -> nn.Module:
    """A ResNet of four stages."""
    stages = [Residual(before, after, 2) for before, after in ((8, 8), (8, 16), (16, 32), (32, 64))]
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1), *stages,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


class Inverted(nn.Module):
    """The block of MobileNet V2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = channels * 4
        self.layers = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True),
            nn.Conv2d(wide, wide, 3, 1, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True),
            nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = inputs + self.layers(inputs)
        return outputs


def mobilenet() -> nn.Module:
    """Two inverted blocks, and a last layer that learns its width from the first batch."""
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), Inverted(8), Inverted(8), nn.Flatten(), nn.LazyLinear(5))


class UNet(nn.Module):
    """Down, up, and across."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.bottom = nn.Conv2d(16, 16, 3, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.last = nn.Conv2d(16, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        first = functional.relu(self.down1(images))
        second = functional.relu(self.down2(functional.max_pool2d(first, 2)))
        hidden = self.up(functional.relu(self.bottom(second)))
        outputs: Tensor = self.last(torch.cat([first, hidden], dim=1))
        return outputs


class Recurrent(nn.Module):
    """An LSTM or GRU that reads a sequence."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.reader = kind(6, 8, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(16, 3)

    def forward(self, sequence: Tensor) -> Tensor:
        hidden, _ = self.reader(sequence)
        logits: Tensor = self.head(hidden[:, -1])
        return logits


def colour() -> Tensor:
    """Two colour images as one argument."""
    return torch.randn(2, 3, 32, 32)


ARCHITECTURES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "BERT": (lambda: of_config("Bert", "BertModel", vocab_size=99, **SMALL), tokens),
    "RoBERTa": (lambda: of_config("Roberta", "RobertaForSequenceClassification", vocab_size=99, **SMALL), tokens),
    "DistilBERT": (
        lambda: of_config("DistilBert", "DistilBertModel", vocab_size=99, dim=32, n_layers=2, n_heads=2, hidden_dim=37),
        tokens,
    ),
    "ALBERT": (lambda: of_config("Albert", "AlbertModel", vocab_size=99, embedding_size=16, **SMALL), tokens),
    "ELECTRA": (lambda: of_config("Electra", "ElectraModel", vocab_size=99, embedding_size=16, **SMALL), tokens),
    "GPT-2": (lambda: of_config("GPT2", "GPT2LMHeadModel", vocab_size=99, n_embd=32, n_layer=2, n_head=2), tokens),
    "OPT": (
        lambda: of_config(
            "OPT", "OPTModel", vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, ffn_dim=37,
            word_embed_proj_dim=32,
        ),
        tokens,
    ),
    "Llama": (lambda: of_config("Llama", "LlamaForCausalLM", vocab_size=99, **SMALL), tokens),
    "Mistral": (
        lambda: of_config("Mistral", "MistralModel", vocab_size=99, num_key_value_heads=1, **SMALL), tokens,
    ),
    "T5": (
        lambda: of_config("T5", "T5Model", vocab_size=99, d_model=32, d_kv=16, d_ff=37, num_layers=2, num_heads=2),
        lambda: {**tokens(), "decoder_input_ids": torch.randint(3, 99, (2, 5))},
    ),
    "CLIP": (clip, lambda: {**tokens(), **pixels()}),
    "ViT": (lambda: of_config("ViT", "ViTForImageClassification", image_size=32, patch_size=8, **SMALL), pixels),
    "DeiT": (lambda: of_config("DeiT", "DeiTModel", image_size=32, patch_size=8, **SMALL), pixels),
    "ConvNeXT": (
        lambda: of_config("ConvNext", "ConvNextModel", hidden_sizes=[8, 16, 32, 64], depths=[1, 1, 2, 1]),
        lambda: pixels(64),
    ),
    "ResNet of transformers": (
        lambda: of_config("ResNet", "ResNetModel", embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1]), pixels,
    ),
    "ResNet": (resnet, colour),
    "MobileNet": (mobilenet, colour),
    "U-Net": (UNet, colour),
    "LSTM": (lambda: Recurrent(nn.LSTM), lambda: torch.randn(2, 5, 6)),
    "GRU": (lambda: Recurrent(nn.GRU), lambda: torch.randn(2, 5, 6)),
    "encoder and decoder": (
        lambda: nn.Transformer(16, 2, 2, 2, 32, batch_first=True),
        lambda: (torch.randn(2, 5, 16), torch.randn(2, 4, 16)),
    ),
}  # fmt: skip


def made(name: str) -> tuple[nn.Module, Any]:
    """The network in evaluation mode, with lazy layers filled, and inputs for it."""
    make, draw = ARCHITECTURES[name]
    torch.manual_seed(0)
    network, inputs = make().eval(), draw()
    with torch.no_grad():
        called(network, inputs)
    return network, inputs


def called(network: nn.Module, inputs: Any) -> Any:
    """Call a network as its inputs ask for."""
    if isinstance(inputs, dict):
        return network(**inputs)
    return network(*inputs) if isinstance(inputs, tuple) else network(inputs)


def test_there_are_at_least_twenty() -> None:
    assert len(ARCHITECTURES) >= 20


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_totals_are_exact_and_rows_add_up_to_them(name: str) -> None:
    network, inputs = made(name)
    architecture = pellucid.describe(network, inputs)
    assert architecture.parameters == sum(parameter.numel() for parameter in network.parameters())
    rows = sum(layer.parameters for layer in architecture.layers)
    assert rows + sum(one.parameters for one in architecture.uncalled) == architecture.parameters
    assert architecture.macs == sum(layer.macs or 0 for layer in architecture.layers) > 0
    assert str(architecture)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_outputs_are_bit_identical_and_no_mark_is_left(name: str) -> None:
    network, inputs = made(name)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            expected = called(copy.deepcopy(network), inputs)
        before = everything(network, inputs)
        trace = pellucid.trace(network, inputs)
        assert everything(network, inputs) == before
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    found = [bits(tensor) for tensor in tensors_in(trace.output)]
    assert found == [bits(tensor) for tensor in tensors_in(expected)]
    assert found
    assert str(trace)
