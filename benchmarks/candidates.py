"""What else might train better: starts, optimizers and averages of weights, compared on validation splits.

    python -m benchmarks.candidates [--seeds 2] [--threads 1] [-o benchmarks/results/candidates.json]

Five datasets (those of `benchmarks/choose_settings.py`; no test split is loaded) and two networks, with two hidden
layers of 512 and with six of 256. Everything but what is compared is as `pellucid train` chooses it: components where
it takes them, batch size, epochs, AdamW at 0.006 with a rise and a straight fall to zero, label smoothing 0.1; float32.
The loop is a plain one, with PyTorch's own optimizers.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import pellucid
from benchmarks.choose_settings import datasets
from benchmarks.machine import machine
from pellucid.data.batches import Batches
from pellucid.data.dataset import Dataset
from pellucid.data.preparing import fit_preparation
from pellucid.networks.modes import evaluating
from pellucid.tracing.describing import describe
from pellucid.training.choosing import batch_size_for, epochs_for
from pellucid.training.scaling import EXAMPLES, scale_layers
from pellucid.training.schedule import learning_rate_at
from pellucid.training.settings import Settings
from pellucid.training.weights import make_optimizer
from pellucid.training.whitening import Components, whitened

CPU = torch.device("cpu")
NETWORKS = {"512-512": (512, 512), "256 x 6": (256,) * 6}
# The start, the optimizer, and what is averaged.
CANDIDATES = {
    "as pellucid train does": ("strength of the first", "adamw", "nothing"),
    "weights as PyTorch draws them": ("as drawn", "adamw", "nothing"),
    "every layer scaled to variance 1 (LSUV)": ("variance 1", "adamw", "nothing"),
    "Muon for hidden matrices": ("strength of the first", "muon", "nothing"),
    "moving average of weights, 0.99": ("strength of the first", "adamw", "average"),
    "lookahead, every 5 steps by 0.5": ("strength of the first", "adamw", "lookahead"),
}


def scale_to_one(network: nn.Module, inputs: Tensor) -> None:
    """Scale every Linear of a stack, the last one too, so that its outputs have variance 1 (Mishkin and Matas 2016)."""

    def scale(layer: nn.Module, _inputs: object, outputs: Tensor) -> Tensor:
        factor = 1 / float(outputs.std())
        for parameter in layer.parameters():
            parameter.mul_(factor)
        return outputs * factor

    hooks = [layer.register_forward_hook(scale) for layer in network.modules() if isinstance(layer, nn.Linear)]
    with evaluating(network):
        network(inputs)
    for hook in hooks:
        hook.remove()


def optimizers(network: nn.Module, settings: Settings, name: str) -> list[torch.optim.Optimizer]:
    """Return what moves the weights; Muon leaves the first and the last matrix, and all biases, to AdamW."""
    if name == "adamw":
        return [make_optimizer(network, settings)]
    hidden = [layer.weight for layer in network.modules() if isinstance(layer, nn.Linear)][1:-1]
    rest = [parameter for parameter in network.parameters() if all(parameter is not one for one in hidden)]
    betas = (settings.momentum, settings.beta2)
    return [
        torch.optim.Muon(hidden, lr=0.0, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=0.0, betas=betas, weight_decay=0.0, fused=True),
    ]


def averaging(network: nn.Module, kind: str) -> tuple[Callable[[int], None], nn.Module]:
    """Return what is done after each step, and the network that is judged in the end."""
    if kind == "average":
        average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.99))  # type: ignore[no-untyped-call]
        return lambda _step: average.update_parameters(network), average.module
    slow = [parameter.detach().clone() for parameter in network.parameters()]

    def look_ahead(step: int) -> None:
        if kind == "lookahead" and step % 5 == 0:
            with torch.no_grad():
                for held, parameter in zip(slow, network.parameters(), strict=True):
                    held.lerp_(parameter, 0.5)
                    parameter.copy_(held)

    return look_ahead, network


def accuracy(dataset: Dataset, hidden: tuple[int, ...], candidate: tuple[str, str, str], seed: int) -> float:
    """Train once, and return the accuracy on the validation split in the end."""
    start, optimizer, average = candidate
    preparation = fit_preparation(dataset)
    network: nn.Module = pellucid.mlp(dataset.input_shape, hidden, len(dataset.class_names), seed=seed)
    architecture = describe(network, preparation(torch.from_numpy(dataset.train.inputs[:2])))
    order = [layer.name for layer in architecture.layers if not layer.is_function]
    basis = whitened(network, dataset.train, preparation, order, CPU)
    feed = preparation if basis is None else Components(preparation, basis.whitening, torch.float32)
    some = feed(torch.from_numpy(dataset.train.inputs[:: max(1, len(dataset.train) // EXAMPLES)][:EXAMPLES]))
    if start == "variance 1":
        scale_to_one(network, some)
    elif start != "as drawn":
        scale_layers(network, architecture, some)
    batch_size = batch_size_for(len(dataset.train))
    epochs = epochs_for(-(-len(dataset.train) // batch_size))
    settings = Settings(learning_rate=6e-3, epochs=epochs, batch_size=batch_size)
    generator = torch.Generator().manual_seed(seed)
    batches = Batches(
        dataset.train, feed, batch_size=batch_size, device=CPU, generator=generator, is_prepared_once=True
    )
    loss_function = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
    moving = optimizers(network, settings, optimizer)
    after_step, judged = averaging(network, average)
    step, steps = 0, epochs * len(batches)
    for _ in range(epochs):
        for inputs, labels in batches:
            loss = loss_function(network(inputs), labels)
            for one in moving:
                one.zero_grad(set_to_none=True)
                one.param_groups[0]["lr"] = learning_rate_at(step, steps, settings)
            loss.backward()
            for one in moving:
                one.step()
            step += 1
            after_step(step)
    validation = dataset.split("validation")
    with evaluating(judged):
        classes = judged(feed(torch.from_numpy(validation.inputs))).argmax(dim=1)
    return float((classes == torch.from_numpy(validation.labels)).float().mean())


def main() -> None:
    """Train every candidate on every dataset with every seed, and write the accuracies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/candidates.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows: list[dict[str, Any]] = []
    for name, dataset in datasets().items():
        for network, hidden in NETWORKS.items():
            for candidate, what in CANDIDATES.items():
                started = perf_counter()
                found = [accuracy(dataset, hidden, what, seed) for seed in range(arguments.seeds)]
                row = {"dataset": name, "network": network, "candidate": candidate}
                rows.append({**row, "validation_accuracy": statistics.mean(found), "accuracies": found})
                seconds = (perf_counter() - started) / arguments.seeds
                print(f"{name}, {network}, {candidate}: {statistics.mean(found):.2%} ({seconds:.0f} s)", flush=True)
    facts = {"machine": machine(arguments.threads), "seeds": arguments.seeds, "rows": rows}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
