"""What the peers built on JAX share: loss and optimizer of each setting."""

from typing import Any

import jax
import optax

from benchmarks.peers.race import ADAM_RATE, BETAS, LABEL_SMOOTHING, LEARNING_RATE, WARMUP, Race


def optimizer_of(race: Race, steps: int) -> Any:
    """Return the optimizer."""
    if race.setting != "recipe":
        return optax.adam(ADAM_RATE)
    rising = max(1, round(steps * WARMUP))
    up = optax.linear_schedule(LEARNING_RATE / rising, LEARNING_RATE, rising)
    down = optax.linear_schedule(LEARNING_RATE, 0.0, steps - rising)
    return optax.adamw(optax.join_schedules([up, down], [rising]), b1=BETAS[0], b2=BETAS[1], weight_decay=0.0)


def loss_of(race: Race, logits: Any, labels: Any) -> Any:
    """Return the mean cross-entropy, with the recipe's smoothing where it is asked for."""
    if race.setting != "recipe":
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[1]), LABEL_SMOOTHING)
    return optax.softmax_cross_entropy(logits, targets).mean()
