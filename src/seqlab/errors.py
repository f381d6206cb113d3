"""The one exception that means: the user can mend this."""


class UserError(ValueError):
    """A mistake in a command, a config or an input file.

    The message stands alone: what came, what is accepted, what to do. The command line prints it without
    a traceback and exits with code 2.
    """
