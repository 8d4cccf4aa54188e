"""scikit-learn: MLPClassifier and MLPRegressor on float32, warm-started, without penalty."""

import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.peers.base import Call, RunEpochs, Unsupported
from benchmarks.workloads import Array, Floats, Workload, initial_parameters


class SklearnPeer:
    def __init__(self, threads: int) -> None:
        """The BLAS takes its number of threads from the environment and the affinity."""
        warnings.simplefilter("ignore", ConvergenceWarning)

    def version(self) -> str:
        return str(sklearn.__version__)

    def training(self, workload: Workload, features: Floats, targets: Array) -> RunEpochs:
        if workload.activation not in ("relu", "tanh"):
            raise Unsupported(f"scikit-learn has no {workload.activation}")
        estimator = MLPClassifier if workload.loss == "cross_entropy" else MLPRegressor
        model = estimator(
            hidden_layer_sizes=workload.widths[1:-1],
            activation=workload.activation,
            solver=workload.optimizer,
            momentum=0.0,
            nesterovs_momentum=False,
            learning_rate_init=workload.learning_rate,
            alpha=0.0,
            batch_size=workload.batch,
            max_iter=1,
            n_iter_no_change=10**9,
            tol=0.0,
            warm_start=True,
            random_state=0,
        )
        y = targets.ravel() if targets.shape[1:] == (1,) else targets

        def run(epochs: int) -> None:
            model.set_params(max_iter=epochs)
            model.fit(features, y)

        return run

    def inference(self, workload: Workload, features: Floats) -> Call:
        outputs = workload.widths[-1]
        model = MLPRegressor(
            hidden_layer_sizes=workload.widths[1:-1], activation=workload.activation, max_iter=1
        )
        targets = np.zeros((4, outputs), np.float32)
        model.fit(np.zeros((4, workload.widths[0]), np.float32), targets)
        parameters = initial_parameters(workload.widths)
        model.coefs_ = [np.ascontiguousarray(weight.T) for weight, _ in parameters]
        model.intercepts_ = [bias for _, bias in parameters]
        return lambda: model.predict(features)


def create(threads: int) -> SklearnPeer:
    return SklearnPeer(threads)
