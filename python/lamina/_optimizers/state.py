"""What an optimizer or an average keeps for one network: made at its first use, copied, pickled."""

import copy
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from lamina._checks.types import NDArray
from lamina._network.stack import Stack

State = dict[str, Any]


class NetworkState:
    """Base of objects whose state belongs to one network and lies in the core.

    A copy (`copy.deepcopy`, pickle) has the state too, and belongs to the first network of the
    same parameters that it is used with.
    """

    _title: str

    def __init__(self) -> None:
        self._handle: Any = None
        self._network: weakref.ref[Stack] | None = None
        self._waiting: State | None = None  # a copy's state, until it meets its network

    def get_state(self) -> State:
        """Everything that the next steps depend on, as numbers and arrays in parameter shapes."""
        raise NotImplementedError

    def handle_for(self, net: Stack) -> Any:
        """The core's state for `net`, made at its first use."""
        if self._network is None or not isinstance(net, Stack):
            self._take_state(net, self._waiting)
        elif self._network() is not net:
            raise ValueError(
                f"{self._title}: it holds the state of another network; make a new one for each "
                "network, or a copy"
            )
        net._is_fresh = False
        return self._handle

    def _take_state(self, net: Stack, state: State | None) -> None:
        """Take over `state` for `net`; unchanged where it is refused."""
        if not isinstance(net, Stack):
            raise TypeError(f"{self._title}: expected a network, got {type(net).__name__}")
        self._handle = self._made_handle(net, state)
        self._network, self._waiting = weakref.ref(net), None

    def _made_handle(self, net: Stack, state: State | None) -> Any:
        """A new handle of the core for `net`, in this state (None: fresh)."""
        raise NotImplementedError

    def _named(self, arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return dict(zip(self._handle.parameter_names(), arrays, strict=True))

    def _listed(self, net: Stack, arrays: Any) -> list[NDArray[Any]]:
        """Arrays by parameter name in the core's order; ValueError where they are another's."""
        names = net._core_network().parameter_names
        if not isinstance(arrays, Mapping) or set(arrays) != set(names):
            raise ValueError(
                f"{self._title}: expected a state with arrays for {', '.join(names)}, got "
                f"{', '.join(map(str, arrays)) if isinstance(arrays, Mapping) else repr(arrays)}"
            )
        return [np.ascontiguousarray(arrays[name], dtype=net.dtype) for name in names]

    def __getstate__(self) -> State:
        plain = {k: v for k, v in self.__dict__.items() if k not in ("_handle", "_network")}
        return {**plain, "_waiting": self._waiting if self._handle is None else self.get_state()}

    def __setstate__(self, state: State) -> None:
        self.__dict__.update(state, _handle=None, _network=None)

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # nothing of the state is shared
