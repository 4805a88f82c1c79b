"""Lightning's first example: an autoencoder as a LightningModule."""

import logging
import tempfile

import lightning as L
import torch
from sklearn.datasets import load_digits
from torch import nn, optim, utils

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
L.seed_everything(0)
encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 6))
decoder = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 64))


class LitAutoEncoder(L.LightningModule):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def training_step(self, batch, batch_idx):
        x, _ = batch
        x = x.view(x.size(0), -1)
        z = self.encoder(x)
        x_hat = self.decoder(z)
        loss = nn.functional.mse_loss(x_hat, x)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        return optim.Adam(self.parameters(), lr=3e-3)


d = load_digits()
dataset = utils.data.TensorDataset(torch.tensor(d.images).float() / 16, torch.tensor(d.target))
train_loader = utils.data.DataLoader(dataset, batch_size=32, shuffle=True)
autoencoder = LitAutoEncoder(encoder, decoder)
trainer = L.Trainer(
    max_epochs=8, logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    accelerator="cpu", default_root_dir=tempfile.mkdtemp(),
)  # fmt: skip
trainer.fit(model=autoencoder, train_dataloaders=train_loader)
autoencoder.eval()
with torch.no_grad():
    embeddings = autoencoder.encoder(dataset.tensors[0][:4].view(4, -1))
print(embeddings.shape, trainer.callback_metrics["train_loss"].item())
