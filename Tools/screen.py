"""What demo.py prints: steps, calls, shortened documents, bars.

Invariants:
  * No line is wider than the terminal or 100 columns, whichever is less, but one a user may copy.
  * Colour and weight are for terminals only, and never the only sign of a thing: NO_COLOR and pipes
    get the same words.
"""

import json
import os
import shutil
import sys
import textwrap


class Screen:
    """Prints steps, calls and tables, to the width of the terminal and at most 100 columns."""

    STYLES = {"bold": "1", "dim": "2", "Alert": "1;31", "Warning": "33", "Ok": "32", "call": "36"}
    LINE_COUNT_MAX = 7

    def __init__(self, quiet):
        self.quiet = quiet
        self.width = max(60, min(100, shutil.get_terminal_size((100, 24)).columns))
        self.is_coloured = (sys.stdout.isatty() and not os.environ.get("NO_COLOR")
                            and os.environ.get("TERM") != "dumb")

    def styled(self, text, style):
        return f"\033[{self.STYLES[style]}m{text}\033[0m" if self.is_coloured else text

    def line(self, text=""):
        if not self.quiet:
            print(text, flush=True)

    def title(self, number, text):
        self.line()
        self.line(self.styled(f"{number:2}  {text}", "bold"))

    def call(self, method, path, answer):
        right = f"{answer.status}  {milliseconds(answer.seconds)}"
        left = f"{method} {path}"
        room = self.width - 4 - len(right) - 2
        if len(left) > room:
            left = left[:room - 1] + "…"
        gap = " " * (self.width - 4 - len(left) - len(right))
        self.line("    " + self.styled(left, "call") + gap + self.styled(right, "dim"))

    def document(self, arrow, text):
        lines = textwrap.wrap(text, self.width - 8, break_on_hyphens=False)
        if len(lines) > self.LINE_COUNT_MAX:
            lines = lines[:self.LINE_COUNT_MAX]
            lines[-1] = lines[-1][:self.width - 10] + " …"
        for position, line in enumerate(lines):
            self.line(f"    {self.styled(arrow, 'dim') if position == 0 else ' '} {line}")

    def note(self, text):
        for line in textwrap.wrap(text, self.width - 4, break_on_hyphens=False):
            self.line("    " + line)


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def abbreviated(value, hidden=()):
    """JSON for reading: long lists and texts shortened, numbers to six digits, `hidden` closed."""
    if isinstance(value, dict):
        members = (f'"{key}": ' + ("{…}" if key in hidden and value[key] else
                                   abbreviated(value[key], hidden)) for key in value)
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        is_plain = all(not isinstance(item, (dict, list)) for item in value)
        limit, kept = (8, 3) if is_plain else (1, 1)
        items = [abbreviated(item, hidden) for item in value]
        if len(items) > limit:
            items = items[:kept] + [f"… {len(items) - kept:,} more"]
        return "[" + ", ".join(items) + "]"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and len(value) > 100:
        value = value[:48] + "…"
    return json.dumps(value, ensure_ascii=False)


def bar(score, highest, width=28):
    full = round(score / highest * width) if highest > 0 else 0
    return "█" * full or "▏"
