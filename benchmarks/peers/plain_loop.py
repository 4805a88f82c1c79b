"""The loop that those write who care: arrays in memory, indexed by a permutation. Batch 64, or as told."""

import math

import torch

from benchmarks.peers.in_torch import answers_of, network, training_parts
from benchmarks.peers.race import Race


def main() -> None:
    """Race."""
    race = Race()
    arrays, numbers, classes = race.train_examples()
    inputs, labels = torch.from_numpy(arrays), torch.from_numpy(numbers)
    batch_size = race.batch_size(int(race.option or 64))
    model = network(arrays.shape[1], classes, race.seed)
    steps = math.ceil(len(labels) / batch_size) * race.epochs
    loss_function, optimizer, schedule = training_parts(race, model.parameters(), steps)
    for _ in range(race.epochs):
        order = torch.randperm(len(labels))
        for index in order.split(batch_size):  # type: ignore[no-untyped-call]
            loss = loss_function(model(inputs[index]), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if race.setting == "recipe":
                schedule.step()
        if not race.lap(len(labels), answers_of(model)):
            break
    race.finish(versions={"torch": str(torch.__version__)})


if __name__ == "__main__":
    main()
