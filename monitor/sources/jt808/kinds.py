"""Message ids of what terminals send, as words for the metrics."""

from __future__ import annotations

KINDS = {
    -1: "no_frame",
    0x0001: "terminal_reply",
    0x0002: "heartbeat",
    0x0003: "unregister",
    0x0004: "time_query",
    0x0005: "retransmit_request",
    0x0100: "register",
    0x0102: "authenticate",
    0x0104: "parameters_reply",
    0x0107: "attributes_reply",
    0x0108: "upgrade_result",
    0x0200: "location",
    0x0201: "position_reply",
    0x0500: "vehicle_control_reply",
    0x0608: "areas_reply",
    0x0700: "recorder_data",
    0x0701: "waybill",
    0x0702: "driver_card",
    0x0704: "location_batch",
    0x0705: "can_data",
    0x0800: "media_event",
    0x0801: "media_data",
    0x0900: "transparent",
    0x0901: "compressed",
    0x0A00: "terminal_key",
}
OTHER = "other"
"""Every other id: peers choose ids, so they do not become labels."""
