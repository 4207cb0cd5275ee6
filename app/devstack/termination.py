"""Signal handling of a process that must stop its children before it ends."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Final

TERMINATION_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)

Handler = Callable[[int, FrameType | None], None] | signal.Handlers


@contextlib.contextmanager
def termination_signals_raised() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise `SystemExit`, so that ``with`` blocks clean up as they do on Ctrl-C."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    with _handlers(dict.fromkeys(TERMINATION_SIGNALS, leave)):
        yield


@contextlib.contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore every signal that would interrupt a clean-up."""
    with _handlers(dict.fromkeys((*TERMINATION_SIGNALS, signal.SIGINT), signal.SIG_IGN)):
        yield


@contextlib.contextmanager
def _handlers(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Install signal handlers and restore the previous ones; outside the main thread this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows only the main thread to set handlers
        return
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
