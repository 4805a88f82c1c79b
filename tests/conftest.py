"""What every test runs with."""

import pytest
import torch

import pellucid
from pellucid.data.dataset import Dataset

# The networks of most tests are so small that a second thread only waits; and a test that shares its processors with
# another program is then not slowed down tenfold.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def fashion_mnist() -> Dataset:
    """The real dataset, as it comes with the package."""
    return pellucid.read("fashion-mnist")


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """Each test starts from the same random state, whatever ran before."""
    torch.manual_seed(0)
