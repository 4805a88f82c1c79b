"""pellucid: `pellucid.train`, with its default settings or those in --option (JSON).

The clock starts once PyTorch is imported: the modules of pellucid, which are loaded at first use, are in it, and so are
its own looks at the validation split. Its schedule ends where it is told to, so it is judged once, at the end.
"""

import json
from dataclasses import fields
from typing import Any

import numpy as np
import torch

import pellucid
from benchmarks.peers.race import HIDDEN, Race
from pellucid.networks.modes import evaluating

SPLITS = ("train", "validation")
FASHION_MNIST = "fashion-mnist"


def read(race: Race) -> pellucid.Dataset:
    """Return the dataset without its test split, which only the race looks at."""
    if race.data.name == FASHION_MNIST:
        whole = pellucid.read(FASHION_MNIST)
        splits, names = {name: whole.split(name) for name in SPLITS}, whole.class_names
    else:
        splits = {
            name: pellucid.Split(*(np.load(race.data / f"{name}-{kind}.npy") for kind in ("inputs", "labels")))
            for name in SPLITS
        }
        names = tuple(str(number) for number in range(int(splits["train"].labels.max()) + 1))
    if race.examples is not None:
        splits["train"] = splits["train"].take(np.arange(min(race.examples, len(splits["train"]))))
    return pellucid.Dataset(race.data.name, splits, names)


def main() -> None:
    """Race."""
    race = Race()
    asked: dict[str, Any] = json.loads(race.option or "{}")
    if race.setting != "meant":
        asked.setdefault("epochs", race.epochs)
    dataset = read(race)
    known = {entry.name for entry in fields(pellucid.Settings)}
    if missing := set(asked) - known:
        raise SystemExit(f"this version of pellucid has no setting {', '.join(sorted(missing))}")
    settings = pellucid.Settings(seed=race.seed, **asked)
    speeds: list[float] = []

    def watch(event: object) -> None:
        speed = getattr(event, "examples_per_second", None)
        if speed is not None and hasattr(event, "is_best"):  # an epoch, not the progress within one
            speeds.append(speed)

    network = pellucid.mlp(dataset.train.inputs[0].size, (HIDDEN, HIDDEN), len(dataset.class_names), seed=race.seed)
    run = pellucid.train(network, dataset, settings, device="cpu", watcher=watch)
    trained, preparation = run.classifier.network, run.classifier.preparation
    assert isinstance(preparation, pellucid.ImagePreparation)

    def answer(inputs: Any) -> Any:
        # The race hands out inputs between 0 and 1; the classifier prepares raw ones.
        raw = torch.from_numpy(inputs).view(-1, *preparation.shape) * preparation.divisor
        with evaluating(trained):
            return trained(preparation(raw)).numpy()

    assert run.settings.epochs is not None
    race.lap(round(len(dataset.train) * run.settings.epochs), answer)
    race.finish(
        images_per_second=float(np.median(speeds[1:] or speeds)),
        epochs=len(run.history.epochs),
        validation_accuracy=run.history.best.validation_accuracy,
        training_seconds=run.seconds,
        precision=run.precision,
        first_inputs=_first_inputs(run, dataset),
        settings=run.settings.to_dict(),
        needed_bytes=needed_bytes(dataset, trained),
        versions={"torch": str(torch.__version__), "pellucid": pellucid.__version__},
    )


def _first_inputs(run: pellucid.Run, dataset: pellucid.Dataset) -> int:
    """Return the values that the first product takes: the components of a reduced start, or all of them."""
    components = run.to_dict().get("chosen", {}).get("components")
    return int(components or np.prod(dataset.input_shape))


def needed_bytes(dataset: pellucid.Dataset, network: torch.nn.Module) -> int:
    """Return the bytes of the data as it lies on the disk, of the network and of AdamW's two values per weight."""
    data = sum(split.inputs.nbytes + split.labels.nbytes for split in dataset.splits.values())
    return data + 3 * sum(parameter.nbytes for parameter in network.parameters())


if __name__ == "__main__":
    main()
