"""Neural networks you can see through.

Every public name is loaded at first use, so that `import pellucid` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid.version import __version__

# Where each public name lives; the imports below say the same to type checkers, and a test compares the two.
_HOMES = {
    "Activation": "networks.activations",
    "Architecture": "tracing.architecture",
    "BinaryStep": "networks.activations",
    "Checkup": "doctor.checkup",
    "Classifier": "classifier.classifier",
    "Finding": "doctor.finding",
    "Dataset": "data.dataset",
    "DeviceChoice": "devices",
    "Evaluation": "evaluation.evaluation",
    "History": "training.history",
    "PellucidError": "errors",
    "Predictions": "classifier.predicting",
    "ImagePreparation": "data.preparing_images",
    "InputColumn": "data.columns",
    "Preparation": "data.preparing",
    "Run": "training.run",
    "Settings": "training.settings",
    "Split": "data.dataset",
    "Trace": "tracing.trace",
    "TablePreparation": "data.preparing_tables",
    "activation": "networks.activations",
    "activations": "networks.activations",
    "check": "doctor.checking",
    "choose_device": "devices",
    "cnn": "networks.cnn",
    "compare": "tracing.comparing",
    "describe": "tracing.describing",
    "evaluate": "classifier.evaluating",
    "load": "classifier.saving",
    "mlp": "networks.mlp",
    "output_for": "networks.outputs",
    "predict": "classifier.predicting",
    "parameters": "tracing.weights",
    "read": "data.reading",
    "save": "classifier.saving",
    "summarize": "data.summary",
    "trace": "tracing.trace",
    "trace_gradients": "tracing.gradients",
    "train": "training.run",
    "watch": "doctor.watching",
}

if TYPE_CHECKING:
    from pellucid.classifier.classifier import Classifier as Classifier
    from pellucid.classifier.evaluating import evaluate as evaluate
    from pellucid.classifier.predicting import Predictions as Predictions
    from pellucid.classifier.predicting import predict as predict
    from pellucid.classifier.saving import load as load
    from pellucid.classifier.saving import save as save
    from pellucid.data.columns import InputColumn as InputColumn
    from pellucid.data.dataset import Dataset as Dataset
    from pellucid.data.dataset import Split as Split
    from pellucid.data.preparing import Preparation as Preparation
    from pellucid.data.preparing_images import ImagePreparation as ImagePreparation
    from pellucid.data.preparing_tables import TablePreparation as TablePreparation
    from pellucid.data.reading import read as read
    from pellucid.data.summary import summarize as summarize
    from pellucid.devices import DeviceChoice as DeviceChoice
    from pellucid.devices import choose_device as choose_device
    from pellucid.doctor.checking import check as check
    from pellucid.doctor.checkup import Checkup as Checkup
    from pellucid.doctor.finding import Finding as Finding
    from pellucid.doctor.watching import watch as watch
    from pellucid.errors import PellucidError as PellucidError
    from pellucid.evaluation.evaluation import Evaluation as Evaluation
    from pellucid.networks.activations import Activation as Activation
    from pellucid.networks.activations import BinaryStep as BinaryStep
    from pellucid.networks.activations import activation as activation
    from pellucid.networks.activations import activations as activations
    from pellucid.networks.cnn import cnn as cnn
    from pellucid.networks.mlp import mlp as mlp
    from pellucid.networks.outputs import output_for as output_for
    from pellucid.tracing.architecture import Architecture as Architecture
    from pellucid.tracing.comparing import compare as compare
    from pellucid.tracing.describing import describe as describe
    from pellucid.tracing.gradients import trace_gradients as trace_gradients
    from pellucid.tracing.trace import Trace as Trace
    from pellucid.tracing.trace import trace as trace
    from pellucid.tracing.weights import parameters as parameters
    from pellucid.training.history import History as History
    from pellucid.training.run import Run as Run
    from pellucid.training.run import train as train
    from pellucid.training.settings import Settings as Settings

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 the names are those of the table


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    value = getattr(import_module(f"pellucid.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
