"""A Solana cluster of one node, for tests and demos: real programs on a real virtual machine.

`LocalNet(LocalNetSettings(port=0))` is a JSON-RPC and WebSocket server over
LiteSVM with slots, commitment, fees and subscriptions; `run_market` trades on it.
"""

from sniperforge.chain.localnet.cluster import LocalNet
from sniperforge.chain.localnet.refusal import PortBusy
from sniperforge.chain.localnet.settings import LocalNetSettings

__all__ = ["LocalNet", "LocalNetSettings", "PortBusy"]
