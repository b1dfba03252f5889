# ruff: noqa: E741, N806, PYI024, UP031  the letters are those of the state: W workers, G collectors; tuples are quicker
"""Exhaustive interleaving explorer for traintrack's cell protocol with round keys.

One "cell" object per target ID is both the lease and the cache entry.  Every
change of it is a compare-and-swap on its etag.  Blobs are plain files: equal
bytes have equal etags, so a delete cannot be made conditional, and it may land
arbitrarily late.  Instead a blob's key is its digest and the ROUND, a counter
that the collector raises before it looks:

  writer     1 write "publishing" into the cell   2 read the round
             3 upload as digest.round, or reuse a key of this very round, or one
               that a cell read as DONE since step 1 names, or one from the index
               of live keys that the collector of this round published (optional)
             4 commit, on the etag of step 1; if it is gone, start again at 1
  collector  1 evict (what a cell named stays in its `was`), drop older `was`
             2 raise the round   3 look at every cell once: wait for or fence
               those publishing, then note what it names   4 renew its own lease
             5 delete what has an older round and was not noted

The adversary may, at any moment: stop a worker for ever (crash), stop it for as
long as it likes (just never schedule it), let a waiter believe that the holder
is silent (take-over is ALWAYS allowed, so no clock is trusted), time a request
out at the client while it still lands later (a "ghost", even after its sender
died; uploads too), quarantine a result, run a slow collector or two at once, and
let any delete land at any later time, and again after that.

There are two cells.  The workers want cell 0; cell 1 may be DONE from the
start: it stands for another target with the same content (early cut-off, reuse
of single blobs).  In `cross` configurations each worker has its own cell, and
takes from the other's.  One key stands for an artifact: its manifest and its
blobs follow the same rules.  `folder` configurations model the local folder
instead: no rounds, publishing under a shared flock, collecting under the
exclusive one.

The order of steps is that of the code: `execute/advance.py` (`_cut_off`, `_store`), `execute/lease.py`,
`storages/objects/{upload,collector}.py` and `storages/local/artifacts.py`. Where it is coarser it allows more than the
code does: an unclear request is not resent by itself, any free cell may be taken to publish (the code does not take one
that was evicted), take-over needs no silence. Left out: heartbeats while publishing, layouts (one key stands for all).

`MUTANTS` take one rule away each, and each must be found: otherwise the explorer proves nothing.
"""

import sys
import time
import zlib
from array import array
from collections import deque, namedtuple

# ---------------------------------------------------------------- state
# cells : two Cells.  kind: A absent H held F free D done; phase (of H): r running p publishing
#         key: what a D cell names, (content value, round); was: what it named before, sorted
# keys  : sorted tuple of the blob keys that are there
# gc    : (round, collector that holds the collector's lease)
# live  : (round, keys found alive in it): an index that a collector may publish
# net   : sorted tuple of requests on the wire
Cell = namedtuple("Cell", "etag kind phase owner key was")
S = namedtuple("S", "cells keys gc live net W G nxt gen seen budget execs")
W = namedtuple("W", "pc tag val key rnd hb att wait cnt g")
G = namedtuple("G", "pc todo noted wait base")
# budget: (crashes, timeouts, take-overs, evictions and quarantines, collector rounds) left
DEAD, STOP, OK = (W(pc, 0, -1, (), -1, 0, 0, 0, 0, 0) for pc in ("dead", "stop", "ok"))
IDLE = G("idle", (), (), 0, 0)
RACY = {"no_nonce", "blind_commit", "create_commit"}  # mutants whose requests may land on any etag
HINT = 99  # in W.rnd: the key comes from another cell; not -2, whose hash in Python is that of -1
EXECUTED = ("ran", "pub?", "pub", "round", "up", "com?", "won")


class Cfg:
    def __init__(
        self,
        name,
        workers=2,
        gc=0,
        crashes=1,
        timeouts=1,
        takeovers=1,
        evicts=0,
        gcs=0,
        hb=0,
        attempts=2,
        values=2,
        source=False,
        hint=False,
        cross=False,
        index=False,
        folder=False,
        perfect_fd=False,
        **mut,
    ):
        self.__dict__.update(locals())
        self.mut = {k for k, v in mut.items() if v}
        del self.__dict__["self"]


class Violation(Exception):
    pass


def mycell(c, i):
    return i if c.cross else 0


def gcno(who):
    return (-1 - who) // 2  # collectors sign as -1, -3


def rep(t, i, v):
    return (*t[:i], v, *t[i + 1 :])


def initial(c):
    w = W("start", 0, -1, (), -1, 0, 0, 0, 0, 0)
    other = Cell(2, "D", "", (), (0, 0), ()) if c.source else Cell(2, "A", "", (), (), ())
    return S(
        (Cell(1, "A", "", (), (), ()), other),
        ((0, 0),) if c.source else (),
        (0, -1),
        (0, ()),
        (),
        (w,) * c.workers,
        (IDLE,) * c.gc,
        3,
        0,
        (),
        (c.crashes, c.timeouts, c.takeovers, c.evicts, c.gcs),
        0,
    )


def spend(s, i):
    b = list(s.budget)
    b[i] -= 1
    return s._replace(budget=tuple(b))


def set_cell(c, s, k, kind, phase, owner, key, clear=()):
    """A real body carries a fresh nonce, so its etag is new.  Mutant: the body
    depends on its meaning alone, so equal meaning gives an equal etag (ABA)."""
    old = s.cells[k]
    if old.kind == kind == "D" and old.key != key:
        raise Violation("I1: a committed result was replaced by another")
    was = set(old.was) - set(clear)
    if old.kind == "D" != kind and "no_was" not in c.mut:
        was.add(old.key)
    e = s.nxt
    if "no_nonce" in c.mut:
        e = 1000 + zlib.crc32(repr((k, kind, phase, owner[:1], key)).encode()) % 100000
    gen = s.gen + (k == 0 and kind == "D" != old.kind)
    cell = Cell(e, kind, phase, owner, key, tuple(sorted(was)))
    return s._replace(cells=rep(s.cells, k, cell), nxt=s.nxt + 1, gen=gen)


def reply(s, who, ok, tag):
    """Hand the answer to a worker or collector that still waits for this very request."""
    i, rid = who
    if i >= 0:
        w = s.W[i]
        if w.wait != rid or w.pc == "dead":
            return s
        w = w._replace(wait=0, tag=tag if ok else w.tag)
        w = w._replace(
            pc={
                "acq?": "hold" if ok else "start",
                "pub?": "pub" if ok else "reread",
                "hint?": "hint" if ok else "start",
                "rel?": "start",
                "hb?": "hold" if ok else "reread",
                "com?": "won" if ok else "reread",
            }[w.pc]
        )
        if w.pc == "won":
            w = w._replace(g=s.gen)  # the generation this commit opened
        return s._replace(W=rep(s.W, i, w))
    g = s.G[gcno(i)]
    if g.wait != rid:
        return s
    return s._replace(G=rep(s.G, gcno(i), g._replace(wait=0)))


def send(s, i, pc, cas):
    """Put a compare-and-swap on the wire: (cell, etag wanted, kind, phase, owner, key, was to drop)."""
    rid = s.nxt
    s = s._replace(nxt=rid + 1, net=tuple(sorted((*s.net, ("cas", (i, rid), *cas)))))
    if i >= 0:
        return s._replace(W=rep(s.W, i, s.W[i]._replace(pc=pc, wait=rid)))
    return s._replace(G=rep(s.G, gcno(i), s.G[gcno(i)]._replace(pc=pc, wait=rid)))


def drop(s, key):
    return s._replace(keys=tuple(k for k in s.keys if k != key))


def add(s, key):
    return s._replace(keys=tuple(sorted(set(s.keys) | {key})))


def succeed(c, s, i, x, gen=None):
    seen = set(s.seen) | {(s.gen if gen is None else gen, x)}
    for a in seen:
        for b in seen:
            if a[0] == b[0] and a[1] != b[1]:
                raise Violation("I3: two callers were given different results of one commit")
    return s._replace(seen=tuple(sorted(seen)), W=rep(s.W, i, OK._replace(val=x)))


def check(c, s):
    for cell in s.cells:
        if cell.kind == "D" and cell.key not in s.keys:
            raise Violation("I2: a committed result names a blob that is not there")
    if c.perfect_fd and sum(w.pc in EXECUTED for w in s.W) > 1:
        raise Violation("I6: two executions at once though no live holder was superseded")


# ---------------------------------------------------------------- server side
def serve(c, s, n):
    """Apply one request from the wire."""
    req = s.net[n]
    s = s._replace(net=s.net[:n] + s.net[n + 1 :])
    if req[0] == "put":
        return add(s, req[2])
    _, who, k, want, kind, phase, owner, key, clear = req
    match = s.cells[k].etag == want
    if kind == "D" and "blind_commit" in c.mut:
        match = True
    if kind == "D" and "create_commit" in c.mut:
        match = s.cells[k].kind != "D"
    if not match:
        return reply(s, who, False, 0)
    s = set_cell(c, s, k, kind, phase, owner, key, clear)
    return reply(s, who, True, s.cells[k].etag)


# ---------------------------------------------------------------- workers
def worker(c, s, i):
    w, k = s.W[i], mycell(c, i)
    cell, other = s.cells[k], s.cells[1 - k]
    me = (i, w.cnt)

    def put(nw, st=s):
        return st._replace(W=rep(st.W, i, nw))

    pc = w.pc
    if pc in ("ok", "dead", "stop"):
        return
    if s.budget[0] > 0:  # crash at any point
        yield "crash", put(DEAD, spend(s, 0))
    # the client gives up on a request that stays on the wire
    if w.wait and s.budget[1] > 0:
        nxt = {"acq?": "start", "hint?": "start", "rel?": "start", "pub?": "reread", "hb?": "reread", "com?": "reread"}[
            pc
        ]
        t = spend(s, 1)
        if pc == "com?" and "assume_failed" in c.mut:  # mutant: time-out == failure -> tidy up
            t = drop(t, w.key)
            nxt = "start"
        yield "timeout", put(w._replace(pc=nxt, wait=0), t)
    if w.wait:
        return
    if pc == "start":
        if cell.kind == "D":
            yield "reuse", succeed(c, s, i, cell.key[0])
        elif cell.kind == "H" and cell.owner == me:
            # own ghost landed: adopt it
            yield "adopt", put(w._replace(pc="ran" if w.val >= 0 else "hold", tag=cell.etag))
        elif w.att >= c.attempts:
            yield "stop", put(STOP)
        elif cell.kind in "AF" or (cell.kind == "H" and w.val >= 0 and cell.phase == "r"):
            # a free cell; or one whose holder still runs while I have finished: take it back to publish
            o = s.nxt if "new_owner" in c.mut else w.cnt  # the name stays, so that a ghost of one's own is known again
            nw = w._replace(cnt=o, att=w.att + 1)
            ran = w.val >= 0
            if c.folder and ran:
                yield "acquire", synced(c, s, i, nw._replace(pc="ran"), "p")
            elif c.folder:
                yield "acquire", synced(c, s, i, nw._replace(pc="hold"), "r")
            elif ran and "keep_round" in c.mut and w.key:  # mutant: the key of the former hold is still good
                yield "acquire!", send(put(nw), i, "acq?", (k, cell.etag, "H", "p", (i, o), (), ()))
            else:
                yield (
                    "acquire",
                    send(
                        put(nw), i, "pub?" if ran else "acq?", (k, cell.etag, "H", "p" if ran else "r", (i, o), (), ())
                    ),
                )
        elif cell.kind == "H" and s.budget[2] > 0:
            if c.perfect_fd and s.W[cell.owner[0]].pc != "dead":
                return
            nw, t = w._replace(att=w.att + 1), spend(s, 2)
            if c.folder:
                yield "takeover", synced(c, t, i, nw._replace(pc="ran" if w.val >= 0 else "hold"), "r")
            else:
                yield (
                    "takeover",
                    send(
                        put(nw, t),
                        i,
                        "pub?" if w.val >= 0 else "acq?",
                        (k, cell.etag, "H", "p" if w.val >= 0 else "r", me, (), ()),
                    ),
                )
    elif pc == "hint":  # publishing was written first; now look at the other cell
        if "hint_first" in c.mut:
            yield "hint!", put(w._replace(pc="up", val=w.key[0], rnd=HINT))
        elif other.kind == "D":
            yield "hint", put(w._replace(pc="up", val=other.key[0], key=other.key, rnd=HINT))
        else:
            yield "no-hint", send(put(w._replace(att=w.att - 1)), i, "rel?", (k, w.tag, "F", "", (), (), ()))
    elif pc == "hold":
        if w.val >= 0:
            yield "keep!", put(w._replace(pc="up"))
            return  # mutant keep_round
        if c.hint and not c.folder:  # early cut-off: announce first, then read the other cell
            ask = (k, w.tag, "H", "p", me, (), ())
            if "hint_first" not in c.mut:
                yield "announce-hint", send(put(w), i, "hint?", ask)
            elif other.kind == "D":
                yield "announce-hint!", send(put(w._replace(key=other.key)), i, "hint?", ask)
        if w.hb < c.hb:
            yield "heartbeat", send(put(w._replace(hb=w.hb + 1)), i, "hb?", (k, w.tag, "H", "r", me, (), ()))
        for x in range(c.values):  # a task may be non-deterministic
            t = s._replace(execs=s.execs + 1) if c.perfect_fd else s
            rnd = s.gc[0] if "round_at_lease" in c.mut else -1
            yield "run", put(w._replace(pc="ran", val=x, rnd=rnd), t)
    elif pc == "ran":
        if c.folder:
            yield from folder_worker(c, s, i)
        elif "no_mark" in c.mut:  # mutant: publishes without saying so in the cell
            yield "skip-mark", put(w._replace(pc="pub"))
        else:
            yield "publish", send(s, i, "pub?", (k, w.tag, "H", "p", me, (), ()))
    elif pc == "pub":
        rnd = w.rnd if "round_at_lease" in c.mut else 0 if "one_round" in c.mut else s.gc[0]
        yield "round", put(w._replace(pc="round", rnd=rnd))
    elif pc == "round":
        key = (w.val, w.rnd)
        if "commit_before_upload" in c.mut:
            yield "early", send(put(w._replace(key=key)), i, "com?", (k, w.tag, "D", "", me, key, ()))
        if key in s.keys:
            yield "dedup", put(w._replace(pc="up", key=key))
        else:
            yield "upload", put(w._replace(pc="up", key=key), add(s, key))
            if s.budget[1] > 0:  # no answer: the upload may land at any later time; look and try again
                yield "upload-ghost", spend(s, 1)._replace(net=tuple(sorted(set(s.net) | {("put", (-9, 0), key)})))
        if c.index and (s.live[0] == w.rnd or "stale_index" in c.mut):
            for old in s.live[1]:  # the collector of this round has found these alive
                if old[0] == w.val and old != key and old in s.keys:
                    yield "reuse-index", put(w._replace(pc="up", key=old))
        if c.source and other.kind == "D" and other.key != key and other.key[0] == w.val:
            yield "reuse-named", put(w._replace(pc="up", key=other.key))
        if "reuse_any" in c.mut:  # mutant: any key that exists will do
            for old in s.keys:
                if old[0] == w.val and old != key:
                    yield "reuse!", put(w._replace(pc="up", key=old))
    elif pc == "up":
        if c.folder:
            yield from folder_worker(c, s, i)
        else:
            yield "commit", send(s, i, "com?", (k, w.tag, "D", "", me, w.key, ()))
    elif pc == "in":
        yield from folder_worker(c, s, i)
    elif pc == "won":
        yield "done", succeed(c, s, i, w.val, w.g)
    elif pc == "reread":  # 412 or unknown outcome: look, never guess
        keep = w if w.rnd != HINT else w._replace(val=-1, key=(), rnd=-1)  # a hint has no bytes to upload
        if cell.kind == "D":
            if "tidy_on_loss" in c.mut and w.key:  # mutant: 412 == lost -> delete what I uploaded
                yield "tidy", put(w._replace(pc="start"), drop(s, w.key))
            else:
                yield "reuse", succeed(c, s, i, cell.key[0])
        elif cell.kind == "H" and cell.owner == me:
            if cell.etag == w.tag and w.key and not c.folder:
                # still the hold under which the round was read: the same commit again
                yield "recommit", send(s, i, "com?", (k, w.tag, "D", "", me, w.key, ()))
            elif keep.val >= 0:
                yield "republish", put(keep._replace(pc="ran", tag=cell.etag, key=()))
            else:
                yield "back", put(keep._replace(pc="hold", tag=cell.etag, key=()))
        elif cell.kind == "H" and "overcommit" in c.mut and w.key:
            yield "overcommit!", send(s, i, "com?", (k, cell.etag, "D", "", me, w.key, ()))
        else:  # fenced or superseded: the work is kept, the round is not
            key = w.key if "keep_round" in c.mut and keep.val >= 0 else ()
            yield "again", put(keep._replace(pc="start", key=key))


# ---------------------------------------------------------------- the local folder
def synced(c, s, i, w, phase):
    """A compare-and-swap under the cell's own flock: no wire, no ghosts."""
    s = set_cell(c, s, 0, "H", phase, (i, w.cnt), ())
    return s._replace(W=rep(s.W, i, w._replace(tag=s.cells[0].etag)))


def folder_worker(c, s, i):
    """ran -> [shared flock: rename or reuse -> up -> commit].  Names carry no round."""
    w, cell, _other = s.W[i], s.cells[0], s.cells[1]

    def put(nw, st=s):
        return st._replace(W=rep(st.W, i, nw))

    locked = any(g.pc == "locked" for g in s.G) and "worker_no_lock" not in c.mut
    key = (w.val, 0)
    if w.pc == "ran":
        if "check_outside" in c.mut and key in s.keys:
            yield "check!", put(w._replace(pc="in", key=key))
        if not locked:
            yield "lock", put(w._replace(pc="in"))
    elif w.pc == "in":
        if w.key:  # mutant check_outside: seen before the lock was taken
            if not locked:
                yield "lock", put(w._replace(pc="up"))
        elif key in s.keys:
            yield "dedup", put(w._replace(pc="up", key=key))
        else:
            yield "rename", put(w._replace(pc="up", key=key), add(s, key))
    elif cell.etag == w.tag:  # up
        t = set_cell(c, s, 0, "D", "", (i, w.cnt), w.key)
        yield "commit", t._replace(W=rep(t.W, i, w._replace(pc="won", g=t.gen)))
    else:
        yield "lost", put(w._replace(pc="reread", key=()))


def folder_collector(c, s, j):
    g = s.G[j]

    def put(ng, st=s):
        return st._replace(G=rep(st.G, j, ng))

    shared = any(w.pc == "up" or (w.pc == "in" and not w.key) for w in s.W)
    if g.pc == "idle" and s.budget[4] > 0 and not (shared and "gc_no_lock" not in c.mut):
        yield "gc-lock", put(g._replace(pc="locked", base=0), spend(s, 4))
    elif g.pc == "locked" and g.base == 0:
        for k, cell in enumerate(s.cells):
            if cell.kind == "D" and s.budget[3] > 0:
                yield "gc-evict", set_cell(c, spend(s, 3), k, "F", "", (), ())
        named = [cell.key for cell in s.cells if cell.kind == "D"]
        todo = tuple(k for k in s.keys if k not in named)
        late = "delete_unlocked" in c.mut  # mutant: unlock first, then remove by name
        yield "gc-mark", put(g._replace(pc="sweep" if late else "locked", todo=todo, base=1))
    elif g.pc in ("locked", "sweep"):
        if g.todo:
            yield "gc-remove", put(g._replace(todo=g.todo[1:]), drop(s, g.todo[0]))
        else:
            yield "gc-unlock", put(IDLE)


# ---------------------------------------------------------------- collector
def collector(c, s, j):
    if c.folder:
        yield from folder_collector(c, s, j)
        return
    g, who = s.G[j], -1 - 2 * j

    def put(ng, st=s):
        return st._replace(G=rep(st.G, j, ng))

    mine = s.gc[1] == j
    if g.wait:
        if s.budget[1] > 0:  # gives up waiting; the request may land later
            yield "gc-timeout", put(g._replace(wait=0), spend(s, 1))
        return
    if g.pc == "idle":
        if s.budget[4] > 0:
            yield "gc-take", put(g._replace(pc="read"), spend(s, 4))._replace(gc=(s.gc[0], j))
    elif g.pc == "read":  # choose what to evict, and which older `was` to drop
        clear = (
            ()
            if "clear_late" in c.mut
            else tuple(
                (k, x.etag, x.kind, x.phase, x.owner, x.key, x.was)
                for k, x in enumerate(s.cells)
                if x.was and x.kind != "H"
            )
        )
        yield "gc-read", put(g._replace(pc="renew1", todo=clear))
        for k, x in enumerate(s.cells):
            if x.kind == "D" and s.budget[3] > 0:
                more = (*tuple(t for t in clear if t[0] != k), (k, x.etag, "F", "", (), (), ()))
                yield "gc-read-evict", put(g._replace(pc="renew1", todo=tuple(sorted(more))), spend(s, 3))
    elif g.pc == "renew1":
        if mine or "no_renew1" in c.mut:
            yield "gc-renew", put(g._replace(pc="write"))
        else:
            yield "gc-lost", put(IDLE)
    elif g.pc == "write":
        if g.todo:
            yield "gc-write", send(put(g._replace(todo=g.todo[1:])), who, "write", g.todo[0])
        else:
            yield "gc-written", put(g._replace(pc="bump"))
    elif g.pc == "bump":
        if not mine:
            yield "gc-lost", put(IDLE)
        elif "bump_late" in c.mut:
            yield "gc-nobump", put(g._replace(pc="pass", todo=(0, 1), base=s.gc[0] + 1))
        else:
            yield "gc-bump", put(g._replace(pc="pass", todo=(0, 1), base=s.gc[0] + 1))._replace(gc=(s.gc[0] + 1, j))
    elif g.pc == "pass":  # one look at every cell, in any order
        for k in g.todo:
            x = s.cells[k]
            if x.kind == "H" and x.phase == "p" and "no_fence" not in c.mut:
                yield "gc-fence", send(s, who, "pass", (k, x.etag, "F", "", (), (), ()))
            elif "clear_late" in c.mut and x.was:
                yield "gc-clear!", send(s, who, "pass", (k, x.etag, x.kind, x.phase, x.owner, x.key, x.was))
            else:
                noted = set(g.noted) | set(x.was) | ({x.key} if x.kind == "D" else set())
                yield (
                    "gc-note%d" % k,
                    put(g._replace(todo=tuple(t for t in g.todo if t != k), noted=tuple(sorted(noted)))),
                )
        if not g.todo:
            yield "gc-noted", put(g._replace(pc="renew2"))
    elif g.pc == "renew2":
        if not mine and "no_renew2" not in c.mut:
            yield "gc-lost", put(IDLE)
            return
        t = s._replace(gc=(g.base, j)) if "bump_late" in c.mut else s
        if c.index:
            t = t._replace(live=(g.base, g.noted))
        below = 99 if "sweep_all" in c.mut else g.base
        yield "gc-sweep", put(IDLE, t._replace(net=tuple(sorted(set(t.net) | {("sweep", (-9, 0), below, g.noted)}))))


def quarantine(c, s):
    """A reader takes a result back at any time (here even without cause)."""
    for k, x in enumerate(s.cells):
        if x.kind == "D" and s.budget[3] > 0 and c.gc and not c.folder:
            yield "quarantine%d" % k, set_cell(c, spend(s, 3), k, "F", "", (), ())


def canon(s, c=None):
    """Rename the integers in first-use order, so that states that differ in counters alone are one,
    and forget requests that nobody waits for and whose condition can never hold again."""

    def wait(who):
        return s.W[who[0]].wait if who[0] >= 0 else s.G[gcno(who[0])].wait if who[0] > -9 else -1

    if not c.mut & RACY:
        net = tuple(r for r in s.net if r[0] != "cas" or wait(r[1]) == r[1][1] or s.cells[r[2]].etag == r[3])
    else:
        net = s.net
    # a sender that gave up is of no further interest, its request is
    net = {r if r[0] != "cas" or wait(r[1]) == r[1][1] else (r[0], (r[1][0], -1), *r[2:]) for r in net}
    m = {0: 0, -1: -1}

    def f(x):
        if x >= 1000:
            return x  # mutant with structured etags
        if x not in m:
            m[x] = len(m)
        return m[x]

    def ow(o):
        return (o[0], f(o[1])) if o else o

    cells = tuple(x._replace(etag=f(x.etag), owner=ow(x.owner)) for x in s.cells)

    # an etag that is gone never comes back: a dead tag is as good as none
    def tag(i, w):
        return f(w.tag) if c.mut & RACY or w.tag == s.cells[mycell(c, i)].etag else -1

    Ws = tuple(w._replace(tag=tag(i, w), wait=f(w.wait), cnt=f(w.cnt)) for i, w in enumerate(s.W))
    Gs = tuple(
        g._replace(
            wait=f(g.wait),
            todo=tuple((t[0], f(t[1]), *t[2:4], ow(t[4]), *t[5:]) for t in g.todo)
            if g.pc in ("renew1", "write")
            else g.todo,
        )
        for g in s.G
    )
    # order the wire by what does not depend on the numbering, then number it
    net = sorted(net, key=lambda r: (r[0], r[2:3], r[1][0], r[4:6], r[-2:], r[3:4], r[1][1]))
    net = tuple(
        sorted(
            r if r[0] != "cas" else ("cas", (r[1][0], f(r[1][1])), r[2], f(r[3]), *r[4:6], ow(r[6]), *r[7:])
            for r in net
        )
    )
    return S(cells, s.keys, s.gc, s.live, net, Ws, Gs, len(m) + 1, s.gen, s.seen, s.budget, s.execs)


def successors(c, s):
    for n, r in enumerate(s.net):
        if r[0] != "sweep":
            yield "serve:" + r[0], (lambda n=n: serve(c, s, n))
        else:  # a sweep never ends: its deletes may land, land again and be sent anew for ever
            for key in s.keys:
                if key[1] < r[2] and key not in r[3]:
                    yield "delete", (lambda key=key: drop(s, key))
    for i in range(c.workers):
        for l, t in worker(c, s, i):
            yield "w%d:%s" % (i, l), (lambda t=t: t)
    for j in range(c.gc):
        for l, t in collector(c, s, j):
            yield ("g%d:%s" % (j, l) if c.gc > 1 else l), (lambda t=t: t)
    for l, t in quarantine(c, s):
        yield l, (lambda t=t: t)


def explore(c, limit=6_000_000, live=True):
    """Breadth-first search of every interleaving.  States are kept as 64-bit fingerprints."""
    t0 = time.time()
    s0 = canon(initial(c), c)
    seen = {hash(s0): 0}
    parent = array("q", [-1])
    label = [None]
    ended = bytearray()
    mx = 0
    ea, eb = array("l"), array("l")
    q = deque([(0, s0)])

    def trail(n, last):
        out = [last]
        while parent[n] >= 0:
            out.append(label[n])
            n = parent[n]
        return out[::-1]

    def res(bad, n=0, last="", **kw):
        return dict(bad=bad, trail=trail(n, last) if bad else [], states=len(parent), secs=time.time() - t0, **kw)

    while q:
        n, s = q.popleft()
        mx = max(mx, s.execs)
        # ended: every worker has finished; or only the bound on take-overs keeps a waiter from going on
        ended.append(
            all(w.pc in ("ok", "dead", "stop") for w in s.W)
            or (s.budget[2] == 0 and s.cells[0].kind == "H" and any(w.pc == "start" for w in s.W))
        )
        try:
            for lab, mk in successors(c, s):
                try:
                    t = canon(mk(), c)
                    check(c, t)
                except Violation as e:
                    return res(str(e), n, lab)
                h = hash(t)
                k = seen.get(h)
                if k is None:
                    k = seen[h] = len(parent)
                    parent.append(n)
                    label.append(sys.intern(lab))
                    q.append((k, t))
                    if k > limit:
                        return res("LIMIT")
                if live:
                    ea.append(k)
                    eb.append(n)
        except Violation as e:
            return res(str(e), n, "(report)")
    if live:  # AG EF: from every reachable state the live workers can still finish
        n = len(parent)
        good = bytearray(ended)
        start = array("l", [0] * (n + 1))
        for k in ea:
            start[k + 1] += 1
        for k in range(n):
            start[k + 1] += start[k]
        pos = array("l", start)
        back = array("l", [0] * len(ea))
        for k, m in zip(ea, eb, strict=True):
            back[pos[k]] = m
            pos[k] += 1
        dq = deque(k for k in range(n) if good[k])
        while dq:
            k = dq.popleft()
            for x in range(start[k], start[k + 1]):
                p = back[x]
                if not good[p]:
                    good[p] = 1
                    dq.append(p)
        stuck = n - sum(good)
        if stuck:
            k = good.index(0)
            return res("I5: %d states from which the live workers can never finish" % stuck, k, "(stuck)")
    return res(None, execs=mx)
