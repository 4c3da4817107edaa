"""The town that tales share: built once for each test process, for every tale that needs no settings of its own."""

from collections.abc import Iterator

import pytest
from tests.support.town import Town


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Town(tmp_path_factory.mktemp("town"), workers=2) as town:
        yield town
