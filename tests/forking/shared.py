"""Have a process, and what is forked from it, read once what each of them would read again."""

from __future__ import annotations

import email
import os
import ssl
from email.message import Message
from functools import cache
from importlib.metadata import distributions
from typing import Any

from httpx._transports import default


def share_authorities() -> None:
    """Read the authorities of TLS once for each place they are in, and not for each client.

    It takes 20 to 40 ms, and most clients ask a server of this machine without TLS.
    """
    transports: Any = default
    create = transports.create_ssl_context
    by_place = cache(lambda _place, **arguments: create(**arguments))

    def create_once(
        verify: ssl.SSLContext | str | bool = True, cert: Any = None, trust_env: bool = True
    ) -> ssl.SSLContext:
        place = tuple(map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))
        context: ssl.SSLContext = by_place(place, verify=verify, cert=cert, trust_env=trust_env)
        return context

    transports.create_ssl_context = create_once


def share_package_metadata() -> None:
    """Take apart what installed packages say of themselves, and not again for the same text.

    It takes 80 ms, and each app that fal starts prints the name and version of every package.
    """
    module: Any = email
    parse = module.message_from_string
    parse_once = cache(parse)

    def parsed(text: str, *arguments: Any, **options: Any) -> Message:
        of_a_package = text.startswith("Metadata-Version:") and not (arguments or options)
        message: Message = (parse_once if of_a_package else parse)(text, *arguments, **options)
        return message

    module.message_from_string = parsed
    for each in distributions():
        assert each.metadata
