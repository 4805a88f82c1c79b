"""`Architecture`: a network as it was executed, or, without inputs, as it was declared."""

import fnmatch
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pellucid.rendering.blocks import Block, Column, Note, Table, number
from pellucid.rendering.result import Result, to_frame
from pellucid.tracing.folding import Row, folded
from pellucid.tracing.layers import Layer, Uncalled, shapes_shown


@dataclass(frozen=True)
class Architecture(Result):
    """The layers of a network and what they cost.

    Attributes:
        kind: The network's class.
        layers: In executed order, each container before what is inside it; in declared order if it was not run.
        uncalled: Modules that never ran.
        parameters: All parameters of the network, each counted once.
        trainable: Those that training moves.
        parameter_bytes: Of them, by type.
        buffers: Values that are kept but not trained.
        macs: Multiply-adds for the batch, estimated; of the layers that there is a formula for.
        flops: Floating-point operations for the batch, estimated likewise.
        unknown_cost: Kinds of layers that there is no formula for.
        kept_bytes: What a backward pass would keep from this forward pass, measured; None if that was not asked.
        seconds: Of the forward pass, measured; None if it was not run.
        is_executed: Whether the network was run.
        notes: What was inferred or left out, in sentences.
    """

    kind: str
    layers: tuple[Layer, ...]
    uncalled: tuple[Uncalled, ...]
    parameters: int
    trainable: int
    parameter_bytes: dict[str, int]
    buffers: int
    macs: int
    flops: int
    unknown_cost: tuple[str, ...]
    kept_bytes: int | None
    seconds: float | None
    is_executed: bool
    notes: tuple[str, ...]

    def select(self, *, depth: int | None = None, name: str = "*", kind: str = "*") -> "Architecture":
        """Return the architecture with only some of its rows; totals stay those of the whole network.

        Args:
            depth: Rows with at most so many containers around them.
            name: Pattern of names, as in "encoder.*".
            kind: Pattern of kinds, as in "Conv*".
        """
        kept = tuple(
            layer
            for layer in self.layers
            if (depth is None or layer.depth <= depth)
            and fnmatch.fnmatchcase(layer.name, name)
            and fnmatch.fnmatchcase(layer.kind, kind)
        )
        left_out = len(self.layers) - len(kept)
        notes = (*self.notes, f"{left_out} rows are left out") if left_out else self.notes
        return replace(self, layers=kept, notes=notes)

    def to_frame(self) -> Any:
        """Return the layers as a pandas DataFrame."""
        return to_frame([layer.to_dict() for layer in self.layers])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {
            "kind": self.kind,
            "layers": [layer.to_dict() for layer in self.layers],
            "uncalled": [{"name": one.name, "kind": one.kind, "parameters": one.parameters} for one in self.uncalled],
            "parameters": self.parameters,
            "trainable": self.trainable,
            "parameter_bytes": self.parameter_bytes,
            "buffers": self.buffers,
            "macs": {"value": self.macs, "source": "estimated"},
            "flops": {"value": self.flops, "source": "estimated"},
            "unknown_cost": list(self.unknown_cost),
            "kept_bytes": {"value": self.kept_bytes, "source": "measured"},
            "seconds": {"value": self.seconds, "source": "measured"},
            "is_executed": self.is_executed,
            "notes": list(self.notes),
        }

    def blocks(self) -> Sequence[Block]:
        """Show a table with a row for each layer, and the totals."""
        rows = folded(self.layers)
        columns = [
            Column("layer"), Column("kind"), Column("output shape"), number("parameters"), number("share", ".1%"),
            number("MACs"), Column("called at"),
        ]  # fmt: skip
        total = max(self.parameters, 1)
        body = [self._cells(row, total) for row in rows]
        if not any(layer.place for layer in self.layers):
            columns, body = columns[:-1], [cells[:-1] for cells in body]
        sums = ("total", self.kind, "", self.parameters, None, self.macs if self.is_executed else None, "")
        footer = [sums[: len(columns)]]
        uncalled = [
            Note(f"never called: {one.name or self.kind} ({one.kind}, {one.parameters:,} parameters)", is_warning=True)
            for one in (self.uncalled if self.is_executed else ())
        ]
        return [Table(columns, body, footer=footer), *self._totals(), *uncalled, *(Note(note) for note in self.notes)]

    def _cells(self, row: Row, total: int) -> tuple[str | int | float | None, ...]:
        layer = row.layer
        times = f"{row.times} × " if row.times > 1 else ""
        parameters = row.parameters
        shared = " (shared)" if layer.is_shared else (f" (run {layer.run})" if layer.run > 1 else "")
        return (
            "  " * layer.depth + times + layer.short_name + shared,
            layer.kind,
            shapes_shown(layer.output_shapes),
            parameters or None,
            parameters / total if parameters else None,
            row.macs or None,
            layer.place or "",
        )

    def _totals(self) -> list[Note]:
        stored = ", ".join(f"{size:,} bytes {name}" for name, size in sorted(self.parameter_bytes.items()))
        frozen = self.parameters - self.trainable
        notes = [
            Note(
                f"{self.parameters:,} parameters ({self.trainable:,} trainable, {frozen:,} frozen): {stored or 'none'}"
            )
        ]
        if self.is_executed:
            unknown = f"; no formula for {', '.join(self.unknown_cost)}" if self.unknown_cost else ""
            notes.append(Note(f"estimated: {self.macs:,} MACs, {self.flops:,} FLOPs{unknown}"))
        if self.kept_bytes is not None:
            notes.append(Note(f"measured: {self.kept_bytes:,} bytes kept for the backward pass"))
        if self.seconds is not None:
            notes.append(Note(f"measured: {self.seconds * 1e3:,.2f} ms for the forward pass, watched"))
        return notes


def sizes_of(layers: Sequence[Layer]) -> dict[str, int]:
    """Return bytes of parameters by type."""
    sizes: dict[str, int] = defaultdict(int)
    for layer in layers:
        for name, size in layer.parameter_bytes.items():
            sizes[name] += size
    return dict(sizes)
