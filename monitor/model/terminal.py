"""What is remembered of a JT/T 808 terminal between its connections."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terminal:
    """One terminal by its phone (hex digits without leading zeros, lower case). Times are epoch ms, 0 = never.

    ``generation`` goes into the authentication code: an unregistration (0x0003) counts it up, and the code is void.
    ``driver_id`` is the qualification number on the card that is in the terminal, empty without one.
    """

    phone: str
    version: int = 0  # 2011, 2013, 2019; 0 = not heard of yet
    generation: int = 0
    registered_ms: int = 0
    authenticated_ms: int = 0
    first_seen_ms: int = 0
    last_seen_ms: int = 0
    province: int = 0
    county: int = 0
    maker: str = ""
    model: str = ""
    terminal_id: str = ""
    plate: str = ""
    plate_color: int = 0  # code as sent
    imei: str = ""
    software: str = ""
    driver_id: str = ""
    driver_name: str = ""
    driver_licence: str = ""  # identity card number (2019)
    card_ms: int = 0  # when the card went in or out
    reports: int = 0
    last_fix_ms: int = 0
    lon_deg: float = 0.0
    lat_deg: float = 0.0
