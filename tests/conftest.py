"""What all tests share: real PostgreSQL and Redis, started by the suite, and an app on a fresh database."""

from __future__ import annotations

import gc
import os
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.engine import make_url

from distributor.bootstrap import make_templates
from distributor.channels.api import Site
from distributor.domain.tokens import TokenSigner
from distributor.embedded import Services, Tuning, running_services
from distributor.flow.app_context import AppContext
from distributor.rendering.environment import Templates
from distributor.settings import Settings
from distributor.storage.channels import SecretBox
from distributor.storage.database import Database
from distributor.storage.schema import migrate
from tests.paths import SHARED

MEMORY = Path("/dev/shm")
# What lies about at one moment is far less.
PLENTY = 4 * 1024**3
SECRET = b"a key that is only good for tests"
IS_THOROUGH = os.environ.get("DISTRIBUTOR_TEST_THOROUGH") == "1"
# For what takes minutes and rarely says anything new.
thorough = pytest.mark.skipif(
    not IS_THOROUGH,
    reason="takes long: DISTRIBUTOR_TEST_THOROUGH=1 runs it, as before a release",
)
ACCEPTANCE_ARTICLE = SHARED / "articles" / "000_67871ac22aa9094a.txt"


# A database that lives for a second costs what making its thousand files costs: in memory that is a sixth.
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > PLENTY:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every garbage collection: it stays until the end."""
    gc.freeze()


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """One PostgreSQL and one Redis for each process that runs tests."""
    with running_services(tmp_path_factory.mktemp("services"), tuning=Tuning.TEST_SPEED) as running:
        yield running


@pytest.fixture(scope="session")
def template_database(services: Services) -> str:
    """The name of a migrated, empty database to make copies of."""
    url = _create_database(services.database_url, "template_distributor")
    database = Database(url, pool_size=0)
    migrate(database)
    database.close()
    return "template_distributor"


@pytest.fixture
def fresh_services(services: Services, template_database: str) -> Iterator[Services]:
    """A migrated database of the test's own, and an empty Redis."""
    name = f"test_{uuid.uuid4().hex}"
    url = _create_database(services.database_url, name, template=template_database)
    Redis.from_url(services.redis_url).flushall()
    yield Services(database_url=url, redis_url=services.redis_url)
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def templates() -> Templates:
    """The templates of the project, each compiled once."""
    return make_templates(Settings(_env_file=None))


@pytest.fixture
def app(fresh_services: Services, templates: Templates, tmp_path: Path) -> Iterator[AppContext]:
    """An app on a database of its own."""
    database = Database(fresh_services.database_url)
    redis = Redis.from_url(fresh_services.redis_url)
    yield AppContext(
        database=database,
        connect_redis=lambda: redis,
        configured_site=Site(
            name="The Test Gazette",
            public_url="http://gazette.example",
            postal_address="1 Test Street, Testville",
            sender="The Test Gazette <news@gazette.example>",
        ),
        templates=templates,
        tokens=TokenSigner(SECRET),
        vault=SecretBox(SECRET),
        journal_dir=tmp_path / "journals",
        imports_dir=tmp_path / "imports",
        content_dir=tmp_path / "content",
        clock=lambda: datetime.now(UTC),
    )
    database.close()
    redis.close()


@pytest.fixture(scope="session")
def gone_redis() -> Iterator[Redis]:
    """A Redis that is not there, and that no one waits for."""
    with Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)) as redis:
        yield redis


@pytest.fixture
def acceptance_article() -> Path:
    """The article the project is accepted with; it is not part of the repository."""
    if not ACCEPTANCE_ARTICLE.exists():
        pytest.skip("the acceptance article is not beside this checkout")
    return ACCEPTANCE_ARTICLE


def needs_package(package: str, reason: str) -> NoReturn:
    """Skip the test for want of a Debian package, or fail where everything is supposed to be installed."""
    if os.environ.get("DISTRIBUTOR_TEST_INSIST") == "1":
        pytest.fail(f"{reason}: install the package {package}")
    pytest.skip(f"{reason}: install the package {package}")


def needs_scripts() -> NoReturn:
    """Skip the test because the scripts of the web app are not built, or fail where they are supposed to be."""
    if os.environ.get("DISTRIBUTOR_TEST_INSIST") == "1":
        pytest.fail("the scripts of the web app are not built: `make bundles` does it, or says why not")
    pytest.skip("the scripts of the web app are not built: `make bundles` does it, or says why not")


def _create_database(server_url: str, name: str, *, template: str = "template1") -> str:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)
