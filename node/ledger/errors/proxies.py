"""Why a call on proxies fails."""

from node.ledger.errors.base import CallError


class NoSelfProxy(CallError):
    sentence = "An account cannot be its own proxy."
    remedy = "Name another account."


class TooManyProxies(CallError):
    sentence = "An account has at most 20 proxies."
    remedy = "Remove one first with remove_proxy."


class DuplicateProxy(CallError):
    sentence = "That account is such a proxy already."
    remedy = "Nothing is left to do."


class ProxyNotFound(CallError):
    sentence = "That account is no such proxy."
    remedy = "Name it with the kind and the delay it was added with."


class NotProxy(CallError):
    sentence = "The sender is no proxy of that account."
    remedy = "Have that account name the sender with add_proxy."


class NoPermission(CallError):
    sentence = "The proxy's rights do not cover this call."
    remedy = "Use a proxy whose kind covers the call, or sign with the account itself."


class Unannounced(CallError):
    sentence = "A delayed proxy announces a call and waits before it makes it."
    remedy = "Announcements are made with announce_proxy."


class TooManyAnnouncements(CallError):
    sentence = "The proxy has 16 open announcements already."
    remedy = "Make an announced call, or take one back with remove_proxy_announcement."


class AnnouncementNotFound(CallError):
    sentence = "The proxy has not announced this call."
    remedy = "Check account and hash; what was made, rejected or removed is announced no more."
