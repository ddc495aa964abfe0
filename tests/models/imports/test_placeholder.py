"""A placeholder gives a library the names that it asks for, and everybody else the module."""

from __future__ import annotations

import importlib
import sys

import pytest

from vgpipe.models.imports.placeholder import LaterName, Placeholder, is_imported, place, remove

NAMES = ("later_package", "later_package.deep", "later_user")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package on the disk, whose module `deep` is replaced for the package `later_user`."""
    folder = tmp_path / "later_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("from later_package.deep import Base\nclass Child(Base): pass\n")
    (folder / "deep.py").write_text("class Base:\n    colour = 'red'\ndef double(x): return 2 * x\n")
    (folder / "other.py").write_text("number = 3\n")
    (tmp_path / "later_user.py").write_text("from later_package.deep import Base, double\n")
    monkeypatch.syspath_prepend(tmp_path)
    names = {name: LaterName("later_package.deep", name) for name in ("Base", "double")}
    imported: list[object] = []
    place(Placeholder("later_package.deep", names, ("later_user",), imported.append))
    yield imported
    for name in [name for name in sys.modules if name.split(".")[0] in NAMES]:
        del sys.modules[name]


def test_its_user_imports_nothing_before_it_uses_a_name(package):
    user = importlib.import_module("later_user")
    assert not isinstance(3, user.Base) and not issubclass(int, user.Base)
    assert not is_imported("later_package") and package == []
    assert user.double(4) == 8 and user.Base.colour == "red"
    assert is_imported("later_package.deep") and package == [sys.modules["later_package.deep"]]


def test_its_names_pass_for_what_they_stand_for_once_that_is_imported(package):
    user = importlib.import_module("later_user")
    real = importlib.import_module("later_package").deep
    assert real.Base is not user.Base and isinstance(real.Base(), user.Base) and issubclass(real.Base, user.Base)
    made = type("Made", (real.Base,), {})
    assert isinstance(made(), (int, user.Base))

    class Derived(user.Base):
        pass

    assert Derived.__mro__[1] is real.Base


def test_all_others_get_the_module(package):
    from later_package.deep import Base, double

    assert isinstance(Base, type) and double(1) == 2
    assert importlib.import_module("later_package").Child.__mro__[1] is Base


def test_a_submodule_is_imported_from_the_real_package(tmp_path, package):
    remove("later_package.deep")
    place(Placeholder("later_package", {}))
    assert importlib.util.find_spec("later_package").origin.endswith("__init__.py")
    from later_package.other import number

    assert number == 3 and sys.modules["later_package"].other.number == 3
    assert not isinstance(sys.modules["later_package"], Placeholder)


def test_what_inspects_every_module_imports_nothing(package):
    assert not hasattr(sys.modules["later_package.deep"], "__file__")
    assert not is_imported("later_package")


def test_a_module_that_is_imported_already_gets_no_placeholder():
    place(Placeholder("json", {}))
    assert not isinstance(sys.modules["json"], Placeholder)
