import hmac
import re

import pytest

from app.security import api_keys
from app.security.api_keys import KEY, KeyRing, Scope, new_key


def test_new_key_has_256_random_bits_that_are_not_stored() -> None:
    token, stored = new_key("shop", [Scope.PREDICT])

    secret = token.rsplit(f"xm_{stored.id}_", maxsplit=1)[-1]
    assert len(secret) * 6 >= 256
    assert secret not in stored.model_dump_json()
    assert KEY.fullmatch(token)


def test_new_key_never_repeats_a_key_or_an_id() -> None:
    keys = [new_key("shop", [Scope.PREDICT]) for _ in range(100)]

    assert len({token for token, _ in keys}) == len({stored.id for _, stored in keys}) == 100


def test_find_matches_the_whole_key_only() -> None:
    token, stored = new_key("shop", [Scope.PREDICT])
    ring = KeyRing([stored, new_key("other", [Scope.ADMIN])[1]])
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")

    assert ring.find(token) == stored
    for wrong in (
        flipped,
        token[:-1],
        f"{token}x",
        stored.sha256,
        f"xm_{stored.id}_{stored.sha256}",
        "",
        "xm__",
        "é",
    ):
        assert ring.find(wrong) is None, wrong


@pytest.mark.parametrize(
    "token",
    [new_key("unknown", [Scope.ADMIN])[0], "", "xm_", "x" * 10_000],
    ids=["unknown", "none", "bad", "long"],
)
def test_find_compares_every_token_once_in_constant_time(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    comparisons: list[tuple[str, str]] = []
    in_constant_time = hmac.compare_digest

    def compare(first: str, second: str) -> bool:
        comparisons.append((first, second))
        return in_constant_time(first, second)

    ring = KeyRing([new_key("shop", [Scope.PREDICT])[1]])
    monkeypatch.setattr(hmac, "compare_digest", compare)

    assert ring.find(token) is None
    assert [len(part) for pair in comparisons for part in pair] == [64, 64]


def test_find_refuses_an_unknown_id_even_if_the_hashes_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "_digest", lambda token: api_keys.UNKNOWN_KEY_HASH)

    assert KeyRing([]).find("anything") is None


def test_allows_grants_admin_every_scope_and_other_keys_their_own() -> None:
    def may(scope: Scope) -> list[Scope]:
        stored = new_key("one", [scope])[1]
        return [requested for requested in Scope if stored.allows(frozenset({requested}))]

    assert may(Scope.ADMIN) == list(Scope)
    assert may(Scope.PREDICT) == [Scope.PREDICT]
    assert may(Scope.ADAPT) == [Scope.ADAPT]
    assert may(Scope.METRICS) == [Scope.METRICS]


def test_new_key_stores_a_repeated_scope_once() -> None:
    assert new_key("shop", [Scope.ADAPT, Scope.PREDICT, Scope.ADAPT])[1].scopes == (
        Scope.ADAPT,
        Scope.PREDICT,
    )


def test_key_pattern_finds_a_key_in_text() -> None:
    token, _ = new_key("shop", [Scope.PREDICT])

    assert re.search(KEY, f"Authorization: Bearer {token}\n")
