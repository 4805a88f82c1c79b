"""The PyTorch quick start: one PIL image after the other turned into a tensor, a DataLoader, batch 64.

With --option sgd its own optimizer, SGD at 1e-3; else Adam at 1e-3, which learns the same in far fewer epochs.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.peers.in_torch import answers_of, network
from benchmarks.peers.race import ADAM_RATE, Race


class PictureDataset(Dataset[tuple[Tensor, int]]):
    """What torchvision's FashionMNIST with ToTensor does."""

    def __init__(self, inputs: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self._inputs, self._labels = inputs, labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self._inputs[index])
        values = torch.from_numpy(np.array(image, np.uint8, copy=True)).view(1, image.height, image.width)
        return values.contiguous().to(torch.get_default_dtype()).div(255), int(self._labels[index])


def main() -> None:
    """Race."""
    race = Race()
    inputs, labels = race.train_arrays()
    loader = DataLoader(PictureDataset(inputs[:, 0], labels), batch_size=64, shuffle=True)
    model = network(inputs[0].size, int(labels.max()) + 1, race.seed)
    loss_function = nn.CrossEntropyLoss()
    kind = torch.optim.SGD if race.option == "sgd" else torch.optim.Adam
    optimizer = kind(model.parameters(), lr=ADAM_RATE)
    for _ in range(race.epochs):
        for batch, answers in loader:
            loss = loss_function(model(batch), answers)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        if not race.lap(len(labels), answers_of(model)):
            break
    race.finish(versions={"torch": str(torch.__version__)})


if __name__ == "__main__":
    main()
