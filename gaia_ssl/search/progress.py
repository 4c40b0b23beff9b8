"""A progress line with rate and time left."""

import sys
import time


class Progress:
    """Prints the number of passes done, their rate and the time left.

    On a terminal the line is rewritten; in a log a new one follows every ten seconds.

    Args:
        total: Passes to make: subnets, or subnets times batch-norm groups.
        title: Beginning of the line. Defaults to nothing.
        quiet: Print nothing, as in all processes but the first. Defaults to False.
    """

    def __init__(self, total: int, title: str = '', quiet: bool = False) -> None:
        self.total = total
        self.title = title
        self.quiet = quiet
        self.done = 0
        self.terminal = sys.stdout.isatty()
        self.start = self.printed = time.monotonic()

    def __call__(self, scored: int) -> None:
        """Add passes to those done."""
        self.done += scored
        now = time.monotonic()
        finished = self.done >= self.total
        if self.quiet or (now - self.printed < (0.2 if self.terminal else 10) and not finished):
            return
        self.printed = now
        rate = self.done / max(now - self.start, 1e-9)
        line = (
            f'{self.title}{self.done}/{self.total} subnet passes, {rate:.1f}/s, '
            f'{_clock((self.total - self.done) / rate)} left'
        )
        end = '\n' if finished or not self.terminal else ''
        print(f'\r{line:<70}' if self.terminal else line, end=end, flush=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{seconds:02}'
