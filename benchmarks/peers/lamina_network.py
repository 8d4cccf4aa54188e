"""lamina: `fit` for training, `compile_predictor` for inference."""

import lamina as lm
from benchmarks.peers.base import Call, RunEpochs
from benchmarks.workloads import Array, Floats, Workload, initial_parameters


class LaminaPeer:
    def __init__(self, threads: int) -> None:
        lm.set_num_threads(threads)

    def version(self) -> str:
        info = lm.build_info()
        return f"{lm.__version__} ({info['instruction_set']})"

    def build(self, workload: Workload) -> lm.Sequential:
        *hidden, outputs = workload.widths[1:]
        layers = [lm.Dense(width, workload.activation) for width in hidden]
        last = "softmax" if workload.loss == "cross_entropy" else "identity"
        layers.append(lm.Dense(outputs, last))
        network = lm.Sequential(layers, inputs=workload.widths[0], seed=0, dtype="float32")
        network.set_parameters(
            {
                f"layers.{index}.{name}": values
                for index, pair in enumerate(initial_parameters(workload.widths))
                for name, values in zip(("weight", "bias"), pair, strict=True)
            }
        )
        return network

    def training(self, workload: Workload, features: Floats, targets: Array) -> RunEpochs:
        network = self.build(workload)
        rules = {"adam": lm.Adam, "sgd": lm.SGD}
        optimizer = rules[workload.optimizer](learning_rate=workload.learning_rate)

        def run(epochs: int) -> None:
            network.fit(
                features,
                targets,
                loss=workload.loss,
                optimizer=optimizer,
                epochs=epochs,
                batch_size=workload.batch,
                shuffle=True,
                verbose=0,
            )

        return run

    def inference(self, workload: Workload, features: Floats) -> Call:
        network = self.build(workload)
        predictor = network.compile_predictor()
        outputs = predictor(features)
        return lambda: predictor(features, outputs)


def create(threads: int) -> LaminaPeer:
    return LaminaPeer(threads)
