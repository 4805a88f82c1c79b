"""JAX by hand: a whole epoch is one compiled `lax.scan`, batch 64; a last short batch is left out."""

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.peers.in_jax import loss_of, optimizer_of
from benchmarks.peers.race import HIDDEN, Race


def start(sizes: tuple[int, ...], seed: int) -> list[tuple[Any, Any]]:
    """Return weights and biases, drawn as PyTorch draws them: uniform within one over the root of the inputs."""
    random = np.random.default_rng(seed)
    made = []
    for many, few in pairwise(sizes):
        bound = many**-0.5
        weights, biases = random.uniform(-bound, bound, (many, few)), random.uniform(-bound, bound, few)
        made.append((jnp.asarray(weights, jnp.float32), jnp.asarray(biases, jnp.float32)))
    return made


@jax.jit  # type: ignore[untyped-decorator]
def forward(layers: list[tuple[Any, Any]], inputs: Any) -> Any:
    """Return the logits."""
    for weights, biases in layers[:-1]:
        inputs = jax.nn.relu(inputs @ weights + biases)
    weights, biases = layers[-1]
    return inputs @ weights + biases


def main() -> None:
    """Race."""
    race = Race()
    arrays, numbers, classes = race.train_examples()
    inputs, labels = jnp.asarray(arrays), jnp.asarray(numbers)
    batch_size = race.batch_size(64)
    steps = len(numbers) // batch_size
    optimizer = optimizer_of(race, steps * race.epochs)
    layers = start((arrays.shape[1], HIDDEN, HIDDEN, classes), race.seed)
    state = optimizer.init(layers)

    @partial(jax.jit, donate_argnums=(0, 1))
    def epoch(layers: Any, state: Any, inputs: Any, labels: Any, order: Any) -> Any:
        def step(carried: Any, index: Any) -> Any:
            layers, state = carried
            batch, answers = inputs[index], labels[index]
            gradients = jax.grad(lambda layers: loss_of(race, forward(layers, batch), answers))(layers)
            changes, state = optimizer.update(gradients, state, layers)
            return (optax.apply_updates(layers, changes), state), None

        return jax.lax.scan(step, (layers, state), order)[0]

    random = np.random.default_rng(race.seed)
    for _ in range(race.epochs):
        order = random.permutation(len(numbers))[: steps * batch_size].reshape(steps, batch_size)
        layers, state = jax.block_until_ready(epoch(layers, state, inputs, labels, order))
        if not race.lap(steps * batch_size, partial(forward, layers)):
            break
    race.finish(versions={"jax": jax.__version__, "optax": optax.__version__})


if __name__ == "__main__":
    main()
