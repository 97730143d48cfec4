"""Layouts stand as text, a word for each field."""

from __future__ import annotations

import pytest

from sniperforge.dex.layouts import fields, offsets


def test_words_are_names_and_types() -> None:
    assert fields("pool:pubkey amount:u64") == (("pool", "pubkey"), ("amount", "u64"))


def test_an_account_s_words_start_with_the_offset() -> None:
    assert offsets("8:pool:pubkey 40:amount:u64") == ((8, "pool", "pubkey"), (40, "amount", "u64"))


@pytest.mark.parametrize("text", ["amount", "a:b:c"])
def test_a_word_of_another_form_is_a_mistake_of_the_author(text: str) -> None:
    with pytest.raises(ValueError, match="values to unpack"):
        fields(text)
