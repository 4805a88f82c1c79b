"""Next-word prediction with an LSTM, tied weights, truncated backpropagation and clipping."""

import math
import random

import torch
import torch.nn as nn

random.seed(1)
torch.manual_seed(1111)
SUBJECTS, VERBS, OBJECTS = ["the cat", "a dog", "my friend"], ["sees", "likes", "chases"], ["the bird", "a ball", "me"]
text = []
for _ in range(1500):
    text += f"{random.choice(SUBJECTS)} {random.choice(VERBS)} {random.choice(OBJECTS)} <eos>".split()
vocabulary = {word: index for index, word in enumerate(sorted(set(text)))}
ids = torch.tensor([vocabulary[word] for word in text])


def batchify(data, bsz):
    nbatch = data.size(0) // bsz
    return data[: nbatch * bsz].view(bsz, -1).t().contiguous()


class RNNModel(nn.Module):
    def __init__(self, ntoken, ninp, nlayers, dropout=0.2):
        super().__init__()
        self.ntoken, self.nhid, self.nlayers = ntoken, ninp, nlayers
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.LSTM(ninp, ninp, nlayers, dropout=dropout)
        self.decoder = nn.Linear(ninp, ntoken)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, input, hidden):
        emb = self.drop(self.encoder(input))
        output, hidden = self.rnn(emb, hidden)
        decoded = self.decoder(self.drop(output))
        return torch.log_softmax(decoded.view(-1, self.ntoken), dim=1), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        return weight.new_zeros(self.nlayers, bsz, self.nhid), weight.new_zeros(self.nlayers, bsz, self.nhid)


def repackage_hidden(h):
    if isinstance(h, torch.Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


bptt, lr = 20, 2.0
train_data, val_data = batchify(ids[:8000], 20), batchify(ids[8000:], 10)
model = RNNModel(len(vocabulary), 48, 2)
criterion = nn.NLLLoss()


def get_batch(source, i):
    seq_len = min(bptt, len(source) - 1 - i)
    return source[i : i + seq_len], source[i + 1 : i + 1 + seq_len].view(-1)


def evaluate(source):
    model.eval()
    total = 0.0
    hidden = model.init_hidden(10)
    with torch.no_grad():
        for i in range(0, source.size(0) - 1, bptt):
            data, targets = get_batch(source, i)
            output, hidden = model(data, hidden)
            hidden = repackage_hidden(hidden)
            total += len(data) * criterion(output, targets).item()
    return total / (len(source) - 1)


best = None
for epoch in range(1, 15):
    model.train()
    hidden = model.init_hidden(20)
    total = 0.0
    for i in range(0, train_data.size(0) - 1, bptt):
        data, targets = get_batch(train_data, i)
        model.zero_grad()
        hidden = repackage_hidden(hidden)
        output, hidden = model(data, hidden)
        loss = criterion(output, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-lr)
        total += loss.item()
    val_loss = evaluate(val_data)
    print(epoch, f"train {total / 20:.3f} valid {val_loss:.3f} perplexity {math.exp(val_loss):.2f}")
    if best is None or val_loss < best:
        best = val_loss
    else:
        lr /= 4.0
