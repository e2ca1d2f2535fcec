"""What ends the daemon before it has begun: a mistake that the user can put right."""


class UserError(SystemExit):
    """A mistake of the user: printed as one line on standard error, exit status 1. `text` is that
    line without the name of the plugin in front, for the log."""

    def __init__(self, text: str, plugin: str = "txtorrent") -> None:
        super().__init__(f"{plugin}: {text}")
        self.text = text
