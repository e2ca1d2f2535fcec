"""The one error of reading a torrent, worded for the person who wants to download it."""


class MetainfoError(ValueError):
    """The torrent cannot be used. The message says what is wrong, whose fault it is and what
    the user can do; it ends without a full stop and is safe to print."""


def damaged(what: str) -> MetainfoError:
    """The file did not arrive whole, or never was a torrent."""
    return MetainfoError(f"{what}; the file is damaged or incomplete: download it again")


def faulty(what: str) -> MetainfoError:
    """Whoever made the torrent got it wrong, perhaps on purpose."""
    return MetainfoError(f"{what}; the torrent was made wrongly: look for another one")


def excessive(what: str, limit: str) -> MetainfoError:
    """Well formed, but beyond what any honest torrent needs and what we are ready to hold."""
    return MetainfoError(f"{what}, more than the limit of {limit}: look for another torrent")


class CreateError(ValueError):
    """No torrent can be made of this. The message says what is wrong and what the user can do; it
    ends without a full stop. Names of files in it are as they are on disk, not safe to print."""
