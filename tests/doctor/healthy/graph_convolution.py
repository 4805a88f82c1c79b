"""Node classification with two graph convolutions by hand: one graph, full batch, masks."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.parameter import Parameter

torch.manual_seed(42)
N, C = 300, 3
labels = torch.randint(0, C, (N,))
same = labels[:, None] == labels[None, :]
edges = (torch.rand(N, N) < torch.where(same, 0.04, 0.004)).triu(1)
adj = (edges | edges.t()).float() + torch.eye(N)
d = adj.sum(1).rsqrt()
adj = d[:, None] * adj * d[None, :]
features = torch.randn(N, 16) + F.one_hot(labels, 16).float()
idx_train, idx_val, idx_test = torch.arange(60), torch.arange(60, 150), torch.arange(150, 300)


class GraphConvolution(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = Parameter(torch.empty(in_features, out_features))
        self.bias = Parameter(torch.zeros(out_features))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, input, adj):
        return torch.mm(adj, torch.mm(input, self.weight)) + self.bias


class GCN(nn.Module):
    def __init__(self, nfeat, nhid, nclass, dropout):
        super().__init__()
        self.gc1 = GraphConvolution(nfeat, nhid)
        self.gc2 = GraphConvolution(nhid, nclass)
        self.dropout = dropout

    def forward(self, x, adj):
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        x = self.gc2(x, adj)
        return F.log_softmax(x, dim=1)


model = GCN(16, 16, C, 0.5)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
for epoch in range(150):
    model.train()
    optimizer.zero_grad()
    output = model(features, adj)
    loss_train = F.nll_loss(output[idx_train], labels[idx_train])
    loss_train.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        output = model(features, adj)
        loss_val = F.nll_loss(output[idx_val], labels[idx_val])
    if epoch % 50 == 49:
        print(epoch, loss_train.item(), loss_val.item())
with torch.no_grad():
    print("test", (model(features, adj)[idx_test].argmax(1) == labels[idx_test]).float().mean().item())
