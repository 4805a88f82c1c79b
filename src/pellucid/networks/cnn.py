"""`cnn`: a small convolutional network; `cnn_for`: the one that suits the size of the images."""

from collections.abc import Sequence

from torch import nn

from pellucid.errors import SettingError, ShapeError
from pellucid.networks.activations import activation as look_up
from pellucid.networks.stacks import Norm, check_rates, check_sizes, linear_stack, named, seeded

# From which height or width on, whichever is less: the window of the first convolution, its stride, and channels. Maps
# of 2x2 to 5x5 are left for the last layer, and an image takes no more than about 60 million multiply-adds up to
# 224x224. The last block has two convolutions: on maps as small as those the second costs little, and it brought half
# a point on the validation split of Fashion-MNIST after three epochs.
SIZES = (
    (176, 6, 4, (24, 32, 48, 96, 128)),
    (96, 6, 4, (24, 48, 96, 128)),
    (48, 4, 2, (24, 32, 64, 128)),
    (0, 4, 2, (32, 48, 96)),
)


def cnn(
    inputs: Sequence[int],
    channels: int | Sequence[int],
    outputs: int,
    *,
    hidden: int | Sequence[int] = (128,),
    convolutions: int | Sequence[int] = 1,
    kernel_size: int = 3,
    stem: int | None = None,
    stem_stride: int = 2,
    activation: str = "relu",
    output_activation: str | None = None,
    dropout: float = 0.0,
    norm: Norm | None = None,
    seed: int | None = None,
) -> nn.Sequential:
    """Build a convolutional network: blocks of convolution, 2x2 max pooling and activation, then Linear layers.

    Pooling comes before norm and activation, which then have a quarter of the work; for an activation that never falls
    the largest of four is the same before and after it.

    Args:
        inputs: Channels, height and width of one input.
        channels: Feature maps of each block; every block halves height and width.
        stem: Height and width of the window of the first convolution, which then takes every second place instead of
            being pooled, and has no norm; even, so that its windows lie alike on both sides. None for no stem.
        stem_stride: Takes every fourth place instead, or any even one, but none further than the window.
        outputs: Number of outputs: one for each class.
        hidden: Units of each hidden Linear layer after the blocks; () for none.
        convolutions: Of each block, or of every block alike; those after the first see the halved maps.
        kernel_size: Height and width of the convolutions' window; odd, so that the size is kept.
        activation: Between the layers; a name from `activations()`.
        output_activation: After the last layer; none by default, the network ends in raw logits.
        dropout: Share of units dropped in the hidden Linear layers.
        norm: "batch" normalises after each convolution and hidden Linear; "layer" only after hidden Linear layers.
        seed: For the starting weights; by default they come from PyTorch's generator.

    Returns:
        A Sequential with the layers `conv_relu_stack`, `flatten` and `linear_relu_stack`.

    Raises:
        SettingError: If a size is not a positive whole number, convolutions are not given for each block, or dropout is
            not in [0, 1).
        ShapeError: If the images are too small for so many blocks, or the window is even.
        UnknownNameError: If an activation or norm is not known.

    Example:
        >>> network = cnn((1, 28, 28), (16, 32), 10)
        >>> [name for name, _ in network.named_children()]
        ['conv_relu_stack', 'flatten', 'linear_relu_stack']
    """
    maps = (channels,) if isinstance(channels, int) else tuple(channels)
    widths = (hidden,) if isinstance(hidden, int) else tuple(hidden)
    counts = (convolutions,) * len(maps) if isinstance(convolutions, int) else tuple(convolutions)
    check_sizes(
        inputs=inputs, channels=maps, outputs=outputs, hidden=widths, convolutions=counts, kernel_size=kernel_size
    )
    if len(counts) != len(maps):
        raise SettingError(
            f"convolutions are {list(counts)}, and there are {len(maps)} blocks",
            fix="give a number for each block, or one for all",
        )
    check_rates(dropout, norm)
    if len(inputs) != 3:
        raise ShapeError(f"inputs are {list(inputs)}", fix="give channels, height and width, as in (1, 28, 28)")
    if kernel_size % 2 == 0:
        raise ShapeError(f"kernel_size is {kernel_size}", fix=f"make it odd: {kernel_size - 1} or {kernel_size + 1}")
    if stem is not None and (stem < 2 or stem % 2):
        raise ShapeError(f"stem is {stem}", fix="make it 2, 4 or another even number")
    if stem is not None and stem_stride not in range(2, stem + 1, 2):
        raise ShapeError(f"stem_stride is {stem_stride}", fix=f"make it even, and at most the window's {stem}")
    # The first block takes every so many-th place, each further one every second.
    first = stem_stride if stem is not None else 2
    height, width = (size // first >> len(maps) - 1 if maps else size for size in inputs[1:])
    if not height or not width:
        raise ShapeError(
            f"{len(maps)} blocks halve an image of {inputs[1]}x{inputs[2]} to nothing",
            fix=f"use at most {(min(inputs[1:]) // first).bit_length()} blocks",
        )
    kind = look_up(activation)
    ending = look_up(output_activation).make() if output_activation is not None else None
    layers: list[nn.Module] = []
    with seeded(seed):
        for block, (before, after, count) in enumerate(zip((inputs[0], *maps), maps, counts, strict=False)):
            for place in range(count):
                channels_in = before if place == 0 else after
                if stem is not None and block == place == 0:
                    window = nn.Conv2d(channels_in, after, stem, stem_stride, padding=(stem - stem_stride) // 2)
                    layers += [window, kind.make()]
                    continue
                layers.append(
                    nn.Conv2d(channels_in, after, kernel_size, padding=kernel_size // 2, bias=norm != "batch")
                )
                if place == 0:
                    layers.append(nn.MaxPool2d(2))
                if norm == "batch":
                    layers.append(nn.BatchNorm2d(after))
                layers.append(kind.make())
        features = (maps[-1] if maps else inputs[0]) * height * width
        stack = linear_stack(features, widths, outputs, activation_name=kind.name, dropout=dropout, norm=norm)
    if ending is not None:
        stack.append(ending)
    return named(
        [
            (f"conv_{kind.name}_stack", nn.Sequential(*layers)),
            ("flatten", nn.Flatten()),
            (f"linear_{kind.name}_stack", stack),
        ]
    )


def cnn_for(inputs: Sequence[int], outputs: int, *, activation: str = "relu", seed: int | None = None) -> nn.Sequential:
    """Build the convolutional network that suits images of a size; larger ones are halved more often.

    Args:
        inputs: Channels, height and width of one input.
        outputs: Number of outputs: one for each class.
        activation: Between the layers; a name from `activations()`.
        seed: For the starting weights; by default they come from PyTorch's generator.

    Raises:
        SettingError: If a size is not a positive whole number.
        ShapeError: If the inputs are no images.
        UnknownNameError: If the activation is not known.

    Example:
        >>> [tuple(layer.weight.shape) for layer in cnn_for((3, 64, 64), 10).modules() if hasattr(layer, "weight")][:2]
        [(24, 3, 4, 4), (32, 24, 3, 3)]
    """
    check_sizes(inputs=inputs)
    smallest = min(inputs[1:], default=0)
    stem, stride, channels = next(size[1:] for size in SIZES if smallest >= size[0])
    # Each block halves the image: small ones have fewer.
    blocks = max(smallest.bit_length() - 1, 0)
    maps = channels[:blocks]
    convolutions = (*(1 for _ in maps[1:]), 2) if len(maps) > 1 else 1
    return cnn(
        inputs, maps, outputs, hidden=(), convolutions=convolutions, stem=stem, stem_stride=stride, norm="batch",
        activation=activation, seed=seed,
    )  # fmt: skip
