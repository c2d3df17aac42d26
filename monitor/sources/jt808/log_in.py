"""Registration 0x0100, authentication 0x0102 and unregistration 0x0003."""

from __future__ import annotations

import logging
from dataclasses import replace

from monitor.codec.jt808 import Version
from monitor.codec.jt808.messages.registration import Authenticate, Register, RegisterReply, RegisterResult
from monitor.codec.jt808.replies import BAD_MESSAGE, FAILED, OK
from monitor.model.terminal import Terminal
from monitor.sources.jt808.auth import AuthCodes
from monitor.sources.jt808.heard import Heard
from monitor.sources.jt808.record_keeping import RecordKeeping
from monitor.sources.jt808.round import When
from monitor.sources.jt808.session import SessionEvent, SessionState, Verdict, step
from monitor.sources.jt808.settings import Policy
from monitor.sources.jt808.switchboard import Session, Switchboard
from monitor.sources.jt808.terminal_book import Registration, TerminalBook

log = logging.getLogger(__name__)

REGISTER, AUTHENTICATE, UNREGISTER = 0x0100, 0x0102, 0x0003
IDS = frozenset((REGISTER, AUTHENTICATE, UNREGISTER))

_WRONG_CODES = 10
"""Guess: a terminal whose code is void registers after the first refusal; a peer that goes on is no terminal."""


class LogIn:
    """Decides by the session's table, the policy and what the registry says."""

    def __init__(self, switchboard: Switchboard, keeping: RecordKeeping, book: TerminalBook, codes: AuthCodes) -> None:
        self._switchboard = switchboard
        self._keeping = keeping
        self._book = book
        self._codes = codes
        self._strict = switchboard.settings.policy is Policy.REJECT
        self._told_no_room = False

    def hear(self, heard: Heard) -> None:
        """One frame of ``IDS``."""
        if heard.msg_id == UNREGISTER:
            self._unregister(heard)
            return
        message = heard.decoded(heard.opened()[1])
        if isinstance(message, Register):
            self._register(heard, message)
        elif isinstance(message, Authenticate):
            self._authenticate(heard, message)
        else:
            heard.answer(BAD_MESSAGE, When.JOURNALLED)

    def admits(self, phone: str) -> bool:
        """Whether the policy takes a terminal that states no plate, and there is room for it."""
        return self._keeping.room(phone) and (not self._strict or self._known(phone))

    def attach(self, heard: Heard, version: Version, terminal: Terminal) -> Session | None:
        """The session of a terminal on the connection that it spoke on; None where that has too many."""
        if heard.session is None:
            connection = heard.connection
            heard.session = self._switchboard.attach(connection, heard.field, version, terminal)
            if heard.session is None:
                self._switchboard.counts.refused["phones_per_connection"] += 1
                return None
            self._switchboard.counts.unregistered += not self._known(heard.phone)
            if len(connection.sessions) == 2:
                log.info("%s: %s speaks for several terminals", self._switchboard.settings.name, connection.peer)
            heard.round_.lines[heard.number] = heard.session.line
        heard.session.terminal = terminal
        heard.session.version = version
        return heard.session

    def terminal(self, heard: Heard) -> Terminal:
        """What is known of it up to now, on whatever connection, if anything."""
        holder = self._switchboard.sessions.get(heard.field)
        if holder is not None:
            self._keeping.heard(self._switchboard, holder)
        return self._keeping.find(heard.phone) or Terminal(heard.phone, first_seen_ms=heard.round_.now_ms)

    def _register(self, heard: Heard, message: Register) -> None:
        counts, now_ms = self._switchboard.counts, heard.round_.now_ms
        registration = self._book.registration(heard.phone, message.plate, message.plate_color)
        result = self._judged(registration, message)
        room = self._keeping.room(heard.phone)
        counts.registrations[result.name.lower() if room else "no_room"] += 1
        if not room:
            self._tell_no_room()
            result = RegisterResult.NO_SUCH_TERMINAL
        if result is not RegisterResult.SUCCESS:
            self._step(heard, SessionEvent.REFUSED)
            self._say(heard, RegisterReply(reply_serial=heard.serial, result=result))
            heard.round_.closing.append((heard.connection, "not_registered"))
            return
        version = Version.V2019 if heard.newer else message.edition
        terminal = replace(
            self.terminal(heard),
            version=int(version),
            registered_ms=now_ms,
            last_seen_ms=now_ms,
            province=message.province,
            county=message.county,
            maker=message.maker,
            model=message.model,
            terminal_id=message.terminal_id,
            plate=message.plate,
            plate_color=message.plate_color,
        )
        session = self.attach(heard, version, terminal)
        if session is None:
            heard.answer(FAILED, When.NOW)
            return
        self._step(heard, SessionEvent.REGISTERED)
        self._keeping.keep(terminal)
        code = self._codes.code(terminal.phone, terminal.generation)
        reply = RegisterReply(reply_serial=heard.serial, result=RegisterResult.SUCCESS, auth_code=code)
        self._keeping.when_kept(lambda: self._say(heard, reply))

    def _authenticate(self, heard: Heard, message: Authenticate) -> None:
        counts, now_ms = self._switchboard.counts, heard.round_.now_ms
        terminal = self.terminal(heard)
        if not self._codes.right(terminal.phone, terminal.generation, message.auth_code):
            counts.authentications["wrong_code"] += 1
            self._step(heard, SessionEvent.CODE_WRONG)
            heard.answer(FAILED, When.NOW)
            heard.connection.wrong += 1
            if heard.connection.wrong >= _WRONG_CODES:
                heard.round_.closing.append((heard.connection, "wrong_codes"))
            return
        if not self.admits(terminal.phone):
            counts.authentications["not_registered"] += 1
            self._step(heard, SessionEvent.REFUSED)
            heard.answer(FAILED, When.NOW)
            heard.round_.closing.append((heard.connection, "not_registered"))
            return
        version = heard.version
        if not heard.newer and terminal.version in (Version.V2011, Version.V2013):
            version = Version(terminal.version)
        terminal = replace(
            terminal,
            version=int(version),
            authenticated_ms=now_ms,
            last_seen_ms=now_ms,
            imei=message.imei or terminal.imei,
            software=message.software or terminal.software,
        )
        session = self.attach(heard, version, terminal)
        if session is None:
            counts.authentications["too_many_phones"] += 1
            heard.answer(FAILED, When.NOW)
            return
        counts.authentications["right"] += 1
        heard.connection.wrong = 0
        self._step(heard, SessionEvent.CODE_RIGHT)
        self._keeping.keep(terminal)
        heard.answer(OK, When.KEPT)
        heard.round_.authenticated.append(session.phone)

    def _unregister(self, heard: Heard) -> None:
        verdict = self._step(heard, SessionEvent.UNREGISTERED)
        if heard.session is None or verdict is not Verdict.TAKE:
            heard.answer(FAILED, When.NOW)
            return
        terminal = heard.session.terminal
        heard.session.terminal = replace(terminal, generation=terminal.generation + 1, last_seen_ms=heard.round_.now_ms)
        self._keeping.keep(heard.session.terminal)
        heard.answer(OK, When.KEPT)

    def _judged(self, registration: Registration, message: Register) -> RegisterResult:
        """By the policy; plate colour 0 means that there is no plate yet."""
        if not self._strict:
            return RegisterResult.SUCCESS
        if not registration.phone_known:
            return RegisterResult.NO_SUCH_TERMINAL
        if registration.matched or message.plate_color == 0 or not message.plate:
            return RegisterResult.SUCCESS
        if not registration.plate_known:
            return RegisterResult.NO_SUCH_VEHICLE
        return RegisterResult.VEHICLE_REGISTERED if registration.plate_taken else RegisterResult.TERMINAL_REGISTERED

    def _known(self, phone: str) -> bool:
        terminal = self._keeping.find(phone)
        plate, plate_color = ("", 0) if terminal is None else (terminal.plate, terminal.plate_color)
        return self._book.registration(phone, plate, plate_color).phone_known

    def _tell_no_room(self) -> None:
        if not self._told_no_room:
            self._told_no_room = True
            log.warning(
                "source %s: terminals that the registry does not know are refused from now on: there are too many",
                self._switchboard.settings.name,
            )

    def _step(self, heard: Heard, event: SessionEvent) -> Verdict:
        session = heard.session
        state = SessionState.CONNECTED if session is None else session.state
        state, verdict = step(state, event, code_required=self._switchboard.code_required)
        if session is not None:
            self._switchboard.enter(session, state)
        return verdict

    def _say(self, heard: Heard, message: RegisterReply) -> None:
        self._switchboard.say(heard.connection, heard.line, heard.wire_phone, heard.version, message)
