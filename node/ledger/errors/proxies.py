"""Why a call on proxies fails."""

from node.ledger.errors.base import CallError


class NoSelfProxy(CallError):
    sentence = "An account cannot be its own proxy."


class TooManyProxies(CallError):
    sentence = "An account has at most 20 proxies."


class DuplicateProxy(CallError):
    sentence = "That account is such a proxy already."


class ProxyNotFound(CallError):
    sentence = "That account is no such proxy."


class NotProxy(CallError):
    sentence = "The sender is no proxy of that account."


class NoPermission(CallError):
    sentence = "The proxy's rights do not cover this call."


class Unannounced(CallError):
    sentence = "A delayed proxy announces a call and waits before it makes it."


class TooManyAnnouncements(CallError):
    sentence = "The proxy has 16 open announcements already."


class AnnouncementNotFound(CallError):
    sentence = "The proxy has not announced this call."
