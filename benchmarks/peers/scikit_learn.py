"""scikit-learn: `MLPClassifier` with its own Adam, batch 200 as it is by default; one `partial_fit` is one epoch."""

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from benchmarks.peers.race import ADAM_RATE, HIDDEN, Race


def main() -> None:
    """Race."""
    race = Race()
    inputs, labels, classes = race.train_examples()
    batch_size = min(race.batch_size(200), len(labels))
    classifier = MLPClassifier(
        (HIDDEN, HIDDEN), batch_size=batch_size, learning_rate_init=ADAM_RATE, random_state=race.seed
    )  # fmt: skip
    for _ in range(race.epochs):
        classifier.partial_fit(inputs, labels, classes=np.arange(classes))
        if not race.lap(len(labels), classifier.predict):
            break
    race.finish(versions={"scikit-learn": sklearn.__version__})


if __name__ == "__main__":
    main()
