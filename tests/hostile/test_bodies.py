"""Bodies that are no request: each is refused at once, and the server lives on."""

from __future__ import annotations

import gzip
import json
import socket
from contextlib import suppress

import httpx
import pytest

from tests.hostile.target import Target

DEEP = 100_000
BODIES: dict[str, bytes] = {
    "empty": b"",
    "blank": b"   ",
    "null": b"null",
    "array": b"[]",
    "text": b'"text"',
    "cut off": b'{"text": "x',
    "trailing comma": b'{"text": "x",}',
    "two values": b"{}{}",
    "comment": b'{/* */"text": "x"}',
    "single quotes": b"{'text': 'x'}",
    "NaN": b'{"ratio": NaN}',
    "Infinity": b'{"ratio": Infinity}',
    "minus Infinity": b'{"ratio": -Infinity}',
    "beyond a float": b'{"ratio": 1e999}',
    "NaN in a dict": b'{"data": {"x": [NaN]}}',
    "beyond a float in a dict": b'{"data": {"x": [1e999]}}',
    "an endless integer": b'{"number": ' + b"9" * 100_000 + b"}",
    "an endless exponent": b'{"number": 1e' + b"9" * 10_000 + b"}",
    "deep lists": b'{"data": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep and cut off": b"[" * DEEP,
    "UTF-16": '{"text": "x"}'.encode("utf-16"),
    "UTF-32": '{"text": "x"}'.encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf[]",
    "no UTF-8": b'{"text": "\xff\xfe"}',
    "overlong UTF-8": b'{"text": "\xc0\xaf"}',
    "an encoded surrogate": b'{"text": "\xed\xa0\x80"}',
    "control characters": b'{"text": "\x00\x01"}',
    "random bytes": bytes(range(256)) * 100,
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "gzip": gzip.compress(b'{"text": "x"}'),
    "a bomb": gzip.compress(bytes(10_000_000)),
    "a pickle": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x08touch /x\x85R.",
    "YAML": b"text: !!python/object/apply:os.system ['touch /x']",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "multipart": b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nx\r\n--x--\r\n',
    "a form": b"text=x&number=1",
}
TYPES = ["application/json", "text/plain", "multipart/form-data; boundary=x", "image/png", ""]
DOORS = ["/", "/predictions", "/predictions/an-id"]


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_request_is_refused(target: Target, name: str) -> None:
    """At every door, under every content type, as the caller's error, and soon."""
    with httpx.Client(base_url=target.url, timeout=120) as client:
        for door in DOORS:
            method = "PUT" if door.count("/") == 2 else "POST"
            for kind in TYPES:
                answer = client.request(
                    method, door, content=BODIES[name], headers={"Content-Type": kind}
                )

                assert (door, kind, answer.status_code) in {
                    (door, kind, status) for status in (400, 413, 415, 422)
                }
                assert answer.json()
                assert len(answer.content) < 20_000
    assert target.is_well()


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ('{"text": "a", "text": "b"}', 422),
        ('{"data": {"x": 1, "x": 2}}', 422),
        ('{"text": "\\ud800"}', 422),
        ('{"text": "\\u0000"}', 200),
        ('{"number": 1' + "0" * 4000 + "}", 422),
        ('{"ratio": 0.' + "9" * 100_000 + "}", 200),
        ('{"number": 1e3}', 200),
        ('{"__proto__": {}, "constructor": 1, "self": 1, "__class__": {}}', 200),
        ('{"data": {"__class__": {"__init__": {"__globals__": {}}}}}', 200),
        ('{"text": {"$ne": null}}', 422),
        ('{"text": ["' + "x" * 100_000 + '"]}', 422),
    ],
    ids=[
        "a key twice", "an inner key twice", "half a surrogate pair", "a NUL", "4001 digits",
        "an endless fraction", "an exponent", "names of Python's", "paths of Python's",
        "an operator", "a long wrong value",
    ],
)  # fmt: skip
def test_what_json_leaves_open_is_decided(target: Target, inputs: str, expected: int) -> None:
    """Ambiguity is refused, oddities pass as the values they are."""
    answer = httpx.post(target.url, content=inputs, timeout=120)

    assert answer.status_code == expected
    assert len(answer.content) < 10_000
    assert target.is_well()


@pytest.mark.parametrize("path", ["/", pytest.param("/predictions", marks=pytest.mark.long)])
def test_a_flood_of_small_values_is_taken_or_refused_in_time(target: Target, path: str) -> None:
    """Ten megabytes of brackets, of numbers and of keys cost seconds at most."""
    keys = ",".join(f'"k{index}":{index}' for index in range(500_000))
    floods = (
        f"[{','.join(['[]'] * 2_000_000)}]",
        f"[{','.join(['1'] * 3_000_000)}]",
        f"{{{keys}}}",
        json.dumps([["[" * 1000]] * 5_000),
    )
    for flood in floods:
        inputs = f'{{"data": {{"x": {flood}}}, "text": 7}}'
        body = inputs if path == "/" else f'{{"input": {inputs}}}'

        answer = httpx.post(target.url + path, content=body, timeout=120)

        assert answer.status_code == 422
    assert target.is_well()


def test_a_body_that_never_ends_holds_nobody_up(target: Target) -> None:
    """Twenty callers that stop in the middle take no slot; others are served meanwhile."""
    host, port = "127.0.0.1", target.port
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{"
    stalled = []
    for _ in range(20):
        connection = socket.create_connection((host, port))
        connection.sendall(head)
        stalled.append(connection)

    answer = target.ask({"text": "meanwhile"})

    assert answer.json()["output"]["text"] == "meanwhile"
    for connection in stalled:
        connection.close()
    assert target.is_well()


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
    ids=["two lengths", "minus one", "bad chunk", "long header", "HTTP 9.9", "TLS", "dots"],
)
def test_what_is_no_http_is_refused(target: Target, raw: bytes) -> None:
    """The connection ends, and nothing else does."""
    with socket.create_connection(("127.0.0.1", target.port), timeout=120) as connection:
        with suppress(OSError):  # the server may have hung up by then
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
        answer = _received(connection)

    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
    assert b"root:" not in answer
    assert target.is_well()


@pytest.mark.parametrize("name", ["careful", "ahead"])
def test_an_authors_pattern_cannot_be_made_to_hang(target: Target, name: str) -> None:
    """What takes Python's engine for ever is decided within its deadline."""
    answers = [
        target.ask({name: "a" * 40 + "!"}),
        target.predict({name: "a" * 40 + "!"}),
        target.ask({name: "a" * 10_000_000 + "!"}),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert target.ask({name: "aaa"}).status_code == 200


def test_an_input_is_never_repeated_at_length(target: Target) -> None:
    """A megabyte that does not fit costs a short answer and a short line in the log."""
    before = sum(map(len, target.lines))

    answer = target.ask({"number": "x" * 1_000_000, "data": ["y" * 1_000_000]})

    assert answer.status_code == 422
    assert len(json.dumps(answer.json())) < 10_000
    assert sum(map(len, target.lines)) - before < 10_000


def _received(connection: socket.socket) -> bytes:
    """Read until the other side ends the connection, in whatever way."""
    received = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize("path", DOORS)
def test_a_caller_that_leaves_in_the_middle_of_a_body_is_no_error(
    target: Target, path: str
) -> None:
    """Nobody is there to be answered, and the log has no traceback of it."""
    began = len(target.lines)
    method = "PUT" if path.endswith("id") else "POST"
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", target.port)) as connection:
        connection.sendall(head.encode() + b'{"text": ')
        assert target.is_well()

    assert [target.is_well(), target.is_well()] == [True, True]
    assert target.ask({"text": "after"}).status_code == 200
    target.wait_for("called with 'after'")
    assert not any("raceback" in line for line in target.lines[began:])
