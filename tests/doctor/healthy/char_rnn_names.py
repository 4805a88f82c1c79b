"""Which language a word comes from: one word at a time, one letter at a time, an RNN cell written out."""

import random

import torch
import torch.nn as nn

random.seed(0)
torch.manual_seed(0)
ENDINGS = {
    "it": ["ino", "ello", "etti", "ucci"],
    "ru": ["ov", "sky", "enko", "in"],
    "de": ["mann", "stein", "berg", "er"],
}
STARTS = ["mar", "pet", "kol", "bar", "ros", "fel", "gol", "var", "ber", "sam", "lor", "vin", "hol", "tom"]
letters = "abcdefghijklmnopqrstuvwxyz"
all_categories = list(ENDINGS)


def random_training_example():
    category = random.choice(all_categories)
    line = random.choice(STARTS) + random.choice(ENDINGS[category])
    category_tensor = torch.tensor([all_categories.index(category)], dtype=torch.long)
    line_tensor = torch.zeros(len(line), 1, len(letters))
    for i, letter in enumerate(line):
        line_tensor[i][0][letters.index(letter)] = 1
    return line, category_tensor, line_tensor


class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, line, hidden):
        hidden = torch.tanh(self.i2h(line) + self.h2h(hidden))
        output = self.softmax(self.h2o(hidden))
        return output, hidden

    def init_hidden(self):
        return torch.zeros(1, self.hidden_size)


rnn = RNN(len(letters), 64, len(all_categories))
criterion = nn.NLLLoss()
learning_rate = 0.01


def train(category_tensor, line_tensor):
    hidden = rnn.init_hidden()
    rnn.zero_grad()
    for i in range(line_tensor.size()[0]):
        output, hidden = rnn(line_tensor[i], hidden)
    loss = criterion(output, category_tensor)
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-learning_rate)
    return output, loss.item()


total = 0.0
for iteration in range(1, 2501):
    line, category_tensor, line_tensor = random_training_example()
    output, loss = train(category_tensor, line_tensor)
    total += loss
    if iteration % 500 == 0:
        guess = all_categories[output.topk(1)[1].item()]
        print(iteration, round(total / 500, 4), line, guess)
        total = 0.0
