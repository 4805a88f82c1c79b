"""Tag the words of sentences of different lengths: padding in collate_fn, packing, ignore_index."""

import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

random.seed(0)
torch.manual_seed(0)
PAD_TAG = -100


def sentence():
    # A token is tagged by itself and by whether token 1 came before it.
    tokens, tags, seen = [], [], False
    for _ in range(random.randint(3, 12)):
        token = random.randint(1, 19)
        tags.append(0 if token < 5 else (2 if seen else 1))
        tokens.append(token)
        seen = seen or token == 1
    return torch.tensor(tokens), torch.tensor(tags)


def collate(batch):
    tokens, tags = zip(*batch)
    lengths = torch.tensor([len(t) for t in tokens])
    return pad_sequence(tokens, batch_first=True), pad_sequence(tags, batch_first=True, padding_value=PAD_TAG), lengths


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 24, padding_idx=0)
        self.lstm = nn.LSTM(24, 32, batch_first=True, bidirectional=True)
        self.out = nn.Linear(64, 3)

    def forward(self, tokens, lengths):
        packed = pack_padded_sequence(self.embed(tokens), lengths, batch_first=True, enforce_sorted=False)
        output, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.out(output)


train = DataLoader([sentence() for _ in range(1000)], batch_size=40, shuffle=True, collate_fn=collate)
valid = DataLoader([sentence() for _ in range(200)], batch_size=100, collate_fn=collate)
model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss(ignore_index=PAD_TAG)
for epoch in range(8):
    model.train()
    for tokens, tags, lengths in train:
        optimizer.zero_grad()
        logits = model(tokens, lengths)
        loss = criterion(logits.reshape(-1, 3), tags.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    right = total = 0
    with torch.no_grad():
        for tokens, tags, lengths in valid:
            mask = tags != PAD_TAG
            right += (model(tokens, lengths).argmax(-1)[mask] == tags[mask]).sum().item()
            total += mask.sum().item()
    print(epoch, loss.item(), right / total)
