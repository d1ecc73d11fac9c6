"""Which addresses are public, against fal's own rule."""

from __future__ import annotations

import ipaddress

import pytest
from fal.toolkit.utils.ssrf import is_globally_routable_ip
from hypothesis import given
from hypothesis import strategies as st

from cogfal.files.http_requests import is_public

_PREFIXES = st.sampled_from(
    ["64:ff9b::", "2002::", "2001::", "::ffff:0:0", "::", "fe80::", "fc00::"]
)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address: str) -> None:
    """Ordinary internet hosts can be reached."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.255", "0.0.0.0", "10.1.2.3", "172.31.255.255", "192.168.0.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:169.254.169.254", "fe80::1",
        "fec0::1", "fd00::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
        "2001:db8::1",
        "fd00:ec2::254", "fe80::1%eth0", "example.com", "", "127.1", "0x7f.1",
    ],
)  # fmt: skip
def test_everything_else_is_not(address: str) -> None:
    """Private, loopback, link-local, metadata, shared, reserved and disguised ones are not."""
    assert not is_public(address)


@given(st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str))
def test_nothing_is_public_that_fal_refuses(address: str) -> None:
    """The rule is at least as strict as that of fal.toolkit's client."""
    assert is_globally_routable_ip(address) or not is_public(address)


@given(_PREFIXES, st.integers(0, 2**32 - 1), st.integers(0, 2**16))
def test_embedded_addresses_are_judged_as_fal_judges_them(
    prefix: str, inner: int, shift: int
) -> None:
    """IPv6 addresses that carry IPv4 ones gain nothing by it."""
    number = int(ipaddress.IPv6Address(prefix)) | inner << (80 if prefix == "2002::" else 0)
    address = str(ipaddress.IPv6Address(number))

    assert is_globally_routable_ip(address) or not is_public(address)
