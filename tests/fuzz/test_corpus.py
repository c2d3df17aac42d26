"""Every kept input, and a fixed number of damaged ones, without the fuzzer."""

from __future__ import annotations

import pytest

from tests.fuzz.mutations import mutations
from tests.fuzz.target import corpus, load_target, target_names

MUTATIONS = 2_000
SEED = 20_260_302

TARGETS = pytest.mark.parametrize("name", target_names())


@TARGETS
def test_every_kept_input_decodes_or_gives_the_declared_error(name: str) -> None:
    target = load_target(name)
    inputs = corpus(name)
    assert inputs
    for data in inputs:
        target.check(data)


@TARGETS
def test_damaged_inputs_decode_or_give_the_declared_error(name: str) -> None:
    target = load_target(name)
    for data in mutations(corpus(name), MUTATIONS, SEED):
        try:
            target.check(data)
        except Exception as error:
            raise AssertionError(f"input {data.hex()}") from error


def test_the_same_seed_gives_the_same_damage() -> None:
    inputs = [b"abc", b"\x7e\x02\x00\x7e"]
    assert list(mutations(inputs, 50, 1)) == list(mutations(inputs, 50, 1))
    assert list(mutations(inputs, 50, 1)) != list(mutations(inputs, 50, 2))
