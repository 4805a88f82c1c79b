"""Optimise a picture so that its features and their correlations resemble those of two others."""

import gzip

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(0)
with gzip.open("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz") as f:
    raw = np.frombuffer(f.read(16 + 784 * 10), np.uint8, offset=16).reshape(-1, 1, 28, 28)
pictures = torch.tensor(raw / 255.0, dtype=torch.float32)
content_img, style_img = pictures[0:1], pictures[3:4]

cnn = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()).eval()
for p in cnn.parameters():
    p.requires_grad_(False)


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


def features(x):
    first = cnn[1](cnn[0](x))
    return first, cnn[3](cnn[2](first))


with torch.no_grad():
    content_target = features(content_img)[1]
    style_targets = [gram_matrix(feature) for feature in features(style_img)]

input_img = content_img.clone().requires_grad_(True)
optimizer = optim.LBFGS([input_img])
run = [0]
while run[0] <= 60:

    def closure():
        with torch.no_grad():
            input_img.clamp_(0, 1)
        optimizer.zero_grad()
        first, second = features(input_img)
        style_score = sum(F.mse_loss(gram_matrix(f), t) for f, t in zip((first, second), style_targets))
        content_score = F.mse_loss(second, content_target)
        loss = style_score * 1e5 + content_score
        loss.backward()
        run[0] += 1
        if run[0] % 20 == 0:
            print(f"run {run[0]}: style {style_score.item():.6f} content {content_score.item():.4f}")
        return loss

    optimizer.step(closure)
with torch.no_grad():
    input_img.clamp_(0, 1)
