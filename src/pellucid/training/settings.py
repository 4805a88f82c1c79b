"""The settings of a training, each with its range. This module loads no PyTorch: the command line reads it."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from pellucid.errors import SettingError, UnknownNameError, did_you_mean

Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["warmup-cosine", "one-cycle", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]
WORDS = {
    "optimizer": ("adamw", "sgd"),
    "schedule": ("warmup-cosine", "one-cycle", "constant"),
    "precision": ("auto", "float32", "bfloat16"),
}


def _setting(default: Any, text: str, low: float = 0, high: float | None = None, *, is_open: bool = False) -> Any:
    return field(default=default, metadata={"help": text, "low": low, "high": high, "is_open": is_open})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    The defaults were chosen on the validation split of Fashion-MNIST, see README.

    Attributes:
        epochs: Passes over the training examples.
        batch_size: Examples in a step.
        learning_rate: The highest that the schedule reaches.
        optimizer: "adamw" (Loshchilov and Hutter 2019) or "sgd" with Nesterov momentum.
        momentum: Of sgd.
        weight_decay: Decoupled for adamw, an L2 penalty for sgd.
        schedule: "warmup-cosine" (to zero; Loshchilov and Hutter 2017), "one-cycle" (up and down in straight lines;
            Smith 2018) or "constant" after the warm-up.
        warmup: Share of all steps in which the learning rate rises from zero.
        label_smoothing: Share of each label that is spread over all classes (Szegedy et al. 2016).
        clip_norm: Largest norm of all gradients together; None leaves them as they are.
        patience: Epochs without a better validation accuracy after which training ends; None trains them all.
        precision: Of the products while training. "bfloat16" keeps weights, sums and the loss in float32; "auto" takes
            it where the device multiplies it faster and the network can, and "float32" otherwise.
        seed: Of the order of examples and of everything random in the network while it trains.

    Raises:
        SettingError: If a value is outside its range.
        UnknownNameError: If a word is not known.
    """

    epochs: int = _setting(8, "passes over the training examples", 1)
    batch_size: int = _setting(256, "examples in a step", 1)
    learning_rate: float = _setting(3e-3, "highest learning rate", 0, is_open=True)
    optimizer: Optimizer = _setting("adamw", "adamw or sgd")
    momentum: float = _setting(0.9, "momentum of sgd", 0, 1)
    weight_decay: float = _setting(0.01, "weight decay")
    schedule: Schedule = _setting("one-cycle", "how the learning rate moves")
    warmup: float = _setting(0.1, "share of the steps in which the learning rate rises", 0, 1)
    label_smoothing: float = _setting(0.1, "share of each label spread over all classes", 0, 1)
    clip_norm: float | None = _setting(None, "largest norm of the gradients", 0, is_open=True)
    patience: int | None = _setting(None, "epochs without a better validation accuracy before stopping", 1)
    precision: Precision = _setting("auto", "of the products while training")
    seed: int = _setting(0, "of the starting weights, the order of examples and dropout", 0, 2**63)

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name in WORDS:
                if value not in WORDS[entry.name]:
                    raise UnknownNameError(
                        f"there is no {entry.name} {str(value)!r}", fix=did_you_mean(str(value), WORDS[entry.name])
                    )
                continue
            if value is None and entry.default is None:
                continue
            _check_range(entry.name, value, entry.metadata, is_whole="int" in str(entry.type))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def _check_range(name: str, value: Any, limits: Any, *, is_whole: bool) -> None:
    low, high = limits["low"], limits["high"]
    kind = "a whole number" if is_whole else "a number"
    bounds = f"over {low}" if limits["is_open"] else f"at least {low}"
    if high is not None:
        bounds = f"from {low} up to, but not including, {high}"
    is_number = isinstance(value, int if is_whole else int | float) and not isinstance(value, bool)
    # A NaN fails every comparison.
    is_within = is_number and (value > low if limits["is_open"] else value >= low) and value < (high or float("inf"))
    if not is_within:
        raise SettingError(f"{name} is {value!r}", fix=f"give {kind} {bounds}")
