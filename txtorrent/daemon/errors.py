"""What ends the daemon before it has begun: a mistake that the user can put right."""


class UserError(SystemExit):
    """A mistake of the user: printed as one line on standard error, exit status 1. `text` is that
    line without our name, for the log."""

    def __init__(self, text: str) -> None:
        super().__init__(f"txtorrent: {text}")
        self.text = text
