"""skorch: a network behind the interface of scikit-learn, in a pipeline."""

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

torch.manual_seed(0)
X, y = make_classification(1000, 20, n_informative=10, random_state=0)
X, y = X.astype(np.float32), y.astype(np.int64)


class MyModule(nn.Module):
    def __init__(self, num_units=20, nonlin=nn.ReLU()):
        super().__init__()
        self.dense0 = nn.Linear(20, num_units)
        self.nonlin = nonlin
        self.dropout = nn.Dropout(0.2)
        self.dense1 = nn.Linear(num_units, num_units)
        self.output = nn.Linear(num_units, 2)

    def forward(self, X, **kwargs):
        X = self.nonlin(self.dense0(X))
        X = self.dropout(X)
        X = self.nonlin(self.dense1(X))
        return self.output(X)


net = NeuralNetClassifier(
    MyModule, criterion=nn.CrossEntropyLoss, max_epochs=12, lr=0.1, batch_size=50, iterator_train__shuffle=True
)
pipe = Pipeline([("scale", StandardScaler()), ("net", net)])
pipe.fit(X[:800].astype(np.float32), y[:800])
print((pipe.predict(X[800:]) == y[800:]).mean(), pipe.predict_proba(X[800:803]))
