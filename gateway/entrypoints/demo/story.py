"""Who and what the demo's sample feeds are about: the fixed points of the story, as plain constants.

Everybody in the feeds is invented. E-mail addresses stand under the reserved domain `.example` (RFC 2606) or, where
gmail's folding of dots and plus tags is shown, have a local part longer than the 30 characters gmail allows. Phone
numbers are from the ranges that the regulators of Germany, France, Sweden, the United Kingdom and North America
set aside for fiction, as far as libphonenumber calls them valid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

NOW: Final = "2026-11-02T09:00:00.000Z"
"""When the demo takes place: after the last record, so that the feeds are past on a machine with any date."""

START: Final = "2026-05-04T00:00:00.000Z"
"""When the feeds begin: a consent to reading a device lasts 183 days, and none of them is to be over by `NOW`."""

PURPOSE: Final = "identity_resolution"
"""The purpose every record of the feeds is sent for."""

SALE: Final = "sale"
"""The purpose some Californians opt out of who may still be recognized."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One channel of the demo: its name, its file among the feeds, and whether its client is public."""

    channel: str
    file_name: str
    public: bool

    def read(self) -> bytes:
        """The feed's bytes as shipped (UTF-8). Raises FileNotFoundError when the package lost its data."""
        return files(__package__).joinpath("feeds", self.file_name).read_bytes()


FEEDS: Final = (
    Feed("call_centre", "call_centre.csv", public=False),
    Feed("app", "app.ndjson", public=False),
    Feed("iot", "iot.ndjson", public=False),
    Feed("store", "store.csv", public=False),
    Feed("web", "web.ndjson", public=True),
)
"""The channels in the order the story reads them.

The store comes after those it has customers in common with: one visit to its till joins both halves of the heroine.
The web's key stands in browsers, so it may grant for its cookies alone; it comes last, when trusted channels have said
what the people behind the hashed e-mail addresses agreed to.
"""

NOTICES: Final = {
    "call_centre": "call-notice-2026",
    "app": "app-notice-2026",
    "iot": "iot-notice-2026",
    "store": "till-notice-2026",
    "web": "web-notice-2026",
}
"""Channel -> name of the privacy notice its grants name; each in force since `START`."""


@dataclass(frozen=True, slots=True)
class Heroine:
    """The person the demo follows, with the identifiers she gives as proof when she exercises her rights."""

    jurisdiction: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str = field(repr=False)
    customer_id: str = field(repr=False)


HEROINE: Final = Heroine(
    jurisdiction="SE",
    name="Mara Lindqvist",
    email="Mara.Lindqvist.From.The.Gateway.Demo@gmail.com",
    phone="+46701740642",
    customer_id="C-481516",
)
"""She is in all five feeds: cookie, app, loyalty card, call centre and sensor; one visit to the till joins them."""

SHOP_PHONE: Final = "+493023125042"
"""The Berlin shop's own number, typed in at the till for thirty customers."""
