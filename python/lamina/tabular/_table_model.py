"""A model of a table: it is trained on one, and predicts the target of others."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from lamina._checks.stack_level import stack_level
from lamina._core import __version__
from lamina._training.callbacks import Callback
from lamina._training.fit import Verbose
from lamina._training.training_warnings import TrainingWarning
from lamina.tabular._as_columns import TableLike, as_columns
from lamina.tabular._checks import TableWarning
from lamina.tabular._findings import findings
from lamina.tabular._options import TrainOptions, check_validation
from lamina.tabular._presets import DEFAULT_PRESET
from lamina.tabular._remedies import table_named
from lamina.tabular._table_predictor import TablePredictor
from lamina.tabular._trained import Trained
from lamina.tabular._training import TableTraining


class TableModel(TablePredictor):
    """Predicts one or several columns of a table from its other columns; saved as one file.

    `fit` trains one. See `TablePredictor` for the parts that make one, and for what it predicts.
    """

    @classmethod
    def fit(
        cls,
        table: TableLike,
        *,
        target: str | Sequence[str],
        validation: TableLike | None = None,
        validation_fraction: float = 0.2,
        split: Literal["random", "time", "last", "group"] | None = None,
        time_column: str | None = None,
        group_column: str | None = None,
        weight_column: str | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        monitor: str = "loss",
        quantiles: Sequence[float] = (),
        interval: float | None = None,
        calibrate: bool = False,
        task: Literal["auto", "classification", "regression"] = "auto",
        numeric: Sequence[str] = (),
        categorical: Sequence[str] = (),
        ignore: Sequence[str] = (),
        parse_numbers: Sequence[str] = (),
        date_format: Mapping[str, str] | None = None,
        missing: Sequence[str | float] = (),
        only_missing: Sequence[str | float] | None = None,
        preset: str = DEFAULT_PRESET,
        numbers: Literal["piecewise", "standard", "robust"] | None = None,
        bins: int = 48,
        max_one_hot: int | None = None,
        embedding_units: int | None = None,
        decimal: Literal[".", ","] = ".",
        hidden: Sequence[int] | None = None,
        activation: str | None = None,
        dropout: float | None = None,
        optimizer: Literal["adam", "adamw", "sgd"] | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        average: float | None = None,
        n_members: int | None = None,
        time_limit: float | None = None,
        seed: int = 0,
        callbacks: Sequence[Callback | Any] = (),
        verbose: Verbose = "auto",
    ) -> Self:
        """Learn to predict one column of a table from the others, as `lamina train` does.

        The kind of each column and the task follow from the values. Rows without a target are left
        out, and so are columns that tell nothing of other rows (keys, constants; see
        `preprocessor.ignored`). A share of the rows is held back, of classes the same share of
        each; training stops when their loss has not improved for `patience` epochs, and the best
        weights are kept. The same table, options and seed give the same model to the last bit.

        Args:
            table: see `lamina.tabular.as_columns`. target: name of the column to predict, or names
                of several columns of numbers.
            validation: a table of rows to validate on; None: `validation_fraction` of `table`.
            split: which rows are held back: "random" (also None), those "last" in the table, or
                the latest by "time", which is `time_column` or else the only column of dates, or
                some by "group", which is `group_column`: rows of one of its values stay together,
                and it is no input unless `numeric` or `categorical` names it.
            weight_column: how much each row counts: numbers of at least 0, no input of the
                network. Training, validation and all figures take them.
            class_weight: how much the rows of a class count in training and in the validation
                loss, by class and 1 where left out; "balanced": so that all classes weigh the same.
            monitor: what ends the training, and says which weights are the best: the validation
                "loss", or a metric of the validation rows by its name in `lamina.metrics`.
            quantiles: levels between 0 and 1 of a number: the network learns these quantiles and
                the median, which `predict` then gives (Koenker & Bassett 1978).
            interval: share of the rows whose number `predict_interval` is to hold: quantiles that
                are widened until they held so many of the validation rows, conformalised quantile
                regression (Romano et al. 2019). These rows also stop the training, so that the
                share is slightly too good for them; measure it on others.
            calibrate: divide the logits of classes by the temperature at which the log loss of the
                validation rows is lowest (Guo et al. 2017).
            task: "auto": text, truth values and few whole numbers are classes.
            numeric, categorical, ignore: columns of numbers or categories, and columns to leave
                out, where the kind that is worked out would be wrong.
            parse_numbers: columns of numbers with marks, such as $1,234.50, 40% or <0.5.
            date_format: column name to how its dates are written, as of `datetime.strptime`.
            missing: further texts or numbers that stand for missing values.
            only_missing: those in place of the usual ones (NA, None, ?, ...); []: empty cells only.
            preset: the recipe of the networks by its name (see docs/tables.md), of which each
                option below that is given (not None) replaces a part.
            numbers, bins, decimal: as in `Preprocessor`.
            max_one_hot: columns of more categories become learned vectors (`lm.Embedding`) in
                place of one 1 among 0s; None: by the preset ("realmlp-td": 8, "tabm-mini": 100,
                others: none do).
            embedding_units: size of these vectors; None: by the preset ("realmlp-td": 8), or
                1.6 categories^0.56, at most 600, which is fastai's rule.
            hidden: units of the hidden layers. activation: theirs. dropout: share of their units
                dropped while training, in [0, 1).
            optimizer: "adam", "adamw" or "sgd" (with momentum 0.9).
            learning_rate, weight_decay: of preset "plain" 0.001 and 0.01; "sgd" 0.01, "adam" 0.
            batch_size, epochs, patience: of "plain" by the number of rows: batches of 32 to 1,024;
                200 epochs and 14,000 batches at least; 2,000 batches without improvement.
            average: decay of the `WeightAverage` that is validated and kept, in [0, 1); 0: none.
            n_members: networks whose outputs are averaged (probabilities, or numbers). Where rows
                are held back at random, each holds back another share of them (k-fold), so that
                every row is learnt from; elsewhere they differ by their seeds. Networks of several
                recipes count as they do best for the rows held back.
            time_limit: seconds for all of it; further networks are trained while time is left,
                and there is always one. None: no limit.
            seed: of the rows held back, the first weights and the order of rows.
            callbacks, verbose: as in `Sequential.fit`.

        Returns:
            The trained model. `training` records all of it: "recipe", "columns", "giveaways",
            "history" (also `history`), "best_epoch", "stop_reason" (of the first network),
            "members" (of each), and "results" of the validation rows, by networks that did not
            learn from them.

        Raises:
            TableError: a column is missing or cannot be read, or the target cannot be learnt.
            TypeError, ValueError: an option is of another kind, or out of range.
            KeyboardInterrupt: Ctrl-C before the end of the first epoch.

        Warns:
            TrainingWarning: Ctrl-C ended the training; the model has the best weights so far.
            TableWarning: a column gives the target away, a value of the target may stand for a
                missing one, rows have no target, or rows held back at random have dates.

        Example:
            >>> import lamina as lm
            >>> passed = ["no", "no", "yes", "yes"] * 9 + ["yes", "no", "yes", "no"]
            >>> table = {"hours": [1, 2, 7, 8] * 10, "passed": passed}
            >>> model = lm.tabular.TableModel.fit(table, target="passed", hidden=[8])
            >>> model.predict({"hours": [1, 8]}).tolist()
            ['no', 'yes']
        """
        options = TrainOptions.among(locals())
        return cls._fit(table, validation, options, callbacks, verbose)

    @classmethod
    def _fit(
        cls,
        table: TableLike,
        validation: TableLike | None,
        options: TrainOptions,
        callbacks: Sequence[Callback | Any],
        verbose: Verbose,
    ) -> Self:
        training = TableTraining(as_columns(table), options)
        if validation is None:
            training.hold_back()
        else:
            check_validation(options)
            with table_named("validation"):
                columns = as_columns(validation)
            training.validate_on(columns, "validation", {"kind": "table"})
        training.encode()
        for sentence in findings(training):
            warnings.warn(sentence, TableWarning, stacklevel=stack_level())
        trained = training.run(callbacks, verbose)
        if isinstance(trained.error, KeyboardInterrupt):
            warnings.warn(trained.interrupted(), TrainingWarning, stacklevel=stack_level())
        elif trained.error is not None:
            raise trained.error
        model = cls.trained(training, trained, type(table).__name__)
        results = {"validation": training.scores("validation", model.outputs_of)}
        model.training |= {"results": results, "seconds": training.seconds}
        return model

    @classmethod
    def trained(cls, training: TableTraining, trained: Trained, table: str) -> Self:
        """The model of a training on a table of that name."""
        record = {"lamina": __version__, "table": table, **training.record(trained)}
        parts = (training.preprocessor, training.plan.target, trained.networks, record)
        return cls(*parts, shares=trained.shares)

    @property
    def history(self) -> dict[str, list[float]]:
        """Losses and metrics of the (first) network's training by name, one value an epoch."""
        return dict(self.training.get("history", {}))
