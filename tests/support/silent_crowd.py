"""``python silent_crowd.py PORT COUNT``: so many connections to 127.0.0.1 that say nothing, or greet and no more.

Each that is dropped is followed by another one. Writes a line whenever all of them stand.
"""

import resource
import selectors
import socket
import sys
import time

GREETING = b"\xff" + bytes(7) + b"\x01\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)
"""Of ZMTP 3.0, complete; a handshake would follow."""
AT_ONCE = 20
"""More would be too many for the queue of whoever listens, and come a second later."""


def stay(port: int, count: int) -> None:
    connections, coming, standing = selectors.DefaultSelector(), 0, 0
    while True:
        for number in range(min(AT_ONCE, count - coming - standing)):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            connections.register(connection, selectors.EVENT_WRITE, GREETING if number % 2 else b"")
            coming += 1
        for key, events in connections.select():
            connection = key.fileobj  # type: ignore[assignment]  # one of ours
            if events & selectors.EVENT_WRITE:
                coming -= 1
                standing += 1
                connection.send(key.data)
                connections.modify(connection, selectors.EVENT_READ)
                if standing == count:
                    print(flush=True)
            elif not heard(connection):
                standing -= 1
                connections.unregister(connection)
                connection.close()
        time.sleep(0.01)


def heard(connection: socket.socket) -> bytes:
    """What was said; nothing where it is over."""
    try:
        return connection.recv(4096)
    except ConnectionError:
        return b""


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    stay(int(sys.argv[1]), int(sys.argv[2]))
