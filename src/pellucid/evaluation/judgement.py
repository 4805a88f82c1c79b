"""The three kinds of judgement, by task."""

from pellucid.evaluation.evaluation import Evaluation
from pellucid.evaluation.multilabel import MultilabelEvaluation
from pellucid.evaluation.regression import RegressionEvaluation

Judgement = Evaluation | MultilabelEvaluation | RegressionEvaluation
