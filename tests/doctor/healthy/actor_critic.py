"""Advantage actor-critic with rollouts without gradient, clipped ratio, entropy bonus (proximal policy optimisation)."""

import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(3)


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
        self.actor = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2))

    def get_value(self, x):
        return self.critic(x)

    def get_action_and_value(self, x, action=None):
        probs = Categorical(logits=self.actor(x))
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action), probs.entropy(), self.critic(x)


def observe(position, velocity):
    return torch.stack([position, velocity, position.abs()], dim=1)


agent = Agent()
optimizer = torch.optim.Adam(agent.parameters(), lr=2.5e-3, eps=1e-5)
num_envs, num_steps, gamma, lam = 16, 32, 0.95, 0.9
position, velocity = torch.rand(num_envs) * 2 - 1, torch.zeros(num_envs)
for update in range(25):
    obs, actions, logprobs, rewards, values = [], [], [], [], []
    for step in range(num_steps):
        state = observe(position, velocity)
        with torch.no_grad():
            action, logprob, _, value = agent.get_action_and_value(state)
        velocity = 0.9 * velocity + 0.2 * (action.float() * 2 - 1)
        position = (position + velocity).clamp(-3, 3)
        obs.append(state), actions.append(action), logprobs.append(logprob), values.append(value.flatten())
        rewards.append(1 - position.abs())
    with torch.no_grad():
        next_value = agent.get_value(observe(position, velocity)).flatten()
        advantages, last = [], torch.zeros(num_envs)
        for t in reversed(range(num_steps)):
            following = next_value if t == num_steps - 1 else values[t + 1]
            delta = rewards[t] + gamma * following - values[t]
            last = delta + gamma * lam * last
            advantages.insert(0, last)
        advantages = torch.stack(advantages)
        returns = advantages + torch.stack(values)
    b_obs, b_actions, b_logprobs = torch.cat(obs), torch.cat(actions), torch.cat(logprobs)
    b_advantages, b_returns = advantages.flatten(), returns.flatten()
    for epoch in range(2):
        for mb in torch.randperm(num_envs * num_steps).split(128):
            _, newlogprob, entropy, newvalue = agent.get_action_and_value(b_obs[mb], b_actions[mb])
            ratio = (newlogprob - b_logprobs[mb]).exp()
            mb_adv = (b_advantages[mb] - b_advantages[mb].mean()) / (b_advantages[mb].std() + 1e-8)
            pg_loss = torch.max(-mb_adv * ratio, -mb_adv * ratio.clamp(0.8, 1.2)).mean()
            v_loss = 0.5 * ((newvalue.view(-1) - b_returns[mb]) ** 2).mean()
            loss = pg_loss - 0.01 * entropy.mean() + 0.5 * v_loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
    if update % 8 == 0:
        print(update, torch.stack(rewards).mean().item())
