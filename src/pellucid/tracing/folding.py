"""Repeated blocks of an architecture, shown once with their number."""

from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.tracing.layers import Layer


@dataclass(frozen=True)
class Row:
    """One shown row: a layer, and how many of its kind it stands for.

    Attributes:
        layer: The first of them.
        times: How many blocks are alike.
        parameters: Of all of them.
        macs: Of all of them.
    """

    layer: Layer
    times: int
    parameters: int
    macs: int


def folded(layers: Sequence[Layer], fewest: int = 3) -> list[Row]:
    """Show blocks that follow each other and are alike once.

    Args:
        layers: In executed order, each with its depth.
        fewest: Blocks alike from which on they are folded.

    Returns:
        The rows to show; inside a folded block the sums are those of all its repetitions.
    """
    rows: list[Row] = []
    _fold(list(layers), fewest, 1, rows)
    return rows


def _fold(layers: list[Layer], fewest: int, times: int, rows: list[Row]) -> None:
    blocks = _blocks(layers)
    start = 0
    while start < len(blocks):
        stop = start + 1
        signature = _signature(blocks[start])
        # Only blocks with something inside: five ReLU in a row are five steps, not one thing repeated.
        is_block = len(blocks[start]) > 1 or blocks[start][0].is_container
        while is_block and stop < len(blocks) and _signature(blocks[stop]) == signature:
            stop += 1
        if stop - start < fewest:
            stop = start + 1
        alike = blocks[start:stop]
        factor = len(alike)
        first, inner = blocks[start][0], blocks[start][1:]
        rows.append(
            Row(
                first,
                factor,
                sum(block[0].parameters for block in alike) * times,
                sum(block[0].macs or 0 for block in alike) * times,
            )
        )
        _fold(inner, fewest, times * factor, rows)
        start = stop


def _blocks(layers: list[Layer]) -> list[list[Layer]]:
    """Cut rows into blocks: each row of the lowest depth with the deeper ones after it."""
    if not layers:
        return []
    depth = min(layer.depth for layer in layers)
    blocks: list[list[Layer]] = []
    for layer in layers:
        if layer.depth == depth or not blocks:
            blocks.append([layer])
        else:
            blocks[-1].append(layer)
    return blocks


def _signature(block: list[Layer]) -> list[tuple[object, ...]]:
    return [
        (
            layer.depth,
            layer.kind,
            layer.arguments,
            layer.output_shapes,
            layer.parameters,
            layer.macs,
            layer.is_shared,
            layer.run > 1,
        )
        for layer in block
    ]
