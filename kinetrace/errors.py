"""The one exception that stands for a user's mistake: shown without a traceback, exit code 2."""


class KinetraceError(Exception):
    """What was found, what was expected and what to do, in words for the person at the keyboard."""
