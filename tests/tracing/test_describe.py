"""The architecture as executed: rows, names, places, cost by hand, folding, inference, explained failures."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid
from pellucid.errors import DataError, PellucidError, ShapeError, UserCodeError
from pellucid.rendering.terminal import to_text
from pellucid.tracing.folding import folded
from pellucid.tracing.layers import Layer


def row(architecture: pellucid.Architecture, name: str) -> Layer:
    """The row of a name."""
    (found,) = [layer for layer in architecture.layers if layer.name == name]
    return found


class Mixed(nn.Module):
    """Modules, functions, a residual, a layer that runs twice and one that never does."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.body = nn.Sequential(nn.Linear(4 * 16, 8), nn.ReLU())
        self.twice = nn.Linear(8, 8)
        self.unused = nn.Linear(3, 3)

    def forward(self, images: Tensor) -> Tensor:
        hidden = functional.max_pool2d(self.convolution(images), 2)
        hidden = self.body(hidden.flatten(1))
        hidden = hidden + torch.sigmoid(self.twice(hidden))
        outputs: Tensor = self.twice(hidden) @ torch.ones(8, 2)
        return outputs


def test_every_module_and_function_has_its_row_in_executed_order_under_its_container() -> None:
    architecture = pellucid.describe(Mixed(), torch.zeros(2, 1, 8, 8))
    shown = [(layer.name, layer.kind, layer.depth) for layer in architecture.layers]
    assert shown == [
        ("", "Mixed", 0), ("convolution", "Conv2d", 1), ("max_pool2d", "max_pool2d", 1), ("flatten", "flatten", 1),
        ("body", "Sequential", 1), ("body.0", "Linear", 2), ("body.1", "ReLU", 2), ("twice", "Linear", 1),
        ("sigmoid", "sigmoid", 1), ("add", "add", 1), ("twice", "Linear", 1), ("ones", "ones", 1),
        ("matmul", "matmul", 1),
    ]  # fmt: skip
    assert row(architecture, "body.0").input_shapes == ((2, 64),)
    assert row(architecture, "body.0").output_shapes == ((2, 8),)
    assert row(architecture, "convolution").arguments == "1, 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1)"
    assert row(architecture, "max_pool2d").arguments.startswith("2")


def test_a_layer_that_runs_twice_has_two_rows_and_is_counted_once() -> None:
    architecture = pellucid.describe(Mixed(), torch.zeros(2, 1, 8, 8))
    rows = [layer for layer in architecture.layers if layer.name == "twice"]
    assert [(layer.run, layer.parameters) for layer in rows] == [(1, 72), (2, 0)]
    assert [cells[0] for cells in architecture.blocks()[0].rows if "run 2" in str(cells[0])] == ["  twice (run 2)"]  # type: ignore[union-attr]


def test_a_module_that_never_ran_is_listed() -> None:
    architecture = pellucid.describe(Mixed(), torch.zeros(2, 1, 8, 8))
    assert [(one.name, one.parameters) for one in architecture.uncalled] == [("unused", 12)]
    assert "never called: unused (Linear, 12 parameters)" in str(architecture)


def test_rows_tell_where_in_the_users_source_they_were_called() -> None:
    architecture = pellucid.describe(Mixed(), torch.zeros(2, 1, 8, 8))
    source = Mixed.forward.__code__.co_firstlineno
    assert row(architecture, "convolution").place == f"test_describe.py:{source + 1}"
    assert row(architecture, "body.1").place == f"test_describe.py:{source + 2}"
    assert row(architecture, "sigmoid").place == f"test_describe.py:{source + 3}"


def test_tied_weights_are_counted_once_and_said_so() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].weight = network[0].weight
    architecture = pellucid.describe(network, torch.zeros(1, 4))
    assert [layer.parameters for layer in architecture.layers] == [0, 20, 4]
    assert [layer.is_shared for layer in architecture.layers] == [False, False, True]
    assert architecture.parameters == 24


def lstm_by_hand() -> int:
    """Five steps of two examples through two layers in two directions: four gates, each of inputs and state."""
    first = 2 * 4 * 8 * (6 + 8)
    second = 2 * 4 * 8 * (16 + 8)
    return 5 * 2 * (first + second)


COSTS: dict[str, tuple[nn.Module, tuple[int, ...], int]] = {
    "Linear": (nn.Linear(7, 5), (3, 7), 3 * 7 * 5),
    "Linear on a sequence": (nn.Linear(7, 5), (3, 4, 7), 3 * 4 * 7 * 5),
    "Conv2d": (nn.Conv2d(3, 8, 3, padding=1), (2, 3, 10, 12), 2 * 8 * 10 * 12 * 3 * 9),
    "strided": (nn.Conv2d(3, 8, 3, stride=2), (2, 3, 11, 11), 2 * 8 * 5 * 5 * 3 * 9),
    "groups": (nn.Conv2d(4, 8, 3, groups=4), (2, 4, 10, 10), 2 * 8 * 8 * 8 * 1 * 9),
    "dilation": (nn.Conv2d(3, 8, 3, dilation=2), (1, 3, 10, 10), 8 * 6 * 6 * 3 * 9),
    "Conv1d": (nn.Conv1d(3, 4, 5), (2, 3, 20), 2 * 4 * 16 * 3 * 5),
    "transposed": (nn.ConvTranspose2d(4, 6, 2, 2), (1, 4, 5, 5), 5 * 5 * 4 * 6 * 4),
    "LSTM": (nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True), (2, 5, 6), lstm_by_hand()),
    "GRU": (nn.GRU(6, 8), (5, 2, 6), 5 * 2 * 3 * 8 * (6 + 8)),
    "ReLU": (nn.ReLU(), (3, 7), 0),
    "LayerNorm": (nn.LayerNorm(7), (3, 7), 0),
}


@pytest.mark.parametrize("name", COSTS)
def test_multiply_adds_are_those_counted_by_hand(name: str) -> None:
    layer, shape, macs = COSTS[name]
    assert pellucid.describe(nn.Sequential(layer), torch.zeros(shape)).macs == macs


def test_attention_counts_projections_and_scores() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, inputs: Tensor) -> Tensor:
            outputs: Tensor = self.attention(inputs, inputs, inputs)[0]
            return outputs

    architecture = pellucid.describe(Attends(), torch.zeros(3, 5, 8))
    assert architecture.macs == 3 * (4 * 5 * 8 * 8 + 2 * 5 * 5 * 8)
    assert row(architecture, "attention").parameters == 8 * 24 + 24 + 8 * 8 + 8


def test_operations_are_two_for_each_multiply_add_and_one_for_each_bias() -> None:
    assert pellucid.describe(nn.Sequential(nn.Linear(7, 5)), torch.zeros(3, 7)).flops == 2 * 105 + 15


def test_products_agree_with_pytorchs_own_counter() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(4, 3, 8, 8))
    assert pellucid.describe(network, torch.zeros(4, 3, 8, 8)).macs * 2 == counter.get_total_flops()


def test_what_a_backward_pass_keeps_is_measured() -> None:
    network = nn.Sequential(nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10))
    # The rectified 50 values of each example are kept, once for the ReLU and for the next Linear; inputs are not.
    assert pellucid.describe(network, torch.zeros(8, 100)).kept_bytes == 8 * 50 * 4


def test_repeated_blocks_are_folded_and_their_sums_kept() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, inputs: Tensor) -> Tensor:
            outputs: Tensor = inputs + self.layer(inputs).relu()
            return outputs

    architecture = pellucid.describe(nn.Sequential(*(Block() for _ in range(12))), torch.zeros(1, 4))
    rows = folded(architecture.layers)
    assert [(one.layer.kind, one.times) for one in rows] == [
        ("Sequential", 1), ("Block", 12), ("Linear", 1), ("relu", 1), ("add", 1),
    ]  # fmt: skip
    assert sum(one.parameters for one in rows) == architecture.parameters == 240
    assert sum(one.macs for one in rows) == architecture.macs == 12 * 16
    assert "12 × 0" in str(architecture)
    assert "12 × 0" in str(architecture.select(depth=1))


def test_rows_are_selected_by_depth_name_and_kind() -> None:
    architecture = pellucid.describe(Mixed(), torch.zeros(2, 1, 8, 8))
    assert [layer.name for layer in architecture.select(name="body*").layers] == ["body", "body.0", "body.1"]
    assert {layer.kind for layer in architecture.select(kind="Linear").layers} == {"Linear"}
    assert max(layer.depth for layer in architecture.select(depth=1).layers) == 1
    assert architecture.select(kind="Linear").parameters == architecture.parameters


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (lambda: pellucid.mlp(784, (8,), 3), (1, 784)),
        (lambda: pellucid.cnn((1, 28, 28), (4, 8), 3), (1, 1, 28, 28)),
        (lambda: pellucid.cnn((3, 32, 32), (4, 8), 3), (1, 3, 32, 32)),
        (lambda: nn.Sequential(nn.Embedding(9, 4), nn.LSTM(4, 4, batch_first=True)), (1, 16)),
    ],
)
def test_the_shape_of_inputs_is_inferred_and_said(network: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    architecture = pellucid.describe(network())
    assert architecture.is_executed
    assert architecture.layers[0].input_shapes == (shape,)
    assert "inferred from" in architecture.notes[0]


def test_without_any_hint_layers_are_listed_as_declared_and_said_so() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bilinear = nn.Bilinear(3, 4, 5)

        def forward(self, one: Tensor, two: Tensor) -> Tensor:
            outputs: Tensor = self.bilinear(one, two)
            return outputs

    architecture = pellucid.describe(Two())
    assert not architecture.is_executed
    assert architecture.parameters == 3 * 4 * 5 + 5
    assert "as declared, not as executed" in str(architecture)
    both = pellucid.describe(Two(), (torch.zeros(2, 3), torch.zeros(2, 4)))
    named = pellucid.describe(Two(), {"one": torch.zeros(2, 3), "two": torch.zeros(2, 4)})
    assert both.layers[1].output_shapes == named.layers[1].output_shapes == ((2, 5),)


FAILURES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any], type[PellucidError], str]] = {
    "width": (
        lambda: nn.Sequential(nn.Linear(8, 512), nn.ReLU(), nn.Linear(256, 10)), lambda: torch.zeros(2, 8), ShapeError,
        r"Linear\(256→10\) \(2, test_describe.py:\d+\) was given 512 features by ReLU.*\n  fix: make in_features 512",
    ),
    "unflattened": (
        lambda: nn.Sequential(nn.Linear(64, 3)), lambda: torch.zeros(2, 8, 8), ShapeError,
        r"was given \[2, 8, 8\], unflattened\n  fix: put nn.Flatten\(\) before it",
    ),
    "channels": (
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3)), lambda: torch.zeros(2, 3, 8, 8), ShapeError,
        r"Conv2d\(1→4\) .*was given 3 channels\n  fix: make in_channels 3",
    ),
    "channels last": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3)), lambda: torch.zeros(2, 8, 8, 3), ShapeError,
        r"fix: put the channels first: inputs.permute\(0, 3, 1, 2\)",
    ),
    "dimensions": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3)), lambda: torch.zeros(2, 8), ShapeError,
        r"2 dimensions, not 4\n  fix: give \[examples, 3, size, size\]",
    ),
    "window": (
        lambda: nn.Sequential(nn.Conv2d(1, 4, 9)), lambda: torch.zeros(2, 1, 5, 5), ShapeError,
        r"has a window of \[9, 9\] and was given \[5, 5\]\n  fix: use a smaller kernel",
    ),
    "normalisation": (
        lambda: nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(5)), lambda: torch.zeros(2, 1, 5, 5), ShapeError,
        r"BatchNorm2d\(5\) .*was given 4 channels by Conv2d\(1→4\).*\n  fix: make num_features 4",
    ),
    "type": (
        lambda: nn.Sequential(nn.Linear(4, 2)), lambda: torch.zeros(2, 4, dtype=torch.int64), DataError,
        r"has weights of torch.float32 and was given torch.int64\n  fix: convert its input: .to\(torch.float32\)",
    ),
    "vocabulary": (
        lambda: nn.Sequential(nn.Embedding(5, 2)), lambda: torch.tensor([[7]]), DataError,
        r"has 5 entries and was given values from 7 to 7\n  fix: give whole numbers from 0 to 4",
    ),
    "recurrent": (
        lambda: nn.Sequential(nn.LSTM(6, 3)), lambda: torch.zeros(2, 4, 5), ShapeError,
        r"was given 5 features\n  fix: make input_size 5",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_forward_that_raises_is_explained(name: str) -> None:
    make, draw, kind, message = FAILURES[name]
    with pytest.raises(kind, match=message) as caught:
        pellucid.trace(make(), draw())
    assert isinstance(caught.value.__cause__, Exception)


def test_a_product_of_the_wrong_shapes_is_explained() -> None:
    class Product(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs @ torch.ones(5, 2)

    with pytest.raises(ShapeError, match=r"matmul .*multiplies \[3, 4\] with \[5, 2\].*: 4 is not 5"):
        pellucid.trace(Product(), torch.zeros(3, 4))


def test_a_wrong_call_is_told() -> None:
    with pytest.raises((UserCodeError, PellucidError), match="raises TypeError"):
        pellucid.trace(nn.Sequential(nn.Linear(2, 2)), (torch.zeros(1, 2), torch.zeros(1, 2)))


def test_a_lazy_layer_stays_lazy() -> None:
    network = nn.Sequential(nn.Flatten(), nn.LazyLinear(5))
    architecture = pellucid.describe(network, torch.zeros(2, 3, 4))
    assert row(architecture, "1").parameters == 12 * 5 + 5
    assert isinstance(network[1], nn.LazyLinear)
    assert pellucid.trace(network, torch.zeros(2, 3, 4)).values("1").shape == (2, 5)
    assert isinstance(network[1], nn.LazyLinear)


# Operations by hand: 2 for each multiply-add, 1 for each bias and each rectified value, for two examples.
GOLDEN = """\
layer                kind        output shape  parameters  share       MACs
───────────────────────────────────────────────────────────────────────────
Sequential           Sequential  2 x 10
  flatten            Flatten     2 x 784
  linear_relu_stack  Sequential  2 x 10
    0                Linear      2 x 512          401,920  60.0%    802,816
    1                ReLU        2 x 512
    2                Linear      2 x 512          262,656  39.2%    524,288
    3                ReLU        2 x 512
    4                Linear      2 x 10             5,130   0.8%     10,240

total                Sequential                   669,706         1,337,344
669,706 parameters (669,706 trainable, 0 frozen): 2,678,824 bytes float32
estimated: 1,337,344 MACs, 2,678,804 FLOPs
measured: 8,192 bytes kept for the backward pass"""


def test_the_table_of_the_default_network_is_this() -> None:
    architecture = pellucid.describe(pellucid.mlp(784, (512, 512), 10), torch.zeros(2, 784))
    # Without the line of this file that called it.
    placeless = tuple(replace(layer, place=None) for layer in architecture.layers)
    shown = to_text(replace(architecture, layers=placeless).blocks(), width=100)
    assert shown.startswith(GOLDEN), shown


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    blocks = pellucid.describe(Mixed(), torch.zeros(2, 1, 8, 8)).blocks()[:1]
    assert all(len(line) <= max(width, 70) for line in to_text(blocks, width=width).splitlines())


def test_a_transformer_is_opened_up_in_evaluation() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    network = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    names = [one.name for one in pellucid.describe(network, torch.zeros(2, 5, 8)).layers]
    inner = ("self_attn", "dropout1", "add", "norm1", "linear1", "relu", "linear2", "norm2")
    assert {f"layers.{index}.{name}" for index in (0, 1) for name in inner} <= set(names)


def test_an_error_shows_the_rows_until_it() -> None:
    with pytest.raises(ShapeError) as caught:
        pellucid.trace(nn.Sequential(nn.Linear(8, 512), nn.ReLU(), nn.Linear(256, 10)), torch.zeros(2, 8))
    (note,) = caught.value.__notes__
    rows = [line.split()[:2] for line in note.splitlines()[3:]]
    assert rows == [["Sequential", "Sequential"], ["0", "Linear"], ["1", "ReLU"], ["2", "Linear"]]
    assert "raised" in note.splitlines()[-1]


def test_a_lazy_layer_behind_a_convolution_does_not_hide_the_shape() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(5))
    assert pellucid.describe(network).layers[0].input_shapes == ((1, 3, 28, 28),)
    assert not pellucid.describe(nn.Sequential(nn.LazyLinear(5))).is_executed
