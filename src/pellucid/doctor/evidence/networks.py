"""The networks of a run: which modules were called, which are trained, and by which optimizer."""

from dataclasses import dataclass

from torch import nn

from pellucid.doctor.evidence.flow import Weight


@dataclass(frozen=True, eq=False)
class Network:
    """A root module with parameters that was called, or whose parameters an optimizer holds.

    Attributes:
        module: The user's own object, as it is at the end: never change it.
        name: Its class, numbered if there are several of the class.
        weights: Its registered parameters and buffers, with their initial values.
        modules: Every registered module by path, at the end of the run.
        optimizers: Numbers of the optimizers that hold any of its parameters.
        training_calls: Calls that a backward followed.
        evaluation_calls: The others.
    """

    module: nn.Module
    name: str
    weights: tuple[Weight, ...]
    modules: dict[str, nn.Module]
    optimizers: tuple[int, ...]
    training_calls: int
    evaluation_calls: int

    @property
    def is_trained(self) -> bool:
        """Whether any optimizer holds any of its parameters."""
        return bool(self.optimizers)


@dataclass(frozen=True, eq=False)
class Networks:
    """Every network of the run; a module that is part of another one is not listed. Never empty.

    Attributes:
        networks: In the order in which they were first called.
        empty: Root modules without any parameter that are nn.Modules of the user's own class, and were called.
        classes: Classes of the modules that were made or called, also of those whose own `__call__` hides the call.
    """

    networks: tuple[Network, ...]
    empty: tuple[nn.Module, ...] = ()
    classes: tuple[type[nn.Module], ...] = ()
