"""Neural networks you can see through.

Every public name is loaded at first use, so that `import pellucid` costs next to nothing.
"""

import gc
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
    "MultilabelEvaluation": "evaluation.multilabel",
    "PellucidError": "errors",
    "Predictions": "classifier.predictions",
    "ImagePreparation": "data.preparing_images",
    "InputColumn": "data.columns",
    "Preparation": "data.preparing",
    "RegressionEvaluation": "evaluation.regression",
    "Report": "classifier.report",
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
    "compare_classifiers": "classifier.comparing_classifiers",
    "describe": "tracing.describing",
    "evaluate": "classifier.evaluating",
    "from_arrays": "data.arrays.assembling",
    "from_torch": "data.objects.torch_datasets",
    "learning_curve": "training.judging.learning_curve",
    "find_suspects": "training.judging.suspects",
    "cross_validate": "training.judging.cross_validation",
    "cnn_for": "networks.cnn",
    "backbone": "networks.backbones",
    "Augmentation": "data.augmentation",
    "read_for": "classifier.reading_for",
    "read_weights": "classifier.pretrained",
    "load": "classifier.saving",
    "mlp": "networks.mlp",
    "mlp_for_table": "networks.mlp",
    "output_for": "networks.outputs",
    "plot_activations": "evaluation.plots.pictures",
    "plot_calibration": "evaluation.plots.classes",
    "plot_classes": "evaluation.plots.classes",
    "plot_confusion": "evaluation.plots.classes",
    "plot_coverage": "evaluation.plots.curves",
    "plot_examples": "evaluation.plots.pictures",
    "plot_history": "evaluation.plots.curves",
    "plot_learning_curve": "evaluation.plots.curves",
    "plot_mistakes": "evaluation.plots.pictures",
    "plot_residuals": "evaluation.plots.residuals",
    "plot_weights": "evaluation.plots.pictures",
    "predict": "classifier.predicting",
    "parameters": "tracing.weights",
    "read": "data.reading",
    "report": "classifier.report",
    "save": "classifier.saving",
    "summarize": "data.summary",
    "trace": "tracing.trace",
    "trace_gradients": "tracing.gradients",
    "train": "training.run",
    "watch": "doctor.watching",
}

if TYPE_CHECKING:
    from pellucid.classifier.classifier import Classifier as Classifier
    from pellucid.classifier.comparing_classifiers import compare_classifiers as compare_classifiers
    from pellucid.classifier.evaluating import evaluate as evaluate
    from pellucid.classifier.predicting import predict as predict
    from pellucid.classifier.predictions import Predictions as Predictions
    from pellucid.classifier.pretrained import read_weights as read_weights
    from pellucid.classifier.reading_for import read_for as read_for
    from pellucid.classifier.report import Report as Report
    from pellucid.classifier.report import report as report
    from pellucid.classifier.saving import load as load
    from pellucid.classifier.saving import save as save
    from pellucid.data.arrays.assembling import from_arrays as from_arrays
    from pellucid.data.augmentation import Augmentation as Augmentation
    from pellucid.data.columns import InputColumn as InputColumn
    from pellucid.data.dataset import Dataset as Dataset
    from pellucid.data.dataset import Split as Split
    from pellucid.data.objects.torch_datasets import from_torch as from_torch
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
    from pellucid.evaluation.multilabel import MultilabelEvaluation as MultilabelEvaluation
    from pellucid.evaluation.plots.classes import plot_calibration as plot_calibration
    from pellucid.evaluation.plots.classes import plot_classes as plot_classes
    from pellucid.evaluation.plots.classes import plot_confusion as plot_confusion
    from pellucid.evaluation.plots.curves import plot_coverage as plot_coverage
    from pellucid.evaluation.plots.curves import plot_history as plot_history
    from pellucid.evaluation.plots.curves import plot_learning_curve as plot_learning_curve
    from pellucid.evaluation.plots.pictures import plot_activations as plot_activations
    from pellucid.evaluation.plots.pictures import plot_examples as plot_examples
    from pellucid.evaluation.plots.pictures import plot_mistakes as plot_mistakes
    from pellucid.evaluation.plots.pictures import plot_weights as plot_weights
    from pellucid.evaluation.plots.residuals import plot_residuals as plot_residuals
    from pellucid.evaluation.regression import RegressionEvaluation as RegressionEvaluation
    from pellucid.networks.activations import Activation as Activation
    from pellucid.networks.activations import BinaryStep as BinaryStep
    from pellucid.networks.activations import activation as activation
    from pellucid.networks.activations import activations as activations
    from pellucid.networks.backbones import backbone as backbone
    from pellucid.networks.cnn import cnn as cnn
    from pellucid.networks.cnn import cnn_for as cnn_for
    from pellucid.networks.mlp import mlp as mlp
    from pellucid.networks.mlp import mlp_for_table as mlp_for_table
    from pellucid.networks.outputs import output_for as output_for
    from pellucid.tracing.architecture import Architecture as Architecture
    from pellucid.tracing.comparing import compare as compare
    from pellucid.tracing.describing import describe as describe
    from pellucid.tracing.gradients import trace_gradients as trace_gradients
    from pellucid.tracing.trace import Trace as Trace
    from pellucid.tracing.trace import trace as trace
    from pellucid.tracing.weights import parameters as parameters
    from pellucid.training.history import History as History
    from pellucid.training.judging.cross_validation import cross_validate as cross_validate
    from pellucid.training.judging.learning_curve import learning_curve as learning_curve
    from pellucid.training.judging.suspects import find_suspects as find_suspects
    from pellucid.training.run import Run as Run
    from pellucid.training.run import train as train
    from pellucid.training.settings import Settings as Settings

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 the names are those of the table


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    # Loading modules leaves no garbage; a collection meanwhile walks through all of PyTorch, for 80 ms.
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        value = getattr(import_module(f"pellucid.{_HOMES[name]}"), name)
    finally:
        if was_collecting:
            gc.enable()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
