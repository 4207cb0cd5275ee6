import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from pydantic import Field

import app.schemas
import core.contracts
import core.experiments
from core.contracts.docstrings import attribute_descriptions, field_descriptions, summary
from core.contracts.values import Contract


class Base(Contract):
    """A base.

    Attributes:
        name: The name.
        size: The size,
            in bytes.
    """

    name: str
    size: int = 1


class Derived(Base):
    """A derived model.

    More of it.

    Attributes:
        size: The size in ``kilobytes``.
    """

    size: int = 2
    note: str = Field(default="", description="A note.")


class Undocumented(Base):
    size: int = 3


def test_summary_is_the_docstring_without_its_attributes() -> None:
    assert summary(Derived) == "A derived model.\n\nMore of it."
    assert summary(Undocumented) == ""


def test_field_descriptions_join_continued_lines() -> None:
    assert attribute_descriptions(Base) == {"name": "The name.", "size": "The size, in bytes."}


def test_field_descriptions_prefer_the_class_to_its_bases() -> None:
    assert field_descriptions(Derived) == {"name": "The name.", "size": "The size in `kilobytes`."}


def test_contract_describes_its_schema_and_its_fields() -> None:
    schema = Derived.model_json_schema()

    assert schema["description"] == "A derived model.\n\nMore of it."
    assert {name: part["description"] for name, part in schema["properties"].items()} == {
        "name": "The name.",
        "size": "The size in `kilobytes`.",
        "note": "A note.",
    }
    assert Derived.model_fields["size"].description == "The size in `kilobytes`."
    assert Base.model_fields["size"].description == "The size, in bytes."


def test_contract_describes_references_to_other_models() -> None:
    class Owner(Contract):
        """An owner.

        Attributes:
            part: The part.
        """

        part: Base
        parts: tuple[Base, ...] = ()

    schema = Owner.model_json_schema()

    assert schema["properties"]["part"] == {"$ref": "#/$defs/Base", "description": "The part."}
    assert schema["$defs"]["Base"]["description"] == "A base."


def contracts(base: type[Contract] = Contract) -> Iterator[type[Contract]]:
    for model in base.__subclasses__():
        yield model
        yield from contracts(model)


def of_the_repository() -> list[type[Contract]]:
    for package in (app.schemas, core.contracts, core.experiments):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    return [model for model in contracts() if model.__module__.startswith(("core.", "app."))]


@pytest.mark.parametrize(
    "model", of_the_repository(), ids=lambda model: f"{model.__module__}.{model.__name__}"
)
def test_docstring_describes_existing_fields_and_every_field(model: type[Contract]) -> None:
    documented = set(attribute_descriptions(model))

    assert documented <= set(model.model_fields)
    undescribed = [name for name, field in model.model_fields.items() if not field.description]
    assert undescribed == []
