"""Deep Q-learning: replay memory, epsilon-greedy, a target network that follows softly."""

import random
from collections import deque, namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

random.seed(1)
torch.manual_seed(1)
Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))
SIZE = 5


def encode(place):
    return torch.tensor([[place[0] / (SIZE - 1) * 2 - 1, place[1] / (SIZE - 1) * 2 - 1]])


def move(place, action):
    dx, dy = [(0, 1), (0, -1), (1, 0), (-1, 0)][action]
    new = min(max(place[0] + dx, 0), SIZE - 1), min(max(place[1] + dy, 0), SIZE - 1)
    return (new, 1.0, True) if new == (SIZE - 1, SIZE - 1) else (new, -0.05, False)


class DQN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(2, 64)
        self.layer2 = nn.Linear(64, 64)
        self.layer3 = nn.Linear(64, 4)

    def forward(self, x):
        x = F.relu(self.layer1(x))
        x = F.relu(self.layer2(x))
        return self.layer3(x)


policy_net, target_net = DQN(), DQN()
target_net.load_state_dict(policy_net.state_dict())
optimizer = optim.AdamW(policy_net.parameters(), lr=1e-3, amsgrad=True)
memory = deque([], maxlen=2000)
GAMMA, TAU, BATCH = 0.95, 0.02, 64


def optimize_model():
    if len(memory) < BATCH:
        return
    batch = Transition(*zip(*random.sample(memory, BATCH)))
    non_final_mask = torch.tensor([s is not None for s in batch.next_state])
    non_final_next_states = torch.cat([s for s in batch.next_state if s is not None])
    state_batch, action_batch = torch.cat(batch.state), torch.cat(batch.action)
    reward_batch = torch.cat(batch.reward)
    state_action_values = policy_net(state_batch).gather(1, action_batch)
    next_state_values = torch.zeros(BATCH)
    with torch.no_grad():
        next_state_values[non_final_mask] = target_net(non_final_next_states).max(1).values
    expected = next_state_values * GAMMA + reward_batch
    loss = nn.SmoothL1Loss()(state_action_values, expected.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()


for episode in range(60):
    place, done, steps = (random.randrange(SIZE), random.randrange(SIZE)), False, 0
    epsilon = max(0.1, 0.95**episode)
    if place == (SIZE - 1, SIZE - 1):
        continue
    while not done and steps < 30:
        if random.random() < epsilon:
            action = random.randrange(4)
        else:
            with torch.no_grad():
                action = policy_net(encode(place)).max(1).indices.item()
        new, reward, done = move(place, action)
        memory.append(Transition(encode(place), torch.tensor([[action]]), None if done else encode(new),
                                 torch.tensor([reward])))  # fmt: skip
        place, steps = new, steps + 1
        optimize_model()
        target, current = target_net.state_dict(), policy_net.state_dict()
        for key in current:
            target[key] = current[key] * TAU + target[key] * (1 - TAU)
        target_net.load_state_dict(target)
    if episode % 10 == 0:
        print(episode, steps)
