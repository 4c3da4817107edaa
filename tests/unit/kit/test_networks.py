"""Networks: the narrowest of very many, the same as a look at each of them tells."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hatoba.kit import networks

V4 = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
    lambda pair: ipaddress.IPv4Network(pair, strict=False)
)
V6 = st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
    lambda pair: ipaddress.IPv6Network(pair, strict=False)
)


@given(st.lists(V4 | V6, max_size=30), st.data())
def test_the_same_as_a_look_at_each(known: list[networks.Network], data: st.DataObject) -> None:
    table: networks.Networks[str] = networks.Networks()
    for network in known:
        table.put(network, str(network))
    near = [network[data.draw(st.integers(0, min(network.num_addresses, 2**32) - 1))] for network in known[:5]]
    for address in [*near, ipaddress.IPv4Address(data.draw(st.integers(0, 2**32 - 1)))]:
        within = {network for network in known if network.version == address.version and address in network}
        narrow = sorted(within, key=lambda network: -network.prefixlen)
        assert list(table.find(address)) == [str(network) for network in narrow]
    assert len(table) == len(set(known))
    slots: networks.Networks[str] = networks.Networks()
    for network in known:
        slots.slot(str(network), lambda network=network: str(network))  # type: ignore[misc] # bound at once
    assert all(slots.slot(str(network), lambda: "none") == str(network) for network in known)
    assert len(slots) == len(table)


def test_a_value_is_replaced() -> None:
    table: networks.Networks[str] = networks.Networks()
    table.put(networks.network("192.0.2.0/24"), "one")
    table.put(networks.network("192.0.2.0/24"), "two")
    assert list(table.find(ipaddress.IPv4Address("192.0.2.9"))) == ["two"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        (" 192.0.2.0/24 ", "192.0.2.0/24"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::/0", "::/0"),
    ],
)
def test_networks_as_written(written: str, meant: str) -> None:
    assert str(networks.network(written)) == meant


@pytest.mark.parametrize("written", ["192.0.2.1/24", "192.0.2", "example.org", "", "1.2.3.4/33"])
def test_what_is_no_network(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        networks.network(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("x", None),
    ],
)
def test_addresses_of_clients(written: str, meant: str | None) -> None:
    found = networks.address(written)
    assert (str(found) if found is not None else None) == meant
