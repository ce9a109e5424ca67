"""What an app remembers: values under keys, kept across restarts."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast
from weakref import WeakValueDictionary

from whenever import TimeDelta

from duly.apps.cache_file import CacheFile, Entry
from duly.apps.cache_store import CacheStore
from duly.apps.cache_values import decode, encode
from duly.core import clock as clocks
from duly.core.arguments import is_number, is_text
from duly.core.clock import NEVER, SECOND
from duly.lifecycle import Resource
from duly.lifecycle.root import part
from duly.lifecycle.sync_facade import SyncFacade, blocking

if TYPE_CHECKING:
    from duly.lifecycle import Root

T = TypeVar("T")

Ttl: TypeAlias = float | TimeDelta | None
"""How long a value is kept: seconds, or a time; ``None``: for ever."""

_ABSENT: Any = object()


class AppCache(Resource):
    """The values of one app: its parent, or whoever has that unique name in another life of the process.

    A value is a JSON value, ``bytes``, or a time or delta of ``whenever``, or is made of these. What is stored is a
    copy. Values that have not been used for longest are forgotten when there are more bytes than
    ``default_cache_size``. Owns the turns of those who make a value; guarded by the event loop.
    """

    def __init__(self, duly: Root, *, parent: Resource | None = None) -> None:
        super().__init__(duly, parent=parent)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @cached_property
    def sync(self) -> AppCacheSyncFacade:
        """The same for code in worker threads, made for who asks for it."""
        return self.add_child(AppCacheSyncFacade)

    async def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - what was stored
        """The value, or ``default`` if there is none or it has expired.

        Raises:
            ValueError: the key is no text, or empty; so with all the others.
        """
        _check_key(key)
        found = await self._do(partial(CacheFile.get, owner=self.owner_id, key=key, now=_now()), otherwise=None)
        if found is None:
            return default
        try:
            return decode(found)
        except ValueError as error:
            self.logger.warning("%s: the value of %r cannot be read and is forgotten: %s", self.owner_id, key, error)
            await self.delete(key)
            return default

    async def set(self, key: str, value: Any, ttl: Ttl = None) -> None:  # noqa: ANN401 - see the class
        """Store a value, for ``ttl`` seconds or that long.

        Raises:
            TypeError: no value for a cache, which is left as it was.
            ValueError: the value is larger than a whole cache may be, or ``ttl`` is not above zero.
        """
        _check_key(key)
        now, limit = _now(), self.duly.config.default_cache_size
        life = _nanoseconds(ttl)
        entry = Entry(self.owner_id, key, encode(value), None if life is None else min(now + life, NEVER - 1))
        if entry.size > limit:
            raise ValueError(
                f"the value of {key!r} has {entry.size} bytes, more than the {limit} of a whole cache: store less, or"
                " raise default_cache_size"
            )
        await self._do(partial(CacheFile.put, entry=entry, limit=limit, now=now), otherwise=None)

    async def get_or_set(self, key: str, factory: Callable[[], object], ttl: Ttl = None) -> Any:  # noqa: ANN401 - as get
        """The value; if there is none, that which ``factory`` makes, stored as ``set`` does.

        A stored ``None`` is a value. Only one factory works for a key at a time; others who ask wait for what it
        makes. A sync one is called in a worker thread.
        """
        _nanoseconds(ttl)  # so that nothing is made in vain
        async with self.turn(key):
            found = await self.get(key, _ABSENT)
            if found is _ABSENT:
                found = await self.task_bucket.make_async_adapter(factory)()
                await self.set(key, found, ttl)
            return found

    async def delete(self, key: str) -> bool:
        """Forget a value; whether there was one."""
        _check_key(key)
        return await self._do(partial(CacheFile.delete, owner=self.owner_id, key=key, now=_now()), otherwise=False)

    async def has(self, key: str) -> bool:
        """Whether there is a value; unlike ``get`` this does not count as a use."""
        _check_key(key)
        return await self._do(partial(CacheFile.has, owner=self.owner_id, key=key, now=_now()), otherwise=False)

    async def keys(self) -> list[str]:
        """The keys of all values, in order."""
        return await self._do(partial(CacheFile.keys, owner=self.owner_id, now=_now()), otherwise=[])

    async def clear(self) -> None:
        """Forget all values."""
        await self._do(partial(CacheFile.clear, owner=self.owner_id), otherwise=None)

    def turn(self, key: str) -> asyncio.Lock:
        """What is held while a value is made."""
        _check_key(key)
        return self._turns.setdefault(key, asyncio.Lock())

    async def _do(self, work: Callable[[CacheFile], T], otherwise: T) -> T:
        return await part(self.duly, CacheStore).do(work, otherwise)


class AppCacheSyncFacade(SyncFacade):
    """The blocking twin of a cache."""

    get = blocking(AppCache.get)
    set = blocking(AppCache.set)
    delete = blocking(AppCache.delete)
    has = blocking(AppCache.has)
    keys = blocking(AppCache.keys)
    clear = blocking(AppCache.clear)

    def get_or_set(self, key: str, factory: Callable[[], object], ttl: Ttl = None) -> Any:  # noqa: ANN401 - as get
        """As that of the cache, but a sync ``factory`` is called in the calling thread, without a limit of time."""
        _nanoseconds(ttl)
        bucket = self.part.task_bucket
        turn = bucket.call_on_loop(cast("AppCache", self.part).turn, key)
        held: list[asyncio.Lock] = []
        try:
            self._wait_for(_take(turn, held))
            found = self.get(key, _ABSENT)
            if found is _ABSENT:
                found = factory()
                if inspect.isawaitable(found):
                    found = self._wait_for(_result_of(found))
                self.set(key, found, ttl)
            return found
        finally:
            bucket.post_to_loop(_release, held)


async def _take(turn: asyncio.Lock, held: list[asyncio.Lock]) -> None:
    """Wait for one's turn; it is in ``held`` from then on, also if nobody waits any more."""
    await turn.acquire()
    held.append(turn)


def _release(held: list[asyncio.Lock]) -> None:
    for turn in held:
        turn.release()


async def _result_of(made: Awaitable[T]) -> T:
    return await made


def _check_key(key: object) -> None:
    if not is_text(key):
        raise ValueError(f"a key of a cache must be text, and not empty, got {key!r}")
    str(key).encode()  # a ValueError for half a surrogate pair, which no file takes


def _nanoseconds(ttl: Ttl) -> int | None:
    """How long a value is kept; ``None``: for ever."""
    if ttl is None:
        return None
    seconds = ttl.total("seconds") if isinstance(ttl, TimeDelta) else ttl
    if not is_number(seconds, above=0):
        raise ValueError(f"ttl must be seconds or a whenever.TimeDelta above zero, or None for no end, got {ttl!r}")
    return max(round(seconds * SECOND), 1)


def _now() -> int:
    return clocks.current().now()
