"""One self-signed certificate for all; a fresh scene for each test."""

import ssl

import pytest
from tests.support.echo import Scene

from hatoba.net import tls


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return tls.server_context(*tls.self_signed(tmp_path_factory.mktemp("tls"), ["here.example"]))


@pytest.fixture
def scene(context: ssl.SSLContext) -> Scene:
    return Scene(context)
