"""A URI names a source or says what is wrong with it; a URL is never shown with its key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import ConfigError
from sniperforge.feeds.address import MASK, masked, parse_source, scrubbed
from sniperforge.feeds.settings import Endpoint, Tape

KEYS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16, max_size=64)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://mainnet.helius-rpc.com/?api-key=1234", "wss://mainnet.helius-rpc.com/?api-key=***"),
        ("https://a.quiknode.pro/0123456789abcdef/", "https://a.quiknode.pro/***/"),
        ("wss://user:word@host:99/v2/path?x&y=1#logs", "wss://***@host:99/v2/path?***&y=***"),
        ("https://0123456789abcdef0123.rpc.example/", "https://***.rpc.example/"),
        ("ws://[::1]:8900/", "ws://[::1]:8900/"),
        ("https://api.mainnet-beta.solana.com", "https://api.mainnet-beta.solana.com"),
        ("http://host:port", MASK),
        ("http://[broken", MASK),
        ("no url at all", MASK),
        ("", MASK),
    ],
)
def test_what_may_be_a_key_is_masked(url: str, shown: str) -> None:
    """Query values, user part, key-like path parts and host labels; the rest stays readable."""
    assert masked(url) == shown


@given(key=KEYS, word=KEYS)
def test_no_key_survives_wherever_the_provider_wants_it(key: str, word: str) -> None:
    """As query value, nameless query, path part, user and password."""
    url = f"wss://{key}:{word}@host.example/{key}/{word}?api-key={key}&{word}"
    assert key not in masked(url)
    assert word not in masked(url)
    said = scrubbed(f"bad key {key} for {word}", url)
    assert said == f"bad key {MASK} for {MASK}"


def test_a_host_label_that_is_a_key_is_scrubbed() -> None:
    """Some providers put the token into the host name."""
    assert scrubbed("no such host 0123456789abcdef0123.x.y", "wss://0123456789abcdef0123.x.y") == "no such host ***.x.y"


def test_an_encoded_key_is_scrubbed_in_both_forms() -> None:
    """The server may quote the key decoded."""
    assert scrubbed("key a/b+c=d1 or a%2Fb%2Bc%3Dd1", "ws://h/?k=a%2Fb%2Bc%3Dd1") == "key *** or ***"


def test_scrubbed_text_is_one_short_printable_line() -> None:
    """A server's words go to a terminal."""
    assert scrubbed("a\n\x1b[31mb\t c", "ws://h") == "a [31mb c"
    assert len(scrubbed("x" * 5000, "ws://h")) == 300
    assert scrubbed("see http://[broken here", "http://[broken") == "see *** here"
    assert scrubbed("words", "") == "words"


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("-", Tape(path="-", speed=0.0)),
        ("tape:a.gz", Tape(path="a.gz", name="a.gz")),
        ("tape:x/a.gz?speed=2x", Tape(path="x/a.gz", speed=2.0, name="a.gz")),
        ("tape:a?speed=max&stamps=recorded&name=n", Tape(path="a", speed=0.0, name="n", stamps="recorded")),
        ("tape:a?speed=0.5", Tape(path="a", speed=0.5, name="a")),
        ("tape:what?.gz", Tape(path="what?.gz", name="what?.gz")),
        ("ws://h:1/x?api-key=k", Endpoint(url="ws://h:1/x?api-key=k", name="h:1")),
        ("wss://h#block", Endpoint(url="wss://h", kind="block", name="h")),
        ("wss://h#kind=transaction", Endpoint(url="wss://h", kind="transaction", name="h")),
        (
            "wss://u:p@h/#logs&commitment=confirmed&name=n",
            Endpoint(url="wss://u:p@h/", name="n", commitment="confirmed"),
        ),
    ],
)
def test_a_uri_names_a_source(uri: str, source: Endpoint | Tape) -> None:
    """The query of a ws URL belongs to the server; our words stand in the fragment."""
    assert parse_source(uri) == source


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "is not a known kind of source; use tape:PATH, ws://…, wss://… or -"),
        ("http://h/?key=secret1", "'http://h/?key=***'"),
        ("tape:", "names no file; write tape:PATH"),
        ("tape:?speed=1", "names no file"),
        ("tape:a?speed=0", "speed=0 is not a speed; use"),
        ("tape:a?speed=-1", "speed=-1 is not a speed"),
        ("tape:a?speed=1e9", "speed=1e9 is not a speed"),
        ("tape:a?stamps=old", "stamps=old is unknown; use stamps=now or stamps=recorded"),
        ("tape:a?sped=1", "option 'sped' is unknown; use name, speed, stamps"),
        ("ws://", "is not a URL with a host and a port"),
        ("ws://h:99999", "is not a URL with a host and a port"),
        ("ws://h/a b", "is not a URL with a host and a port"),
        ("ws://hö/", "is not a URL with a host and a port"),
        (
            "ws://h#accounts",
            "#accounts is not a kind of subscription; use #logs, #block, #transaction, #program or #pumpportal",
        ),
        ("ws://h#logs&commitment=max", "commitment 'max' is unknown; use processed, confirmed or finalized"),
        ("ws://h#logs&x=1", "option 'x' is unknown; use commitment, name"),
    ],
)
def test_a_bad_uri_is_refused_in_one_line_that_says_what_to_write(uri: str, words: str) -> None:
    """And never quotes a key."""
    with pytest.raises(ConfigError) as caught:
        parse_source(uri)
    assert words in str(caught.value)
    assert "secret1" not in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_source_or_a_config_error(uri: str) -> None:
    """Nothing else leaves the parser, and masking never fails."""
    for text in (uri, "tape:" + uri, "ws://" + uri, "wss://h#" + uri):
        masked(text)
        scrubbed(text, text)
        try:
            parse_source(text)
        except ConfigError:
            continue
