"""Tells whoever started the service that it answers, as systemd asks for it (`Type=notify`)."""

import os
import socket


def tell_started() -> None:
    """Say that requests are answered from now on, at the socket that NOTIFY_SOCKET names, if any.

    Raises OSError where nobody listens there.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # a name of no file
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(address)
        channel.sendall(b"READY=1")
