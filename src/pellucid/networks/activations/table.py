"""The table of activations: what each one computes, and when it is the right one."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.errors import DataError, SettingError, ShapeError, UnknownNameError, did_you_mean
from pellucid.rendering.blocks import Block, Column, Curves, Note, Table
from pellucid.rendering.result import Result, to_frame


@dataclass(frozen=True)
class Activation(Result):
    """One activation: a function that bends what a layer computes, and what to know about it.

    Attributes:
        name: The name to write in code ("leaky_relu").
        title: The name to write in prose ("Leaky ReLU").
        formula: The function of x on one line.
        derivative: Its derivative on one line.
        symbols: What letters in formula and derivative stand for, where that needs a word.
        range: The values it can give, in interval notation.
        use: When it is a good choice.
        avoid: When it is not.
        module: Where its module is imported from.
        make: Builds a fresh module.
        source: Authors, year and title of the paper it comes from.
        year: The year of that paper.
        is_output_only: Whether it belongs at the output of a network only, never between layers.
        is_elementwise: Whether each output depends on one input alone.
        has_surrogate: Whether training uses another gradient than the derivative, which is zero.
    """

    name: str
    title: str
    formula: str
    derivative: str
    range: str
    use: str
    avoid: str
    module: str
    make: Callable[[], nn.Module] = field(repr=False)
    source: str
    year: int
    symbols: tuple[str, ...] = ()
    is_output_only: bool = False
    is_elementwise: bool = True
    has_surrogate: bool = False

    def __call__(self, inputs: Tensor) -> Tensor:
        """Apply the activation, with the parameters it has before any training.

        Args:
            inputs: Floating point, of any shape; softmax needs [examples, classes].

        Returns:
            Same shape, dtype and device as the inputs.

        Raises:
            DataError: If the inputs are not floating point.
            ShapeError: If the activation works across classes and the inputs have one dimension.

        Example:
            >>> activation("relu")(torch.tensor([-1.0, 0.0, 2.0]))
            tensor([0., 0., 2.])
        """
        if not inputs.is_floating_point():
            raise DataError(
                f"an activation computes on floating-point numbers, and these are {inputs.dtype}",
                fix="convert them first: inputs.float()",
            )
        if not self.is_elementwise and inputs.ndim < 2:
            raise ShapeError(
                f"{self.name} works across the classes of each example, and the inputs have shape {list(inputs.shape)}",
                fix="give them the shape [examples, classes]; one example alone: inputs.unsqueeze(0)",
            )
        module = self.make().to(inputs.device, inputs.dtype).requires_grad_(False)
        outputs: Tensor = module(inputs)
        return outputs

    def curves(self, low: float = -4.0, high: float = 4.0, points: int = 161) -> Curves:
        """Compute the function and its derivative over an interval.

        The derivative comes from autograd. An activation with a surrogate has a third curve: the
        derivative is drawn as the zero that it is, and the surrogate as what training uses in its
        place. Softmax is drawn as the probability of one class of two, whose other logit is 0.

        Args:
            low: Where x starts.
            high: Where x ends, itself included.
            points: How many values of x, evenly spaced.

        Raises:
            SettingError: If the interval is empty or has fewer than two points.

        Example:
            >>> activation("relu").curves(-1, 1, points=3).series
            {'ReLU': [0.0, 0.0, 1.0], 'derivative': [0.0, 0.0, 1.0]}
        """
        if not low < high:
            raise SettingError(f"x would go from {low:g} to {high:g}", fix="choose a low that is less than high")
        if points < 2:
            raise SettingError(f"a curve of points={points} shows nothing", fix="choose points=2 or more")
        # Works inside the caller's no_grad() or inference_mode() too.
        with torch.inference_mode(False), torch.enable_grad():
            x = torch.linspace(low, high, points, dtype=torch.float64, requires_grad=True)
            y = self(x) if self.is_elementwise else self(torch.stack([x, torch.zeros_like(x)], dim=1))[:, 0]
            (slope,) = torch.autograd.grad(y.sum(), x)
        if self.has_surrogate:
            series = {"derivative": [0.0] * points, "surrogate for training": slope.tolist()}
        else:
            series = {"derivative": slope.tolist()}
        title = "" if self.is_elementwise else "one class of two, whose other logit is 0"
        return Curves(x.tolist(), {self.title: y.tolist(), **series}, title=title)

    def blocks(self) -> Sequence[Block]:
        """Return what it computes, when to use it, and its curves."""
        where = f"   where {', '.join(self.symbols)}" if self.symbols else ""
        return [
            Note(f"{self.title} ({self.name})"),
            Note(f"formula: {self.formula}   derivative: {self.derivative}{where}"),
            Note(f"range: {self.range}   module: {self.module}"),
            Note(f"Use it: {self.use}"),
            Note(f"Avoid it: {self.avoid}"),
            Note(f"Source: {self.source}"),
            self.curves(),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return every field but `make`."""
        facts = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "make"}
        return facts | {"symbols": list(self.symbols)}


def activations() -> tuple[Activation, ...]:
    """Return every activation, the oldest first.

    Example:
        >>> [entry.name for entry in activations()][:3]
        ['binary_step', 'identity', 'sigmoid']
    """
    return tuple(sorted(_found(), key=lambda entry: (entry.year, entry.name)))


def _found() -> Iterator[Activation]:
    """Yield the ACTIVATION of each file of this folder that has one."""
    package = importlib.import_module(__package__)
    for entry in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        if hasattr(module, "ACTIVATION"):
            yield module.ACTIVATION


def activation(name: str) -> Activation:
    """Return the activation of this name.

    Args:
        name: "leaky_relu", or the same with other capitals, hyphens, spaces or none ("LeakyReLU").

    Raises:
        UnknownNameError: If there is no such activation.

    Example:
        >>> activation("LeakyReLU").formula
        'x if x > 0 else 0.01·x'
    """
    known = {_folded(entry.name): entry for entry in activations()}
    if _folded(name) not in known:
        names = sorted(entry.name for entry in known.values())
        raise UnknownNameError(f"there is no activation {name!r}", fix=did_you_mean(name, names))
    return known[_folded(name)]


def _folded(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


@dataclass(frozen=True)
class ActivationTable(Result):
    """All activations beside each other.

    Example:
        >>> ActivationTable().rows()[0]["formula"]
        '1 if x ≥ 0 else 0'
    """

    activations: tuple[Activation, ...] = field(default_factory=activations)

    def rows(self) -> list[dict[str, str]]:
        """Return one row per activation: name, formula, range, derivative, module."""
        return [
            {
                "name": entry.name,
                "formula": entry.formula,
                "range": entry.range,
                "derivative": entry.derivative,
                "module": entry.module,
            }
            for entry in self.activations
        ]

    def to_frame(self) -> Any:
        """Return the rows as a pandas DataFrame.

        Raises:
            MissingPackageError: If pandas is not installed.
        """
        return to_frame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return every fact about every activation."""
        return {"activations": [entry.to_dict() for entry in self.activations]}

    def blocks(self) -> Sequence[Block]:
        """Return one table, and what the letters and short names in it stand for."""
        titles = ("name", "formula", "range", "derivative", "module")
        # "nn.ReLU" is how it is written in code, and leaves room for the formulas.
        rows = [
            [row[title] for title in titles[:-1]] + [row["module"].removeprefix("torch.").removeprefix("pellucid.")]
            for row in self.rows()
        ]
        symbols = dict.fromkeys(symbol for entry in self.activations for symbol in entry.symbols)
        return [
            Table([Column(title) for title in titles], rows, title=f"{len(rows)} activations, the oldest first"),
            Note("; ".join([*symbols, "nn is torch.nn"]) + "."),
        ]
