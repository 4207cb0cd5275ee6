import hmac
import re

import pytest

from app.security import api_keys
from app.security.api_keys import KEY, KeyRing, Scope, new_key


def test_a_key_has_256_random_bits_and_none_of_them_is_kept() -> None:
    shown, kept = new_key("shop", [Scope.PREDICT])

    secret = shown.rsplit(f"xm_{kept.id}_", maxsplit=1)[-1]
    assert len(secret) * 6 >= 256
    assert secret not in kept.model_dump_json()
    assert KEY.fullmatch(shown)


def test_no_two_keys_are_alike() -> None:
    made = [new_key("shop", [Scope.PREDICT]) for _ in range(100)]

    assert len({shown for shown, _ in made}) == len({kept.id for _, kept in made}) == 100


def test_a_key_is_found_by_all_of_it_and_by_nothing_less() -> None:
    shown, kept = new_key("shop", [Scope.PREDICT])
    ring = KeyRing([kept, new_key("other", [Scope.ADMIN])[1]])
    flipped = shown[:-1] + ("A" if shown[-1] != "A" else "B")

    assert ring.find(shown) == kept
    for wrong in (
        flipped,
        shown[:-1],
        f"{shown}x",
        kept.sha256,
        f"xm_{kept.id}_{kept.sha256}",
        "",
        "xm__",
        "é",
    ):
        assert ring.find(wrong) is None, wrong


@pytest.mark.parametrize(
    "shown",
    [new_key("nobody", [Scope.ADMIN])[0], "", "xm_", "x" * 10_000],
    ids=["unknown", "none", "bad", "long"],
)
def test_whatever_is_shown_is_compared_once_in_constant_time(
    shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, str]] = []
    in_constant_time = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return in_constant_time(one, other)

    ring = KeyRing([new_key("shop", [Scope.PREDICT])[1]])
    monkeypatch.setattr(hmac, "compare_digest", compare)

    assert ring.find(shown) is None
    assert [len(part) for pair in compared for part in pair] == [64, 64]


def test_an_id_alone_lets_nobody_in_even_under_the_hash_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "_digest", lambda shown: api_keys.NOBODY)

    assert KeyRing([]).find("anything") is None


def test_admin_may_everything_and_the_others_only_their_own() -> None:
    def may(scope: Scope) -> list[Scope]:
        kept = new_key("one", [scope])[1]
        return [wanted for wanted in Scope if kept.allows(frozenset({wanted}))]

    assert may(Scope.ADMIN) == list(Scope)
    assert may(Scope.PREDICT) == [Scope.PREDICT]
    assert may(Scope.ADAPT) == [Scope.ADAPT]
    assert may(Scope.METRICS) == [Scope.METRICS]


def test_a_scope_told_twice_is_kept_once() -> None:
    assert new_key("shop", [Scope.ADAPT, Scope.PREDICT, Scope.ADAPT])[1].scopes == (
        Scope.ADAPT,
        Scope.PREDICT,
    )


def test_a_scanner_for_secrets_can_tell_a_key() -> None:
    shown, _ = new_key("shop", [Scope.PREDICT])

    assert re.search(KEY, f"Authorization: Bearer {shown}\n")
