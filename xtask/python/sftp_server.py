"""An SFTP server of asyncssh on free ports of loopback: for passwords, and where OpenSSH's is not at hand.

Run as ``sftp_server.py FOLDER [--bare]``. The folder holds ``host`` (the host key) and ``authorized`` (the
keys that may log in); the port is written to ``port`` in it. The user ``tester`` may log in with the password
in ``REMOTE_STORE_SFTP_PASSWORD``; the user ``asked`` is asked for it interactively. With ``--bare`` the
server has none of OpenSSH's extensions.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import asyncssh
from asyncssh.sftp import SFTPServerHandler

PASSWORD = os.environ.get("REMOTE_STORE_SFTP_PASSWORD", "")


class Door(asyncssh.SSHServer):
    """Who may come in, and how."""

    def __init__(self) -> None:
        self._user = ""

    def begin_auth(self, username: str) -> bool:
        """Ask everybody who they are."""
        self._user = username
        return True

    def password_auth_supported(self) -> bool:
        """Take a password from all but one."""
        return self._user != "asked"

    def validate_password(self, username: str, password: str) -> bool:
        """Compare the password."""
        return bool(PASSWORD) and (username, password) == ("tester", PASSWORD)

    def kbdint_auth_supported(self) -> bool:
        """Ask one user."""
        return self._user == "asked"

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> object:
        """Ask one hidden question."""
        del username, lang, submethods
        return "", "", "", [("What is it? ", False)]

    def validate_kbdint_response(self, username: str, responses: list[str]) -> bool:
        """Compare the answer."""
        return bool(PASSWORD) and username == "asked" and responses == [PASSWORD]


async def main(folder: Path) -> None:
    """Serve until it is stopped."""
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Door,
        server_host_keys=[str(folder / "host")],
        authorized_client_keys=str(folder / "authorized"),
        sftp_factory=True,
        login_timeout=30,
    )
    ready = folder / "port.new"
    ready.write_text(str(listener.get_port()))
    # Renamed, so that whoever waits never reads half a number.
    ready.rename(folder / "port")
    await listener.wait_closed()


if __name__ == "__main__":
    if "--bare" in sys.argv:
        SFTPServerHandler._extensions = []  # noqa: SLF001 - there is no option for it
    asyncio.run(main(Path(sys.argv[1])))
