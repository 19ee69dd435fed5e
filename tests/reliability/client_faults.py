"""Clients that are too many, rude, or hostile."""

import contextlib
import os
import random
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

from reliability.crowd import RIGHT, Client, Tally, Target
from reliability.scene import BODY, Scene, make_request
from support.tiny_models import onnx_archive, weighty_archive


def thousand_targets(scene: Scene) -> None:
    """Three hundred of them are asked, in an order of their own."""
    archives = [onnx_archive(scene.folder / f"offset{number}.tar.gz", number) for number in range(10)]
    targets = [Target(f"team{number % 7}/t{number}.tar.gz", number % 10) for number in range(1000)]
    for number, target in enumerate(targets):
        (scene.store / target.name).parent.mkdir(exist_ok=True)
        os.link(archives[number % 10], scene.store / target.name)
    random.Random(0).shuffle(targets)
    client = Client(scene.served.url, scene.tally)
    for target in targets[:300]:
        assert client.ask(target, [float(len(target.name)), 1.0, 2.0, 3.0]) == RIGHT, scene.tally.notes
    client.close()


def two_hundred_clients(scene: Scene) -> None:
    """On 50 targets with room for five: every one gets its answer, if late."""
    targets = [Target(f"t{number}.tar.gz", number) for number in range(50)]
    for target in targets:
        scene.put(onnx_archive(scene.folder / target.name, target.offset), target.name)
    tallies = [Tally() for _ in range(200)]

    def ask(number: int) -> None:
        client = Client(scene.served.url, tallies[number])
        while client.ask(targets[number % 50], [float(number), 0.0, 1.0, 2.0]) == "ModelNotReadyException":
            pass
        client.close()

    with ThreadPoolExecutor(200) as pool:
        list(pool.map(ask, range(200)))
    scene.tally += sum(tallies, Tally())
    assert scene.tally.outcomes[RIGHT] >= 200


def clients_that_hang_up(scene: Scene) -> float:
    """After any number of bytes, politely or not, and while their target is being loaded."""
    target = Target("victim.tar.gz", 1)
    scene.put(weighty_archive(scene.folder / target.name, 1, load=0.5), target.name)
    whole = make_request(target.name, BODY)
    chance = random.Random(0)
    for number in range(200):
        connection = scene.connect()
        connection.sendall(whole[: chance.randrange(1, len(whole) + 1)] * chance.choice((1, 1, 3)))
        if number % 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 10 == 0:
            time.sleep(0.05)
        connection.close()
    return scene.heal(target)


def malformed_http(scene: Scene) -> float:
    """Refused with 4XX on a connection that then ends; bodies longer than they say begin another request."""
    junk = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 1000,
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %b\r\n" % (number, b"a" * 1000) for number in range(1000)),
        b"POST " + b"/" * 1_000_000,
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        make_request("bystander0.tar.gz", BODY, length=2**40),
    ]
    for data in junk:
        with scene.connect() as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough
                connection.sendall(data)
            status = connection.makefile("rb").readline().split()
        scene.tally.outcomes[f"HTTP {status[1].decode()}"] += 1
        assert status[1] in (b"400", b"413", b"431"), (data[:40], status)
    with scene.connect() as connection:  # longer
        connection.sendall(make_request("bystander0.tar.gz", BODY + b"surplus\r\n\r\n", length=len(BODY)))
        said = connection.makefile("rb").read()
        assert said.count(b"HTTP/1.1 200") == 1
        assert said.count(b"HTTP/1.1 400") == 1
    with scene.connect() as connection:  # shorter
        connection.sendall(make_request("bystander0.tar.gz", BODY, length=len(BODY) + 5))
        connection.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 200" not in connection.makefile("rb").read()
    return scene.heal(Target("bystander0.tar.gz", 100))


def hostile_names(scene: Scene) -> float:
    """Nothing outside the store is read or loaded."""
    onnx_archive(scene.folder / "outside.tar.gz", 9)
    names = [
        "../outside.tar.gz", "a/../../outside.tar.gz", "%2e%2e/outside.tar.gz", "..%2foutside.tar.gz",
        str(scene.folder / "outside.tar.gz"), "x\0.tar.gz", "\0", "x" * 1016 + ".tar.gz", "x" * 1017 + ".tar.gz",
        "x" * 5000, "ünï-😀.tar.gz", "\udcff\udcfe", "a\tb.tar.gz", "~/outside.tar.gz", "CON.tar.gz", "-rf.tar.gz",
        "$(id).tar.gz", "bystander0.tar.gz/", "bystander0.tar.gz/x.tar.gz", "./bystander0.tar.gz",
    ]  # fmt: skip
    for name in names:
        with scene.connect() as connection:
            connection.sendall(make_request(name, BODY))
            status = connection.makefile("rb").readline().split()[1]
        scene.tally.outcomes[f"HTTP {status.decode()}"] += 1
        assert status == b"400", name
    longest = Target("ü 😀/" + "x" * 1000 + ".tar.gz", 6)
    short = Target("ü 😀/%2e%2e.tar.gz", 6)
    (scene.store / "ü 😀").mkdir()
    scene.put(onnx_archive(scene.folder / "odd.tar.gz", 6), short.name)
    client = scene.connect()
    client.sendall(make_request(short.name, BODY) + make_request(longest.name, BODY))
    file = client.makefile("rb")
    assert file.readline().split()[1] == b"200", "a name that is odd but good"
    client.close()
    return scene.heal(Target("bystander0.tar.gz", 100))
