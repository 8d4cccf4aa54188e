"""After the training: the model is saved before anything else is tried with it."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lamina.cli._interrupt import interrupts_wait
from lamina.tabular import Importance, TableError, TableModel, TableTraining, Trained

Figures = dict[str, dict[str, float]]


class Finish:
    """Saves a trained model, measures it, and saves it with its figures.

    Attributes:
        place: the file that holds the model; None before it is saved.
        results: figures by part of the data; a part that could not be measured has none.
        importance: of the columns, over the validation rows; None where it was not asked for.
        problems: sentences on what went wrong meanwhile.
    """

    def __init__(
        self,
        model: TableModel,
        output: Path,
        training: TableTraining,
        trained: Trained,
        *,
        importance: bool = False,
    ) -> None:
        self.place: Path | None = None
        self.results: dict[str, Figures] = {}
        self.importance: Importance | None = None
        self.problems: list[str] = []
        self._model = model
        self._output = output
        self._training = training
        self._trained = trained
        self._wants_importance = importance

    def run(self, begin: float) -> None:
        """Do it; `begin` is when the command began.

        Raises:
            OSError: the model could be saved nowhere.
        """
        record = self._model.training
        record["seconds"] = time.perf_counter() - begin
        self._save()
        for part in self._training.measured:
            self._measure(part)
        if self._wants_importance:
            self._measure_importance()
        record |= {"results": self.results, "seconds": time.perf_counter() - begin}
        self._save()

    @contextmanager
    def interrupts_told(self) -> Iterator[None]:
        """Within it an interrupt tells what has become of the model."""
        try:
            yield
        except KeyboardInterrupt as interrupt:
            if interrupt.args:
                raise
            raise type(interrupt)(f"; {self._saved()}") from None

    def raise_problems(self) -> None:
        """Raise what ended the training early, or what went wrong after it; the model is saved."""
        ended = self._trained.error
        if isinstance(ended, KeyboardInterrupt):
            raise type(ended)(
                "; ".join([f" in {self._trained.ended_in}", *self.problems, self._saved()])
            )
        if ended is not None:
            sentence = " ".join(str(ended).split()) or type(ended).__name__
            self.problems.insert(0, f"the training ended in {self._trained.ended_in}: {sentence}")
        if self.problems:
            raise TableError("; ".join([*self.problems, self._saved()])) from ended

    def _saved(self) -> str:
        if self.place is None:
            return "the model is not saved"
        if self._trained.error is None:
            return f"the model is saved in {self.place}"
        kept = self._trained.kept
        verb = "is" if kept == "the network before it" else "are"
        return f"{kept} {verb} saved in {self.place}"

    def _save(self) -> None:
        """Save the model where it belongs, or else where there is room for it."""
        with interrupts_wait():
            if self.place is not None:
                self._model.save(self.place)
                return
            try:
                self._model.save(self._output)
                self.place = self._output
            except OSError as error:
                self.place = self._save_elsewhere()
                if self.place is None:
                    raise
                problem = error.strerror or str(error)
                where = "" if str(self._output) in problem else f"{self._output}: "
                self.problems.append(f"{where}{problem}")

    def _save_elsewhere(self) -> Path | None:
        for place in _other_places(self._output.name):
            try:
                self._model.save(place)
            except OSError:
                continue
            return place
        return None

    def _measure(self, part: str) -> None:
        try:
            self.results[part] = self._training.scores(part, self._model.outputs_of)
        except Exception as error:
            sentence = " ".join(str(error).split()) or type(error).__name__
            self.problems.append(f"the {part} rows could not be measured: {sentence}")

    def _measure_importance(self) -> None:
        try:
            self.importance = self._training.importance(self._trained, self._model.outputs_of)
        except TableError as error:
            self.problems.append(f"the importance of columns could not be measured: {error}")
        else:
            self._model.training["importance"] = self.importance.to_record()


def _other_places(name: str) -> Iterator[Path]:
    """Names that no file has yet, in the current folder and in those for temporary files."""
    for folder in (Path(), Path(tempfile.gettempdir()), Path.home()):
        numbered = (f"{number}-{name}" for number in range(1, 1000))
        place = next((folder / n for n in (name, *numbered) if not (folder / n).exists()), None)
        if place is not None:
            yield place
