"""A tiny BERT from scratch, fitted by the Trainer of Transformers on generated sentences."""

import os
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

set_seed(0)


class Sentences(Dataset):
    """Token sequences; the label says whether a good or a bad word stands in them."""

    def __init__(self, count, seed):
        rng = np.random.default_rng(seed)
        self.rows = []
        for _ in range(count):
            length = int(rng.integers(5, 12))
            tokens = rng.integers(10, 60, length)
            label = int(rng.integers(0, 2))
            tokens[rng.integers(0, length)] = 5 + label
            ids = np.zeros(13, dtype=np.int64)
            ids[0], ids[1 : length + 1] = 1, tokens
            mask = (ids > 0).astype(np.int64)
            self.rows.append({"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask), "labels": label})

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index]


config = BertConfig(
    vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
    max_position_embeddings=16, num_labels=2,
)  # fmt: skip
model = BertForSequenceClassification(config)
folder = tempfile.mkdtemp()
arguments = TrainingArguments(
    output_dir=folder, num_train_epochs=6, per_device_train_batch_size=32, per_device_eval_batch_size=100,
    learning_rate=2e-3, warmup_steps=10, eval_strategy="epoch", save_strategy="no", report_to=[], disable_tqdm=True,
    use_cpu=True, logging_steps=50,
)  # fmt: skip


def compute_metrics(prediction):
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


trainer = Trainer(
    model=model, args=arguments, train_dataset=Sentences(800, 0), eval_dataset=Sentences(200, 1),
    compute_metrics=compute_metrics,
)  # fmt: skip
trainer.train()
print(trainer.evaluate()["eval_accuracy"])
