"""Full-batch regression of a table with standardised targets; answers in the original unit at the end."""

import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
X, y = load_diabetes(return_X_y=True, scaled=False)
Xtr, Xte, ytr, yte = (
    torch.tensor(a, dtype=torch.float32) for a in train_test_split(X, y, test_size=0.2, random_state=0)
)
mx, sx = Xtr.mean(0), Xtr.std(0)
my, sy = ytr.mean(), ytr.std()
inputs, targets = (Xtr - mx) / sx, (ytr - my) / sy

net = torch.nn.Sequential(torch.nn.Linear(10, 12), torch.nn.Tanh(), torch.nn.Linear(12, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-3)
for i in range(250):
    optimizer.zero_grad()
    loss = ((net(inputs).squeeze() - targets) ** 2).mean()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    answer = net((Xte - mx) / sx).squeeze() * sy + my
    print("mean absolute error", (answer - yte).abs().mean().item())
