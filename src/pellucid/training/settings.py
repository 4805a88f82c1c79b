"""The settings of a training, each with its range. This module loads no PyTorch: the command line reads it."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal

from pellucid.data.augmentation import Augmentation
from pellucid.errors import SettingError, UnknownNameError, did_you_mean

Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["warmup-cosine", "one-cycle", "constant"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Start = Literal["auto", "whitened", "plain"]
WORDS = {
    "optimizer": ("adamw", "sgd"),
    "schedule": ("warmup-cosine", "one-cycle", "constant"),
    "precision": ("auto", "float32", "bfloat16", "float16"),
    "start": ("auto", "whitened", "plain"),
}


def _setting(
    default: Any, text: str, low: float = 0, high: float | None = None, *, is_open: bool = False, none: str = "off"
) -> Any:
    limits = {"low": low, "high": high, "is_open": is_open}
    return field(default=default, metadata={"help": text, "none": none, **limits})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    What is None is chosen for the network and the data, see `pellucid.training.choosing`; a run's own settings say what
    it was. The defaults were compared on validation splits only, see docs/speed.md.

    Attributes:
        epochs: Passes over the training examples, as in 4 or 2.5; None chooses.
        seconds: Train for so long instead, validation included: the schedule ends with the time.
        until: Stop at this validation accuracy, or R² of a regression.
        batch_size: Examples in a step; None chooses.
        learning_rate: The highest that the schedule reaches; None chooses.
        optimizer: "adamw" (Loshchilov and Hutter 2019) or "sgd" with Nesterov momentum.
        momentum: Of sgd; the first beta of adamw.
        beta2: The second beta of adamw.
        weight_decay: Decoupled for adamw, an L2 penalty for sgd.
        schedule: "warmup-cosine" (to zero; Loshchilov and Hutter 2017), "one-cycle" (up and down in straight lines;
            Smith 2018) or "constant" after the warm-up.
        warmup: Share of all steps in which the learning rate rises from zero.
        label_smoothing: Share of each label that is spread over all classes (Szegedy et al. 2016).
        balance: Whether each class weighs alike in the loss, however rare it is: right where a miss of a rare one is
            worse.
        clip_norm: Largest norm of all gradients together; None leaves them as they are.
        patience: Epochs without a better validation accuracy after which training ends; None trains them all.
        precision: Of the products while training. "bfloat16" keeps weights, sums and the loss in float32; "float16"
            does too, and multiplies the loss so that small gradients do not become zero; "auto" takes the first of
            them that the device has in hardware, if its steps are faster and its gradients agree, else "float32".
        start: "whitened" trains a first Linear in the basis of the inputs' principal components and folds it back, or
            gives a first convolution whitening filters in place of its weights; "auto" does the first where the
            network allows it, and never the second. Both scale the hidden Linears of a plain stack of new ones, see
            `pellucid.training.scaling`; "plain" leaves all as it is.
        flip: Whether to mirror each image left to right in every second epoch: right for clothes, wrong for digits.
        augment: What is done to training images at random, anew in every epoch, as in "shift,rotate:10,mixup:0.2"; see
            `pellucid.data.augmentation`.
        freeze: Share of the run, after the first epoch up to the end of one, in which only the last layer learns; then
            all layers do, at a tenth of the rate. For a network with weights that others have trained.
        threads: Of the processor; None tries one against all and changes during the run. The last digits of a result
            depend on their number.
        reference: Whether to train the plain way: float32, plain start, PyTorch's own optimizer, threads as they are.
        seed: Of the order of examples and of everything random in the network while it trains.

    Raises:
        SettingError: If a value is outside its range.
        UnknownNameError: If a word is not known.
    """

    epochs: float | None = _setting(
        None, "passes over the training examples", 0, is_open=True, none="chosen for the data"
    )
    seconds: float | None = _setting(None, "train for so long instead", 0, is_open=True)
    until: float | None = _setting(None, "stop at this validation accuracy, or R²", 0, 1, is_open=True)
    batch_size: int | None = _setting(None, "examples in a step", 1, none="chosen for the data")
    learning_rate: float | None = _setting(
        None, "highest learning rate", 0, is_open=True, none="chosen for the network and the data"
    )
    optimizer: Optimizer = _setting("adamw", "adamw or sgd")
    momentum: float = _setting(0.9, "momentum of sgd, first beta of adamw", 0, 1)
    beta2: float = _setting(0.99, "second beta of adamw", 0, 1)
    weight_decay: float = _setting(0.0, "weight decay")
    schedule: Schedule = _setting("one-cycle", "how the learning rate moves")
    warmup: float = _setting(0.1, "share of the steps in which the learning rate rises", 0, 1)
    label_smoothing: float = _setting(0.1, "share of each label spread over all classes", 0, 1)
    balance: bool = _setting(False, "let rare classes count as much as common ones")
    clip_norm: float | None = _setting(None, "largest norm of the gradients", 0, is_open=True)
    patience: int | None = _setting(None, "epochs without a better validation accuracy before stopping", 1)
    precision: Precision = _setting("auto", "of the products while training")
    start: Start = _setting("auto", "of the first layer: whitened takes principal components")
    flip: bool = _setting(False, "mirror each image left to right in every second epoch")
    augment: str = _setting("none", "changes of training images, as in shift,flip,rotate:10,erase,mixup:0.2")
    freeze: float = _setting(0.0, "share of the run in which only the last layer learns", 0, 1)
    threads: int | None = _setting(None, "of the processor", 1, none="one or all, whichever is faster at the time")
    reference: bool = _setting(False, "train the plain way: float32, plain start, PyTorch's optimizer")
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
            if entry.name == "augment":
                Augmentation.parse(value)
                continue
            if entry.type in {bool, "bool"}:
                if not isinstance(value, bool):
                    raise SettingError(f"{entry.name} is {value!r}", fix="give True or False")
                continue
            _check_range(entry.name, value, entry.metadata, is_whole="int" in str(entry.type))
        if isinstance(self.epochs, float) and self.epochs.is_integer():
            # What a command line gives, which has one kind of number: 4 is told and kept as 4, not as 4.0.
            object.__setattr__(self, "epochs", int(self.epochs))
        if self.epochs is not None and self.seconds is not None:
            raise SettingError("both epochs and seconds are given", fix="give one of them: each says when to end")
        for name, wrong in (("precision", "bfloat16"), ("precision", "float16"), ("start", "whitened")):
            if self.reference and getattr(self, name) == wrong:
                raise SettingError(f"reference trains without {name} {wrong!r}", fix=f"leave {name} or reference out")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def _check_range(name: str, value: Any, limits: Any, *, is_whole: bool) -> None:
    low, high = limits["low"], limits["high"]
    kind = "a whole number" if is_whole else "a number"
    bounds = f"over {low}" if limits["is_open"] else f"at least {low}"
    if high is not None and not limits["is_open"]:
        bounds = f"from {low} up to, but not including, {high}"
    elif high is not None:
        bounds = f"over {low} and under {high}"
    is_number = isinstance(value, int if is_whole else int | float) and not isinstance(value, bool)
    # A NaN fails every comparison.
    is_within = is_number and (value > low if limits["is_open"] else value >= low) and value < (high or float("inf"))
    if not is_within:
        raise SettingError(f"{name} is {value!r}", fix=f"give {kind} {bounds}")
