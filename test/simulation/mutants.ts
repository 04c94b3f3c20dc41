// Mistakes that somebody could make in the machines: the list. In: nothing. Out: mutants, which nursery.ts plants one at a time.
// Always true: the text that a mutant replaces stands in its file of the build exactly once, or the mutant is stale and says so.

export interface Mutant {
  readonly mistake: string
  /** Of the build. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** What must catch it: the simulation, or a test's file. */
  readonly by: 'simulation' | string
}

const LEDGER = 'coordinator/ledger.js'
const LEASES = 'coordinator/leases.js'
const GATHER = 'coordinator/gather.js'
const SPLIT = 'coordinator/split.js'
const WAITING = 'coordinator/waiting.js'
const TAIL = 'coordinator/tail.js'
const SPANS = 'coordinator/spans.js'
const INTAKE = 'agent/intake.js'
const OUTBOX = 'agent/outbox.js'

const mutant = (mistake: string, file: string, find: string, replace: string, by = 'simulation'): Mutant => ({
  mistake,
  file,
  find,
  replace,
  by,
})

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: text of the build
export const MUTANTS: readonly Mutant[] = [
  mutant('what is settled is not recorded', LEDGER, 'this.#settled.add(start, end);', ''),
  mutant(
    'a duplicate counts as fresh',
    LEDGER,
    'let fresh = this.#settled.missing(event.start, event.end);',
    'let fresh = [{ start: event.start, end: event.end }];',
  ),
  mutant('a report that comes twice is two tries', LEDGER, '`${shard}/${attempt}`', '`${tries.size}`'),
  mutant('one try too few', LEDGER, 'tries.size <= this.#options.retries', 'tries.size < this.#options.retries'),
  mutant(
    'one try too many',
    LEDGER,
    'tries.size <= this.#options.retries',
    'tries.size <= this.#options.retries + 1',
    'coordinator/ledger',
  ),
  mutant(
    'the neighbour behind the suspects is forgotten',
    LEDGER,
    'cut < span.end), span.end]',
    'cut < span.end), ...(cuts.length > 0 ? [] : [span.end])]',
  ),
  mutant(
    'suspects are not run carefully',
    LEDGER,
    'suspects === undefined ? was.careful : start',
    'suspects === undefined ? was.careful : end < start',
  ),
  mutant(
    'a lease never ends',
    LEASES,
    'missingSinceSeconds === undefined && now - seenAtSeconds > LEASE_SECONDS',
    'missingSinceSeconds === undefined && now < 0',
  ),
  mutant(
    'an unclaimed offer is never repeated',
    LEASES,
    'if (!isPassedOver || now - atSeconds <= patienceSeconds)',
    'if (now >= 0)',
  ),
  mutant(
    'an offer is passed over as soon as a later one is claimed',
    LEASES,
    'this.#knownClaimSeconds(now);',
    'this.#claimedOfferAtSeconds;',
    'coordinator/ledger',
  ),
  mutant(
    'patience grows with every attempt',
    LEASES,
    'unclaimed: before?.unclaimed ?? 0',
    'unclaimed: attempt - 1',
    'coordinator/ledger',
  ),
  mutant(
    'an older attempt holds the lease',
    LEASES,
    'lease === undefined || lease.attempt !== attempt',
    'lease === undefined',
    'coordinator/ledger',
  ),
  mutant(
    'the last report of a dead attempt ends the live one',
    LEDGER,
    'shard === undefined || !this.#leases.isNewest(event.shard, event.attempt)',
    'shard === undefined',
    'coordinator/ledger',
  ),
  mutant('an older beat is believed', LEASES, 'sequence <= record.sequence', 'sequence < 0', 'coordinator/ledger'),
  mutant(
    'a lost queue is not noticed',
    LEASES,
    'return Array.from(this.#offered, ',
    'return Array.from([], ',
    'coordinator/ledger',
  ),
  mutant(
    "the ledger's own pause is everybody's silence",
    LEASES,
    'this.#forgivePause(pausedSeconds);',
    '',
    'coordinator/ledger',
  ),
  mutant('what is settled of a shard is offered again', LEDGER, 'shard.open === size', 'shard.open > 0'),
  mutant('lost hosts are not counted', LEDGER, 'shard.losses++;', ''),
  mutant(
    'a host that is lost twice is the fault of its item',
    LEDGER,
    'LOSSES_BEFORE_POISON = 6',
    'LOSSES_BEFORE_POISON = 2',
  ),
  mutant('pieces of a shard that leave an item out', LEDGER, 'start = end;', 'start = end + 1;'),
  mutant(
    'a fold is settled in pieces',
    LEDGER,
    'if (this.#options.indivisible &&\n            !(fresh',
    'if (false &&\n            !(fresh',
    'coordinator/ledger',
  ),
  mutant(
    'numbers of shards are used again',
    LEDGER,
    'this.#live.delete(shard);',
    'this.#live.delete(shard); this.#nextShard--;',
  ),
  mutant(
    'a shard is closed one item early',
    LEDGER,
    'shard.open -= settled;\n        if (shard.open === 0)',
    'shard.open -= settled;\n        if (shard.open <= 1)',
  ),
  mutant('what is given back waits for ever', WAITING, 'this.#spans.push(span);', ''),
  mutant('what waits comes out twice', WAITING, 'this.#advance(piece.end);', ''),
  mutant(
    'what was settled while it waited is run again',
    WAITING,
    'this.#settled.missing(span.start, span.end)',
    '[span]',
    'coordinator/ledger',
  ),
  mutant('a shard that was shortened keeps its end', LEDGER, 'shard.end = start;', ''),
  mutant('what a shortened shard gives back is forgotten', LEDGER, 'this.#reopen(back, ', '[].push(back, '),
  mutant(
    'what was taken back before it began comes back whole',
    LEDGER,
    'isRecalled ? Math.ceil((end - start) / 2) : ',
    '',
    'coordinator/ledger',
  ),
  mutant('an attempt is recalled again and again', LEDGER, '!isAsked &&', '', 'coordinator/ledger'),
  mutant('a copy is made again and again', LEDGER, 'isStarted && !isCopied', 'isStarted', 'coordinator/ledger'),
  mutant(
    'what may have brought down a host is copied',
    LEDGER,
    '!careful && losses === 0',
    'true',
    'coordinator/ledger',
  ),
  mutant(
    'copies take what they like',
    TAIL,
    'slots === 0 || costSeconds > spare ||',
    'slots === 0 ||',
    'coordinator/ledger',
  ),
  mutant('a host copies its own work', TAIL, 'agent !== candidate.holder', 'agent !== undefined', 'coordinator/ledger'),
  mutant(
    'a lease that nobody holds any more is never missed',
    LEASES,
    'named < held.size',
    'named < 0',
    'coordinator/ledger',
  ),
  mutant(
    'a recall is never heard',
    INTAKE,
    'recalled.get(shard) === attempt',
    'recalled.get(shard) < 0',
    'agent/intake',
  ),
  mutant(
    'failures at a cut are counted on both sides',
    GATHER,
    'index < start).length',
    'index <= start).length',
    'coordinator/gather',
  ),
  mutant(
    'a slice has values for its failures too',
    GATHER,
    '(end - start) - failures.length',
    '(end - start)',
    'coordinator/gather',
  ),
  mutant('order is kept where none is asked for, and the reverse', GATHER, 'if (!this.#ordered)', 'if (this.#ordered)'),
  mutant(
    'what waits is never let out',
    GATHER,
    'this.#nextIndex = outcomes.end;',
    'this.#nextIndex = outcomes.end + 1;',
  ),
  mutant('what came out is counted as held', GATHER, 'this.#heldBytes -= outcomesBytes(next);', ''),
  mutant('a batch is let go one item early', SPLIT, 'batch.open > 0', 'batch.open > 1'),
  mutant(
    "a shard is given the items of its batch's start",
    SPLIT,
    'span.start - batch.start, span.end - batch.start',
    '0, span.end - span.start',
  ),
  mutant('a batch that is let go is counted as held', SPLIT, 'this.#heldBytes -= batch.bytes;', ''),
  mutant(
    'a span over two batches is taken from each whole',
    SPLIT,
    'Math.max(0, Math.min(end, batch.end) - Math.max(start, batch.start))',
    'end - start',
    'coordinator/split',
  ),
  mutant('what was joined is counted twice', SPANS, 'joined.end - joined.start - held', 'joined.end - joined.start'),
  mutant('a gap loses its first item', SPANS, 'at = span.end;', 'at = span.end + 1;'),
  mutant('tasks of old epochs are accepted', INTAKE, 'task.epoch < job.epoch', 'task.epoch < 0', 'agent/intake'),
  mutant(
    'an older broadcast is believed',
    INTAKE,
    'broadcast.sequence <= record.sequence',
    'broadcast.sequence < 0',
    'agent/intake',
  ),
  mutant(
    'a revoked attempt is still wanted',
    INTAKE,
    "attempt < newest ? 'revoked'",
    "attempt < 0 ? 'revoked'",
    'agent/intake',
  ),
  mutant(
    'a settled shard is still wanted',
    INTAKE,
    "shard < known.nextShard ? 'settled'",
    "shard < 0 ? 'settled'",
    'agent/intake',
  ),
  mutant('a job is never over', INTAKE, '!announced.has(job)', 'announced.has(job) && false'),
  mutant(
    'a report is let go when it is stored',
    OUTBOX,
    "entry.state = 'stored'",
    "this.#attempts.delete(entry.of.shard), (entry.state = 'stored')",
    'agent/outbox',
  ),
  mutant('what is stored again has its old id', OUTBOX, '`${id}+${sends}`', 'id', 'agent/outbox'),
  mutant('what was stored and lost is never stored again', OUTBOX, 'entry.sends++;', 'continue;'),
  mutant(
    'the last report overtakes the others',
    OUTBOX,
    'entry.last && !areOthersStored(entry)',
    'false',
    'agent/outbox',
  ),
  mutant(
    'two ends of an attempt wait for each other',
    OUTBOX,
    'entry => entry.last ||',
    'entry => entry === end ||',
    'agent/outbox',
  ),
  mutant('sends that have ended are counted as under way', OUTBOX, 'this.#sending--;', ''),
  mutant('a report replaces another one of its number', OUTBOX, 'entry.sequence === sequence', 'false', 'agent/outbox'),
  mutant(
    'what is sent again under an id has more in it',
    OUTBOX,
    'let open;',
    'let open = [...this.#letters.values()][0];',
    'agent/outbox',
  ),
]
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: text of the build
