"""What tests of the daemon's rooms share."""

from twisted.logger import globalLogPublisher


def logged(case):
    """The lines logged from now on."""
    lines = []

    def observe(event):
        lines.append(event["log_format"].format(**event))

    globalLogPublisher.addObserver(observe)
    case.addCleanup(globalLogPublisher.removeObserver, observe)
    return lines
