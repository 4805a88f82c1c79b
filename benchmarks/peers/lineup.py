"""Who races in which setting."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One peer, or one variant of it.

    Attributes:
        name: In the tables.
        module: Beside this one.
        option: For the module.
        backend: Of Keras.
        most_epochs: Where the peer's schedule ends, or where it is of no use to wait for it.
    """

    name: str
    module: str
    option: str = ""
    backend: str = ""
    most_epochs: int | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is pellucid, which is always given the whole dataset where it runs as it is meant to be used."""
        return self.module == "pellucid_train"


def ours(variant: str, **settings: Any) -> Entry:
    """Return pellucid with some settings."""
    return Entry(f"pellucid{variant}", "pellucid_train", json.dumps(settings) if settings else "")


LOOP = Entry("plain PyTorch loop", "plain_loop")
SKORCH = Entry("skorch", "skorch_net")
LIGHTNING = Entry("Lightning", "lightning_trainer")
KERAS = tuple(Entry(f"Keras, {name}", "keras_fit", backend=name) for name in ("jax", "tensorflow", "torch"))
FASTAI = Entry("fastai", "fastai_learner", most_epochs=5)
SCIKIT_LEARN = Entry("scikit-learn", "scikit_learn")
FLAX = Entry("Flax", "flax_loop")
SCAN = Entry("JAX, scanned by hand", "jax_scan")

QUICK_START = Entry("PyTorch quick start", "quick_start")
# Of "equal": what pellucid must be told so that it does the same arithmetic as all others.
ALIKE = {"batch_size": 256, "precision": "float32", "start": "plain"}
# Of "recipe": the one that `race` gives to the peers.
RECIPE = {"learning_rate": 6e-3, "label_smoothing": 0.1, "warmup": 0.1, "beta2": 0.99, "weight_decay": 0.0}

MEANT = (
    QUICK_START,
    Entry("PyTorch quick start, its own SGD", "quick_start", "sgd", most_epochs=2),
    Entry("plain PyTorch loop, batch 64", "plain_loop", "64"),
    Entry("plain PyTorch loop, batch 256", "plain_loop", "256"),
    SKORCH, LIGHTNING, *KERAS, FASTAI, SCIKIT_LEARN, FLAX, SCAN,
    ours(""),
    ours(", reference", reference=True),
)  # fmt: skip
EQUAL = (
    LOOP, SKORCH, LIGHTNING, *KERAS, FASTAI, SCIKIT_LEARN, FLAX, SCAN,
    ours(", float32", **ALIKE),
    ours(", reference", **ALIKE, reference=True),
    ours(", bfloat16", **ALIKE | {"precision": "bfloat16"}),
)  # fmt: skip
SAME_RECIPE = (
    LOOP, SKORCH, LIGHTNING, *KERAS, FLAX, SCAN,
    ours(", float32", **ALIKE | RECIPE),
    ours(", bfloat16", **ALIKE | RECIPE | {"precision": "bfloat16"}),
    ours(", its own choices"),
)  # fmt: skip
BUSY = (LOOP, SCAN, ours(""))
ELSEWHERE = (LOOP, SCIKIT_LEARN, ours(""))
