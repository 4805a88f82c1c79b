"""docs/speed.md, made from the figures of `benchmarks/speed.py` alone; a test compares the two."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.peers.race import BATCH_SIZE, BETAS, HIDDEN, LABEL_SMOOTHING, LEARNING_RATE

GOALS = (0.88, 0.89, 0.90)
OURS = "pellucid"
INPUTS, CLASSES = 784, 10
NOT_PEERS = {"processor", "cores", "threads", "system", "python", "load"}
SETS = {
    "table": "a long table made by scikit-learn (`make_classification`)",
    "digits": "scikit-learn's digits",
    "shapes": "coloured shapes, striped or chequered, made by `benchmarks/made_sets.py`",
}


def page(result: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    parts = [_head(result)]
    if "meant" in result:
        parts.append(_meant(result))
    if "ours" in result:
        parts.append(_ours(result))
    if "equal" in result:
        parts.append(_equal(result))
    if "recipe" in result:
        parts.append(_recipe(result))
    if "busy" in result:
        parts.append(_busy(result["busy"]))
    if "sets" in result:
        parts.append(_sets(result["sets"]))
    parts.append(_left_out(result["left_out"]))
    return "\n\n".join(part for part in parts if part) + "\n"


def flop_per_image(first_inputs: int = INPUTS) -> int:
    """Return the floating point operations of one image's training step; no gradient is needed for the inputs."""
    first, rest = first_inputs * HIDDEN, HIDDEN * HIDDEN + HIDDEN * CLASSES
    return 2 * (2 * first + 3 * rest)


def seconds_to(laps: Sequence[dict[str, float]], goal: float) -> tuple[float, int] | None:
    """Return seconds and epochs until a test accuracy was first seen."""
    for epoch, lap in enumerate(laps, 1):
        if lap["accuracy"] >= goal:
            return lap["seconds"], epoch
    return None


def mean_seconds_to(ladder: Sequence[dict[str, Any]], goal: float) -> dict[str, Any] | None:
    """Return the shortest of our trainings whose mean test accuracy over the seeds is at least the goal."""
    reached = (rung for rung in ladder if statistics.mean(rung["test_accuracy"]["runs"]) >= goal)
    return next(reached, None)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown: the first column is words, the others are numbers."""
    lines = ["| " + " | ".join(titles) + " |", "|---" + "|---:" * (len(titles) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def speed(found: dict[str, Any]) -> str:
    """Return images per second: median (lowest to highest)."""
    return f"{found['median']:,.0f} ({found['lowest']:,.0f}–{found['highest']:,.0f})"


def share_of_products(peer: dict[str, Any], result: dict[str, Any]) -> str:
    """Return the share of the machine's matrix products, in the peer's precision, that its arithmetic reached."""
    limit = result["products"][peer.get("precision", "float32")]["highest"]
    done = peer["images_per_second"]["median"] * flop_per_image(peer.get("first_inputs", INPUTS))
    return f"{done / limit:.0%}"


def _head(result: dict[str, Any]) -> str:
    machine, products = result["machine"], result["products"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(machine.items()) if name not in NOT_PEERS)
    return f"""# How fast, beside whom

Written by `benchmarks/speed.py` from `benchmarks/results/speed.json`; nothing here is written by hand. To run it again:

```sh
python -m venv peers && peers/bin/pip install -r benchmarks/peers/requirements.txt .
peers/bin/python -m benchmarks.speed
```

Measured on {machine["processor"]} ({machine["cores"]} cores, {machine["system"]}), {machine["threads"]} threads for \
everyone, load average {machine["load"][0]:.1f} before and {machine["load"][1]:.1f} after; Python {machine["python"]}, \
{versions}. Matrix products, measured before each round: {products["float32"]["highest"] / 1e9:.0f} GFLOP/s in float32 \
and {products["bfloat16"]["highest"] / 1e9:.0f} in bfloat16 at best.

**What is measured.** Each run is a process of its own, one after the other, A B C A B C …; all train 784-512-512-10
with ReLU on the same 55,000 images of Fashion-MNIST. *Seconds* count from the end of the peer's own import on: loading
the arrays, compiling and training are in them. For pellucid they start when `import torch` is done, so that its own
modules, its choices and its looks at the validation split are in them too. Only judging is not: after each epoch the
clock stops while the accuracy on the 10,000 test images is taken. *Images per second* is the median of the epochs after
the first, of training alone; a cell gives the median of all rounds, {result["rounds"]} of them, and the lowest and \
highest.
*Memory* is the most that was resident by the end of the first epoch (of pellucid: of the training), and how much of it
came after the import.

**What the test images were used for.** To say when a goal was reached, for every peer alike, and for nothing else:
recipes and defaults were compared on validation splits, and the test split chose nothing."""


def _meant(result: dict[str, Any]) -> str:
    peers = result["meant"]
    first = peers.get("PyTorch quick start")
    rows = []
    for name, peer in _sorted(peers):
        speeds = peer["images_per_second"]
        times = "" if first is None else f"{speeds['median'] / first['images_per_second']['median']:.1f}"
        # Ours is judged once, at the end: its seconds to a goal are in the next table.
        goals = ["see below"] * 3 if "training_seconds" in peer else [_goal(peer["laps"], goal) for goal in GOALS]
        last = peer["laps"][-1]
        rows.append(
            [name, speed(speeds), times, share_of_products(peer, result), *goals, _last(peer, last), _memory(peer)]
        )
    titles = [
        "", "images per second", "× quick start", "of products", *(f"s to {goal:.0%}" for goal in GOALS),
        "at the end", "memory, MB",
    ]  # fmt: skip
    return f"""## As each is meant to be used

Batch sizes are each framework's own (64 for the quick start, the loop, Lightning, fastai, Flax and the JAX scan, 128
for skorch and Keras, 200 for scikit-learn), Adam at 1e-3 (of the quick start also its own SGD), inputs between 0 and 1.
The first round is the race: it ends at 90 % or after {result["race_epochs"]} epochs, and is run once, so \
that a time of a peer has no
spread; the other rounds are epochs of {result["examples"]:,} images. fastai's one-cycle has five epochs. "Of \
products" is the share
of the machine's matrix products, in the precision used, that the arithmetic of its steps comes to: with the components
that it takes for pellucid, and without their making.

{table(titles, rows)}"""


def _ours(result: dict[str, Any]) -> str:
    ladder = result["ours"]
    rows = [
        [
            f"{rung['epochs']:g}",
            _seconds(rung["seconds"]),
            _seconds(rung["training_seconds"]),
            f"{statistics.mean(rung['test_accuracy']['runs']):.2%}",
            f"{rung['test_accuracy']['lowest']:.2%}–{rung['test_accuracy']['highest']:.2%}",
            f"{statistics.mean(rung['validation_accuracy']['runs']):.2%}",
        ]
        for rung in ladder
    ]
    titles = ["epochs asked for", "seconds", "of training", "test, mean", "test, lowest–highest", "validation, mean"]
    lines = [_sooner(result, goal) for goal in GOALS]
    return f"""## Seconds to an accuracy

A schedule that ends at zero has its accuracy at the end, so each length is a training of its own, with \
{result["seeds"]}
seeds; everything else is left to pellucid, and every length tried is shown.

{table(titles, rows)}

{chr(10).join(lines)}"""


def _sooner(result: dict[str, Any], goal: float) -> str:
    rung = mean_seconds_to(result["ours"], goal)
    if rung is None:
        return f"- {goal:.0%}: not reached by the mean of the seeds within {result['ours'][-1]['epochs']:g} epochs."
    seconds = statistics.median(rung["seconds"]["runs"])
    text = f"- {goal:.0%} by the mean of the seeds with --epochs {rung['epochs']:g}, {seconds:.2f} s"
    others = {
        name: reached
        for name, peer in result.get("meant", {}).items()
        if "training_seconds" not in peer and (reached := seconds_to(peer["laps"], goal)) is not None
    }
    if "PyTorch quick start" in others:
        slow = others["PyTorch quick start"]
        text += f"; the quick start needs {slow[1]} epochs and {slow[0]:.1f} s, {slow[0] / seconds:.1f} times as long"
    elif "PyTorch quick start" in result.get("meant", {}):
        laps = result["meant"]["PyTorch quick start"]["laps"]
        text += f"; the quick start does not reach it in {len(laps)} epochs and {laps[-1]['seconds']:.1f} s"
    if others:
        name, fastest = min(others.items(), key=lambda item: item[1][0])
        text += f"; the fastest peer, {name}, {fastest[0]:.1f} s, {fastest[0] / seconds:.1f} times as long"
    return text + "."


def _equal(result: dict[str, Any]) -> str:
    rows = [
        [name, speed(peer["images_per_second"]), share_of_products(peer, result)]
        for name, peer in _sorted(result["equal"])
    ]
    return f"""## At equal batch, precision and inputs

Batch {BATCH_SIZE}, float32 (but where bfloat16 is named), all 784 inputs normalised and in memory, Adam (AdamW for \
pellucid);
epochs of {result["examples"]:,} images. What is left is the engine.

{table(["", "images per second", "of products"], rows)}"""


def _recipe(result: dict[str, Any]) -> str:
    rows = []
    for name, peer in sorted(result["recipe"].items(), key=lambda item: item[1]["laps"][-1]["seconds"]):
        last = peer["laps"][-1]
        rows.append([name, f"{last['seconds']:.2f}", f"{last['accuracy']:.2%}", speed(peer["images_per_second"])])
    return f"""## With one recipe for all

What comes from the engine and what from the recipe: everyone who takes it has AdamW (betas {BETAS[0]} and {BETAS[1]}, \
no weight
decay), label smoothing {LABEL_SMOOTHING}, batch {BATCH_SIZE}, a learning rate that rises to {LEARNING_RATE} in a \
tenth of the steps and falls to
zero over {result["recipe_epochs"]} epochs. One seed, one run each; the seconds are those to the end, loading and \
compiling included.
Of pellucid, "its own choices" also whitens the inputs and has its own rate and batch.

{table(["", "seconds", "test accuracy", "images per second"], rows)}"""


def _busy(busy: dict[str, Any]) -> str:
    rows = [
        [name, f"{peer['quiet']:,.0f}", f"{peer['busy']:,.0f}", f"{peer['busy'] / peer['quiet']:.2f}"]
        for name, peer in busy.items()
    ]
    return f"""## Beside a busy neighbour

Images per second alone, and while one other process keeps one processor busy.

{table(["", "alone", "beside it", "share kept"], rows)}"""


def _sets(sets: dict[str, Any]) -> str:
    rows = [
        [
            f"{SETS[name]}: {found['examples']:,} examples of {' × '.join(map(str, found['shape']))}, "
            f"{found['classes']} classes, {found['epochs']} epoch{'s' if found['epochs'] > 1 else ''}",
            peer,
            f"{run['seconds']:.2f}",
            f"{run['accuracy']:.2%}",
            f"{run['images_per_second']:,.0f}",
        ]
        for name, found in sets.items()
        for peer, run in found["runs"].items()
    ]
    return f"""## Other data

Networks with two hidden layers of {HIDDEN}; the plain loop and scikit-learn with batch {BATCH_SIZE} and Adam at \
1e-3, pellucid with its
own choices but for the epochs.

{table(["", "who", "seconds", "test accuracy", "examples per second"], rows)}"""


def _left_out(left_out: dict[str, str]) -> str:
    if not left_out:
        return ""
    lines = [f"- {name}: `{reason}`" for name, reason in left_out.items()]
    return "## Did not run here\n\n" + "\n".join(lines)


def _sorted(peers: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(peers.items(), key=lambda item: item[1]["images_per_second"]["median"])


def _goal(laps: Sequence[dict[str, float]], goal: float) -> str:
    reached = seconds_to(laps, goal)
    if reached is None:
        return f"not in {len(laps)} epoch{'s' if len(laps) > 1 else ''}"
    return f"{reached[0]:.1f} ({reached[1]} epoch{'s' if reached[1] > 1 else ''})"


def _last(peer: dict[str, Any], last: dict[str, float]) -> str:
    epochs = peer.get("epochs", len(peer["laps"]))
    return f"{last['accuracy']:.2%} after {epochs} epoch{'s' if epochs > 1 else ''}, {last['seconds']:.1f} s"


def _memory(peer: dict[str, Any]) -> str:
    if peer["peak_bytes"] is None:
        return ""
    own = peer["peak_bytes"] - peer["import_bytes"]
    text = f"{peer['peak_bytes'] / 1e6:,.0f}, {own / 1e6:,.0f} its own"
    if "needed_bytes" in peer:
        text += f" ({own / peer['needed_bytes']:.1f} × data, network and optimizer)"
    return text


def _seconds(found: dict[str, Any]) -> str:
    return f"{found['median']:.2f} ({found['lowest']:.2f}–{found['highest']:.2f})"
