"""The plainest fits: logistic regression by a bounded number of steps, ridge regression in closed form."""

import torch
from torch import Tensor
from torch.nn import functional

ITERATIONS = 50


def logistic_regression(
    inputs: Tensor, labels: Tensor, classes: int | None = None, *, iterations: int = ITERATIONS
) -> tuple[Tensor, Tensor]:
    """Fit a logistic regression with an L2 penalty: the sum of the losses plus half the squared weights.

    Limited-memory BFGS from weights of zero, with a line search; the objective is convex, so more steps would lead to
    the same weights from anywhere. PyTorch's random generator is not touched.

    Args:
        inputs: Float32 [examples, features].
        labels: Int64 [examples] class numbers (multinomial); or float [examples, labels] of 0 and 1, each for itself.
        classes: How many; None for labels of their own.
        iterations: At most.

    Returns:
        Weights [outputs, features] and biases [outputs]; what they give are logits.
    """
    outputs = labels.shape[1] if classes is None else classes
    # Centred inputs turn the bias free of the weights, which saves steps and changes nothing at the end.
    mean = inputs.mean(dim=0)
    inputs = inputs - mean
    targets = labels.float() if classes is None else labels
    with torch.enable_grad():
        weight = torch.zeros(outputs, inputs.shape[1], requires_grad=True)
        bias = torch.zeros(outputs, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [weight, bias],
            lr=1,
            max_iter=iterations,
            max_eval=2 * iterations,
            tolerance_grad=1e-5,
            tolerance_change=1e-10,
            history_size=10,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            logits = functional.linear(inputs, weight, bias)
            if classes is None:
                loss = functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
            else:
                loss = functional.cross_entropy(logits, targets, reduction="sum")
            objective = (loss + weight.square().sum() / 2) / len(inputs)
            objective.backward()  # type: ignore[no-untyped-call]
            return objective

        optimizer.step(closure)  # type: ignore[no-untyped-call]
    weight, bias = weight.detach(), bias.detach()
    return weight, bias - weight @ mean


def ridge_regression(inputs: Tensor, labels: Tensor, penalty: float = 1.0) -> tuple[Tensor, Tensor]:
    """Fit a ridge regression: the sum of squared errors plus the squared weights, in closed form.

    Args:
        inputs: Float [examples, features].
        labels: Float [examples, targets].
        penalty: Of the squared weights.

    Returns:
        Weights [targets, features] and biases [targets], float64.
    """
    inputs, labels = inputs.double(), labels.double()
    mean, middle = inputs.mean(dim=0), labels.mean(dim=0)
    centred, targets = inputs - mean, labels - middle
    examples, features = centred.shape
    if features <= examples:
        system = centred.t() @ centred + penalty * torch.eye(features, dtype=torch.float64)
        weight = torch.linalg.solve(system, centred.t() @ targets).t()
    else:
        # The same weights from a system as large as the examples are many.
        system = centred @ centred.t() + penalty * torch.eye(examples, dtype=torch.float64)
        weight = (centred.t() @ torch.linalg.solve(system, targets)).t()
    return weight, middle - weight @ mean
