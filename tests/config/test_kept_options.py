import pytest

from vgpipe.config.kept_options import share_config, share_of
from vgpipe.config.load import load
from vgpipe.errors import ConfigError


@pytest.mark.parametrize("choice, share", [("85%", 0.85), ("100%", 1.0), ("1%", 0.01), ("87.5%", 0.875)])
def test_a_share_is_an_option(choice, share):
    assert share_of("quality", choice) == pytest.approx(share)
    assert share_config(f"quality/{choice}") == (choice, {"keep": pytest.approx(share)})


@pytest.mark.parametrize("choice", ["120%", "0%", "0.5%", "85", "abc%", "85%%", "-5%", "quick"])
def test_anything_else_is_none(choice):
    assert share_of("quality", choice) is None
    assert share_config(f"quality/{choice}") is None


def test_other_groups_have_no_shares():
    assert share_of("memory", "85%") is None


@pytest.mark.parametrize("choice", ["120%", "0%", "abc%"])
def test_the_message_says_what_is_allowed(choice):
    with pytest.raises(ConfigError) as caught:
        load([f"quality={choice}"])
    assert f"'{choice}' is not one of its options" in str(caught.value)
    assert "from 1% to 100%, such as 85%" in str(caught.value)
