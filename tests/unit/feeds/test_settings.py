"""Settings refuse what they do not know and what is out of bounds, by its path."""

from __future__ import annotations

import msgspec
import pytest

from sniperforge.feeds.settings import FeedSettings


def test_defaults_are_a_whole_configuration() -> None:
    """Nothing is needed beside a source."""
    settings = msgspec.convert({"endpoints": [{"url": "ws://h"}]}, FeedSettings)
    assert settings.endpoints[0].kind == "logs"
    assert settings.connection.frame_bytes_max == 64 << 20
    assert settings.rpc is None


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"endpoint": []}, "endpoint"),
        ({"endpoints": [{"url": "ws://h", "kind": "accounts"}]}, r"\$.endpoints\[0\].kind"),
        ({"connection": {"stall_s": 0}}, r"\$.connection.stall_s"),
        ({"connection": {"frame_bytes_max": 1 << 31}}, r"\$.connection.frame_bytes_max"),
        ({"gaps": {"concurrency": 0}}, r"\$.gaps.concurrency"),
        ({"gaps": {"calls_per_s": 10_001}}, r"\$.gaps.calls_per_s"),
        ({"tapes": [{"path": "a", "speed": -1}]}, r"\$.tapes\[0\].speed"),
        ({"seen_max": 1}, r"\$.seen_max"),
    ],
)
def test_a_setting_out_of_its_bounds_is_named(fields: dict[str, object], path: str) -> None:
    """So that one line says which key to change."""
    with pytest.raises(msgspec.ValidationError, match=path):
        msgspec.convert(fields, FeedSettings)


def test_settings_in_a_message_show_no_url() -> None:
    """A key may stand in any of them."""
    fields = {"endpoints": [{"url": "ws://h/?key=secret1", "name": "n"}], "rpc": "http://h/secret2", "seen_max": 9}
    shown = repr(msgspec.convert(fields, FeedSettings))
    assert "secret" not in shown
    assert "Endpoint(name='n', kind='logs', commitment='', url='***')" in shown
    assert "seen_max=9" in shown
    assert "rpc='***'" in shown
    assert "rpc=None" in repr(FeedSettings())
