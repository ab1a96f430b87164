"""domain.session: addresses as text and bytes are what ipaddress says they are."""

import ipaddress

import pytest
from hypothesis import given, strategies as st

from airnet.domain.address import address_bytes, address_text

TEXTS = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3}){2,4}", fullmatch=True),
    st.text(max_size=12),
    st.text("0123456789.:abcdef%/ \0\n٣", max_size=18),  # digits of another script
)


@given(text=TEXTS)
def test_what_is_an_address_is_what_ipaddress_takes(text: str) -> None:
    try:
        wanted = ipaddress.ip_address(text)
    except ValueError:
        with pytest.raises(ValueError, match="does not appear"):
            address_bytes(text)
        return
    mapped = b"\0" * 10 + b"\xff\xff" if wanted.version == 4 else b""
    assert address_bytes(text) == mapped + wanted.packed


@given(address=st.binary(min_size=16, max_size=16), is_four=st.booleans())
def test_text_is_canonical(address: bytes, is_four: bool) -> None:
    if is_four:
        address = b"\0" * 10 + b"\xff\xff" + address[12:]
    found = ipaddress.IPv6Address(address)
    wanted = found.ipv4_mapped or found
    assert address_text(address) == str(wanted)
    assert address_bytes(address_text(address)) == address
