"""The pages in docs/reference and the schemas follow from the code."""

import importlib.util
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest
from msgspec.structs import fields

from traintrack import errors
from traintrack.cli.exit_codes import EXIT_CODES
from traintrack.cli.schemas import DOCUMENTS, document_schema
from traintrack.workspace.environments import ENVIRONMENT_FIELDS
from traintrack.workspace.images import _FIELDS as IMAGE_CHECKS
from traintrack.workspace.model import Lock
from traintrack.workspace.target_fields import CHECKS

SCRIPTS = Path(__file__).parents[3] / "scripts"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_pages_are_current() -> None:
    assert script("make_reference").stale_pages() == [], "run scripts/make_reference.py"


def test_the_reference_tells_every_field_that_is_read() -> None:
    told = script("reference_fields")

    assert set(told.TARGET_FIELDS) == set(CHECKS)
    assert set(told.IMAGE_FIELDS) == set(IMAGE_CHECKS)
    assert set(told.ENVIRONMENT_FIELDS) == set(ENVIRONMENT_FIELDS)
    assert set(told.LOCK_FIELDS) == {field.name for field in fields(Lock)}


def test_every_error_has_an_exit_code_that_is_told() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]

    assert len(kinds) > 8
    assert {kind.exit_code for kind in kinds} <= {code for code, _, _ in EXIT_CODES}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(document_schema(name))
