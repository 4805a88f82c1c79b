"""What a network is to answer: one class, yes or no, several labels at once, or numbers."""

from typing import Literal, get_args

Task = Literal["multiclass", "binary", "multilabel", "regression"]
TASKS: tuple[Task, ...] = get_args(Task)
