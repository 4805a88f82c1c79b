"""Keras: `compile` and `fit` over arrays, batch 128 as in its first example; the backend is in KERAS_BACKEND."""

import importlib
import math
from typing import Any

import keras

from benchmarks.peers.race import ADAM_RATE, BETAS, HIDDEN, LABEL_SMOOTHING, LEARNING_RATE, WARMUP, Race


class Lap(keras.callbacks.Callback):  # type: ignore[misc]
    """A lap after each epoch."""

    def __init__(self, race: Race, examples: int) -> None:
        super().__init__()
        self.race, self.examples = race, examples

    def on_epoch_end(self, _epoch: int, _logs: Any = None) -> None:
        """Judge."""
        if not self.race.lap(self.examples, lambda inputs: self.model.predict(inputs, batch_size=1000, verbose=0)):
            self.model.stop_training = True


class UpAndDown(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """The recipe's learning rate."""

    def __init__(self, steps: int) -> None:
        self.steps, self.rising = steps, max(1, round(steps * WARMUP))

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step: the lower of the two straight lines."""
        step = keras.ops.cast(step, "float32")
        share = keras.ops.minimum((step + 1) / self.rising, (self.steps - step) / max(1, self.steps - self.rising))
        return LEARNING_RATE * share


def main() -> None:
    """Race."""
    race = Race()
    keras.utils.set_random_seed(race.seed)
    inputs, labels, classes = race.train_examples()
    batch_size = race.batch_size(128)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((inputs.shape[1],)),
            layers.Dense(HIDDEN, activation="relu"),
            layers.Dense(HIDDEN, activation="relu"),
            layers.Dense(classes),
        ]
    )
    targets: Any = labels
    if race.setting == "recipe":
        rate = UpAndDown(math.ceil(len(labels) / batch_size) * race.epochs)
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=0.0, beta_1=BETAS[0], beta_2=BETAS[1], epsilon=1e-8
        )  # fmt: skip
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=LABEL_SMOOTHING)
        targets = keras.utils.to_categorical(labels, classes)
    else:
        optimizer = keras.optimizers.Adam(ADAM_RATE)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss)
    model.fit(
        inputs, targets, batch_size=batch_size, epochs=race.epochs, verbose=0, callbacks=[Lap(race, len(labels))]
    )  # fmt: skip
    backend = keras.backend.backend()
    version = importlib.import_module(backend).__version__
    race.finish(versions={"keras": keras.__version__, backend: str(version)})


if __name__ == "__main__":
    main()
