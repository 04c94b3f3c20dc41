import test from 'ava'
import fc from 'fast-check'
import { Ledger, type LedgerEffect, type LedgerEvent, type LedgerOptions } from '../../coordinator/ledger.js'
import type { Idleness } from '../../coordinator/ledger-events.js'
import { SpanSet } from '../../coordinator/spans.js'
import { LedgerWatch } from './ledger-watch.js'

type Report = Extract<LedgerEvent, { type: 'report' }>
type BeatEvent = Extract<LedgerEvent, { type: 'beat' }>

const watched = (options: Partial<LedgerOptions> = {}): LedgerWatch => {
  const whole = { retries: 0, indivisible: false, ...options }
  return new LedgerWatch(new Ledger(whole), whole)
}
const report = (fields: Partial<Report> & { shard: number; start: number; end: number }): Report => ({
  type: 'report',
  attempt: 1,
  agent: 'a',
  failures: [],
  last: true,
  now: 0,
  ...fields,
})
const beat = (sequence: number, now: number, held: BeatEvent['held'], fields: Partial<BeatEvent> = {}): BeatEvent => ({
  type: 'beat',
  agent: 'a',
  sequence,
  slots: 2,
  held,
  heldInAll: held.length,
  draining: false,
  now,
  ...fields,
})
const offers = (effects: readonly LedgerEffect[]): string[] =>
  effects.flatMap(effect =>
    effect.type === 'offer'
      ? [`${effect.shard}.${effect.attempt} [${effect.start}, ${effect.end})${effect.careful ? ' careful' : ''}`]
      : [],
  )
const settled = (effects: readonly LedgerEffect[]): [number, number][] =>
  effects.flatMap(effect => (effect.type === 'settled' ? [[effect.start, effect.end] as [number, number]] : []))
const held = (shard: number, attempt = 1, started = true) => ({ shard, attempt, started })

test('what is added is offered as one shard, and its report settles it', t => {
  const ledger = watched()
  t.deepEqual(offers(ledger.step({ type: 'add', start: 0, end: 5, now: 0 })), ['0.1 [0, 5)'])
  t.deepEqual(ledger.step(report({ shard: 0, start: 0, end: 5 })), [
    { type: 'settled', start: 0, end: 5 },
    { type: 'closed', shard: 0 },
  ])
  t.is(ledger.ledger.addedItems, 5)
})

test('a duplicate is counted and changes nothing', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 5, now: 0 })
  ledger.step(report({ shard: 0, start: 0, end: 5 }))
  t.deepEqual(ledger.step(report({ shard: 0, start: 0, end: 5 })), [{ type: 'unused', items: 5, why: 'duplicate' }])
})

test('what a worker gives back is offered under a new number', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 10, now: 0 })
  ledger.step(report({ shard: 0, start: 0, end: 4, last: false }))
  t.deepEqual(offers(ledger.step(report({ shard: 0, start: 4, end: 6 }))), ['1.1 [6, 10)'])
  ledger.checkAll()
})

test('what is given back and is long waits, and is cut when there is room', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 100, now: 0 })
  t.deepEqual(offers(ledger.step(report({ shard: 0, start: 0, end: 10, pieceItems: 30 }))), [])
  t.deepEqual([ledger.ledger.hasWaiting, ledger.ledger.waitingItems, ledger.ledger.liveShards], [true, 90, 0])
  t.deepEqual(offers(ledger.step({ type: 'resume', items: 40, now: 0 })), ['1.1 [10, 50)'])
  // A late report of the old attempt settles what waits.
  ledger.step(report({ shard: 0, start: 50, end: 70, last: false }))
  t.deepEqual(offers(ledger.step({ type: 'resume', items: 40, now: 0 })), ['2.1 [70, 100)'])
  t.deepEqual(offers(ledger.step({ type: 'resume', items: 40, now: 0 })), [])
  t.false(ledger.ledger.hasWaiting)
  ledger.checkAll()
})

test('what is given back and is short is offered at once', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 10, now: 0 })
  t.deepEqual(offers(ledger.step(report({ shard: 0, start: 0, end: 4, pieceItems: 6 }))), ['1.1 [4, 10)'])
})

const idle = (slots: number, now: number, fields: Partial<Idleness> = {}): LedgerEvent => ({
  type: 'idle',
  slots,
  helpers: 0,
  workers: 1,
  itemSeconds: 0.1,
  leastSeconds: 0.05,
  spareSeconds: 0,
  spareCopies: 1,
  now,
  ...fields,
})
const recalls = (effects: readonly LedgerEffect[]): string[] =>
  effects.flatMap(effect => (effect.type === 'recall' ? [`${effect.shard}.${effect.attempt}`] : []))

test('for idle slots the longest rests are recalled, each attempt once', t => {
  const ledger = watched()
  for (const [start, end] of [
    [0, 3],
    [3, 30],
    [30, 40],
  ] as const)
    ledger.step({ type: 'add', start, end, now: 0 })
  t.deepEqual(recalls(ledger.step(idle(1, 0.04))), [], 'they may be on their way to the idle slots')
  t.deepEqual(recalls(ledger.step(idle(1, 0.06))), ['1.1'])
  t.deepEqual(recalls(ledger.step(idle(1, 0.06))), ['2.1'])
  t.deepEqual(ledger.ledger.recalled(), [
    { shard: 1, attempt: 1 },
    { shard: 2, attempt: 1 },
  ])
  ledger.step(report({ shard: 1, start: 3, end: 30 }))
  t.deepEqual(ledger.ledger.recalled(), [{ shard: 2, attempt: 1 }], 'what has ended has answered')
})

test('what is taken back before it was begun comes back in smaller pieces, so that it ends', t => {
  const ledger = watched()
  let open = ledger.step({ type: 'add', start: 0, end: 9, now: 0 })
  const sizes: number[] = []
  let now = 0
  for (let round = 0; round < 20 && open.length > 0; round++) {
    const [offer] = open.flatMap(effect => (effect.type === 'offer' ? [effect] : []))
    if (offer === undefined) break
    sizes.push(offer.end - offer.start)
    now += 1
    if (recalls(ledger.step(idle(1, now))).length === 0) break
    const { shard, start } = offer
    open = ledger.step(report({ shard, start, end: start, pieceItems: 9, now }))
    if (open.every(({ type }) => type !== 'offer')) open = ledger.step({ type: 'resume', items: 9, now })
  }
  t.deepEqual(sizes, [9, 5, 4, 3, 2, 2, 2, 2, 1])
})

test('nothing is recalled that is about to end, that cannot be cut, or of a fold', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 5, now: 0 })
  ledger.step({ type: 'add', start: 5, end: 6, now: 0 })
  ledger.step(beat(1, 0, [held(0), held(1)]))
  t.deepEqual(recalls(ledger.step(idle(2, 0.46))), [])
  t.deepEqual(recalls(ledger.step(idle(2, 0.6))), ['0.1'], 'it should have ended, and nobody knows when it will')
  const fold = watched({ indivisible: true })
  fold.step({ type: 'add', start: 0, end: 5, now: 0 })
  t.deepEqual(recalls(fold.step(idle(2, 0))), [])
})

test('what the caller takes is its own, whatever workers still say of it', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 10, now: 0 })
  t.deepEqual(ledger.step({ type: 'take', items: 5 }), [], 'nothing waits')
  ledger.step(idle(1, 0.1))
  ledger.step(report({ shard: 0, start: 0, end: 2, last: false, givenBack: { start: 4, end: 10 }, pieceItems: 0 }))
  t.is(ledger.ledger.openItems, 8)
  t.deepEqual(
    ledger.step({ type: 'take', items: 4 }),
    [{ type: 'taken', start: 4, end: 8 }],
    'what is its own comes back no more',
  )
  t.is(ledger.ledger.openItems, 4)
  t.deepEqual(settled(ledger.step(report({ shard: 0, start: 2, end: 8 }))), [[2, 4]])
  t.deepEqual(offers(ledger.step({ type: 'resume', items: 9, now: 0 })), ['1.1 [8, 10)'])
  ledger.checkAll()
})

test('an attempt that gives back its end goes on with the rest of it', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 10, now: 0 })
  ledger.step(idle(1, 0.1))
  const answer = { last: false, givenBack: { start: 4, end: 10 }, pieceItems: 3 }
  t.deepEqual(ledger.step(report({ shard: 0, start: 0, end: 2, ...answer })), [
    { type: 'settled', start: 0, end: 2 },
    { type: 'shortened', shard: 0, end: 4 },
  ])
  t.deepEqual(ledger.ledger.recalled(), [])
  t.deepEqual(offers(ledger.step({ type: 'resume', items: 3, now: 0 })), ['1.1 [4, 7)'])
  // It had begun one item more than it knew.
  t.deepEqual(settled(ledger.step(report({ shard: 0, start: 2, end: 5 }))), [[2, 5]])
  t.deepEqual(settled(ledger.step(report({ shard: 1, start: 4, end: 7 }))), [[5, 7]])
  ledger.checkAll()
})

/** Two agents, one of which has an item for very long while the other has nothing to do. */
const stuck = (now: number, fields: Partial<LedgerOptions> = {}): LedgerWatch => {
  const ledger = watched(fields)
  ledger.step({ type: 'add', start: 0, end: 1, now: 0 })
  for (let at = 0; at <= now; at += 0.5) {
    ledger.step(beat(1 + at, at, [held(0)], { sequence: at * 2 + 1 }))
    ledger.step(beat(1 + at, at, [], { agent: 'b', sequence: at * 2 + 1 }))
    ledger.step({ type: 'tick', now: at })
  }
  return ledger
}

test('what is silent for much longer than its like is run a second time, once, and the first outcome wins', t => {
  const ledger = stuck(2)
  t.deepEqual(ledger.step(idle(3, 2, { spareSeconds: 10 })), [
    { type: 'doubted', shard: 0, attempt: 1, agent: 'a', silentSeconds: 2, costSeconds: 0.1, start: 0, end: 1 },
    { type: 'offer', shard: 0, attempt: 2, start: 0, end: 1, careful: false },
  ])
  ledger.step(beat(9, 2.5, [held(0, 2)], { agent: 'b' }))
  ledger.step(beat(19, 9, [held(0, 2)], { agent: 'b' }))
  ledger.step(beat(19, 9, []))
  t.deepEqual(ledger.step(idle(3, 9, { spareSeconds: 10 })), [])
  t.deepEqual(settled(ledger.step(report({ shard: 0, attempt: 1, start: 0, end: 1 }))), [[0, 1]])
  t.deepEqual(ledger.step(report({ shard: 0, attempt: 2, agent: 'b', start: 0, end: 1 })), [
    { type: 'unused', items: 1, why: 'duplicate' },
  ])
})

test('nothing is run a second time too early, without leave, on the same host, or when it may be to blame for a loss', t => {
  t.deepEqual(stuck(2).step(idle(3, 2)), [])
  t.deepEqual(stuck(2).step(idle(3, 2, { spareSeconds: 0.09 })), [], 'a copy would take more')
  t.deepEqual(stuck(2).step(idle(3, 2, { spareSeconds: 10, spareCopies: 0 })), [], 'nobody knows why it is stuck')
  t.deepEqual(stuck(2).step(idle(3, 2, { spareSeconds: 10, itemSeconds: 0.7 })), [])
  const alone = watched()
  alone.step({ type: 'add', start: 0, end: 1, now: 0 })
  alone.step(beat(1, 0, [held(0)]))
  alone.step(beat(2, 2, [held(0)]))
  t.deepEqual(alone.step(idle(1, 2, { spareSeconds: 10 })), [])
  const blamed = stuck(2)
  for (let now = 2.5; now < 5; now += 0.5) blamed.step({ type: 'tick', now })
  blamed.step(beat(7, 5, [held(0, 2)]))
  blamed.step(beat(7, 5, [], { agent: 'b' }))
  blamed.step(beat(9, 8, [held(0, 2)]))
  blamed.step(beat(9, 8, [], { agent: 'b' }))
  t.deepEqual(blamed.step(idle(1, 8, { spareSeconds: 100 })), [])
})

test('suspects are cut out of their shard and run carefully, their neighbours are not', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 10, now: 0 })
  const effects = ledger.step(report({ shard: 0, start: 0, end: 0, suspects: { start: 4, end: 6 } }))
  t.deepEqual(offers(effects), ['1.1 [0, 4)', '2.1 [4, 6) careful', '3.1 [6, 10)'])
  ledger.checkAll()
})

test('a lease that no beat has named for its time ends, and the attempt after it is offered', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step(beat(1, 0.5, [held(0)]))
  for (const now of [1, 1.5, 2, 2.5]) t.deepEqual(ledger.step({ type: 'tick', now }), [], `${now}`)
  t.deepEqual(ledger.step({ type: 'tick', now: 3 }), [
    { type: 'lost', shard: 0, attempt: 1, why: 'lease ended', agent: 'a' },
    { type: 'offer', shard: 0, attempt: 2, start: 0, end: 3, careful: false },
  ])
})

test('a beat that names an older attempt holds no lease', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step(beat(1, 0, [held(0)]))
  for (let now = 0.5; now <= 3; now += 0.5) ledger.step({ type: 'tick', now })
  ledger.step(beat(2, 3, [held(0, 1)]))
  t.is(ledger.ledger.runningShards, 0)
  ledger.step(beat(3, 3, [held(0, 2)]))
  t.is(ledger.ledger.runningShards, 1)
})

test('an older beat than the newest says nothing', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step(beat(2, 0, [held(0)]))
  for (let now = 0.5; now <= 2; now += 0.5) {
    ledger.step(beat(1, now, []))
    ledger.step({ type: 'tick', now })
  }
  t.is(ledger.ledger.runningShards, 1, 'it did not vanish from it')
  t.deepEqual(offers(ledger.step({ type: 'tick', now: 2.5 })), ['0.2 [0, 3)'], 'nor did it hold the lease')
})

test('an older beat that comes late holds no lease', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step(beat(5, 0, [held(0)]))
  for (let nth = 1; nth <= 4; nth++) {
    ledger.step(beat(nth, nth / 2, [held(0)]))
    ledger.step({ type: 'tick', now: nth / 2 })
  }
  t.deepEqual(offers(ledger.step({ type: 'tick', now: 2.5 })), ['0.2 [0, 3)'])
})

test('the end of a dead attempt does not end the live one', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step({ type: 'reopen', now: 0 })
  t.deepEqual(ledger.step(report({ shard: 0, attempt: 1, start: 0, end: 0 })), [])
  t.deepEqual(ledger.step(report({ shard: 0, attempt: 1, start: 0, end: 2 })), [{ type: 'settled', start: 0, end: 2 }])
  t.deepEqual(offers(ledger.step(report({ shard: 0, attempt: 2, start: 0, end: 0 }))), ['1.1 [2, 3)'])
})

test('what vanishes from newer beats is offered again before its lease would end', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step(beat(1, 0, [held(0)]))
  const lost: number[] = []
  for (let nth = 1; nth <= 5; nth++) {
    ledger.step(beat(1 + nth, nth / 2, []))
    if (ledger.step({ type: 'tick', now: nth / 2 }).some(({ type }) => type === 'lost')) lost.push(nth / 2)
  }
  t.deepEqual(lost, [2.5])
})

test('an offer that idle agents pass over is repeated, and more patiently each time', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  const at: number[] = []
  for (let nth = 1; nth <= 60; nth++) {
    ledger.step(beat(nth, nth / 2, []))
    if (offers(ledger.step({ type: 'tick', now: nth / 2 })).length > 0) at.push(nth / 2)
  }
  t.deepEqual(at, [4, 10.5, 23])
})

test('a lost queue and lost leases make nobody more patient with the next offer', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  for (let times = 0; times < 5; times++) ledger.step({ type: 'reopen', now: 0 })
  ledger.step(beat(1, 0, [held(0, 6, false)], { agent: 'b' }))
  const at: number[] = []
  for (let nth = 1; nth <= 20; nth++) {
    ledger.step(beat(nth, nth / 2, []))
    if (offers(ledger.step({ type: 'tick', now: nth / 2 })).length > 0) at.push(nth / 2)
  }
  t.deepEqual(at, [2.5, 6], 'the lease ends, and 3 s later the offer is repeated')
})

test('an offer that idle agents pass over is repeated every 48 s at the least', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  const at: number[] = []
  for (let nth = 1; nth <= 600; nth++) {
    ledger.step(beat(nth, nth / 2, []))
    if (offers(ledger.step({ type: 'tick', now: nth / 2 })).length > 0) at.push(nth / 2)
  }
  t.deepEqual(at, [4, 10.5, 23, 47.5, 96, 144.5, 193, 241.5, 290])
})

test('an offer waits for as long as all agents are busy', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  for (let nth = 1; nth <= 60; nth++) {
    ledger.step(beat(nth, nth / 2, [], { heldInAll: 2 }))
    t.deepEqual(ledger.step({ type: 'tick', now: nth / 2 }), [])
  }
})

test('an offer is repeated when a later one was claimed, though nobody is idle', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step({ type: 'add', start: 3, end: 6, now: 0.1 })
  const again: string[] = []
  for (let nth = 1; nth <= 10; nth++) {
    ledger.step(beat(nth, nth / 2, [held(1)], { heldInAll: 2 }))
    again.push(...offers(ledger.step({ type: 'tick', now: nth / 2 })))
  }
  t.deepEqual(again, ['0.2 [0, 3)'])
})

test('of two offers that waited long and are claimed together, the one whose beat comes later is not repeated', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step({ type: 'add', start: 3, end: 6, now: 0.1 })
  const again: number[] = []
  for (let nth = 1; nth <= 14; nth++) {
    const holds = nth < 8 ? [] : [held(1)]
    ledger.step(beat(nth, nth / 2, holds, { heldInAll: 2 }))
    if (offers(ledger.step({ type: 'tick', now: nth / 2 })).length > 0) again.push(nth / 2)
  }
  t.deepEqual(again, [5.5], 'the later one is known as claimed since 4.0')
})

test("the ledger's own pause ends nobody's lease", t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step({ type: 'tick', now: 0 })
  ledger.step(beat(1, 0, [held(0)]))
  t.deepEqual(ledger.step({ type: 'tick', now: 20 }), [])
  t.deepEqual(ledger.step({ type: 'tick', now: 21 }), [])
  ledger.step({ type: 'tick', now: 22 })
  t.is(offers(ledger.step({ type: 'tick', now: 22.5 })).length, 1)
})

test('when the queue is lost, what nobody holds is offered again, and only that', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  ledger.step({ type: 'add', start: 3, end: 6, now: 0 })
  ledger.step(beat(1, 0, [held(1)]))
  t.deepEqual(offers(ledger.step({ type: 'reopen', now: 0 })), ['0.2 [0, 3)'])
})

test('a late report of a dead attempt settles what is still open', t => {
  const ledger = watched()
  ledger.step({ type: 'add', start: 0, end: 6, now: 0 })
  ledger.step(report({ shard: 0, start: 0, end: 2 }))
  t.deepEqual(settled(ledger.step(report({ shard: 0, start: 1, end: 4, last: false }))), [[2, 4]])
  t.deepEqual(settled(ledger.step(report({ shard: 1, start: 2, end: 6 }))), [[4, 6]])
  t.is(ledger.ledger.liveShards, 0)
})

test('a failed item is tried again for as often as it may, and its neighbours are not', t => {
  const ledger = watched({ retries: 2 })
  const failures = [{ index: 1, reason: 'error' as const }]
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  const first = ledger.step(report({ shard: 0, start: 0, end: 3, failures }))
  t.deepEqual(settled(first), [
    [0, 1],
    [2, 3],
  ])
  t.deepEqual(offers(first), ['1.1 [1, 2)'])
  t.deepEqual(settled(ledger.step(report({ shard: 1, start: 1, end: 2, failures }))), [])
  t.deepEqual(settled(ledger.step(report({ shard: 2, start: 1, end: 2, failures }))), [[1, 2]])
})

test('a report that comes twice is one try', t => {
  const ledger = watched({ retries: 1 })
  const failures = [{ index: 0, reason: 'error' as const }]
  ledger.step({ type: 'add', start: 0, end: 3, now: 0 })
  t.deepEqual(settled(ledger.step(report({ shard: 0, start: 0, end: 1, failures, last: false }))), [])
  t.deepEqual(settled(ledger.step(report({ shard: 0, start: 0, end: 1, failures, last: false }))), [])
  t.deepEqual(settled(ledger.step(report({ shard: 0, start: 0, end: 3 }))), [[0, 3]])
})

test('a fold is settled whole or not at all', t => {
  const ledger = watched({ indivisible: true })
  ledger.step({ type: 'add', start: 0, end: 10, now: 0 })
  ledger.step(report({ shard: 0, start: 0, end: 4 }))
  t.deepEqual(settled(ledger.step(report({ shard: 0, start: 0, end: 10 }))), [], 'a part of it is settled')
  t.deepEqual(settled(ledger.step(report({ shard: 1, start: 4, end: 10 }))), [[4, 10]])
})

test('a shard that agent after agent dies of is halved until one item is to blame', t => {
  const ledger = watched()
  let open = ledger.step({ type: 'add', start: 0, end: 4, now: 0 })
  const poisoned: number[] = []
  let now = 0
  // Items other than 2 are harmless; whoever holds 2 is lost.
  for (let round = 0; round < 40 && ledger.ledger.liveShards > 0; round++) {
    now += 0.5
    const todo = open.filter(effect => effect.type === 'offer')
    open = []
    for (const { shard, attempt, start, end } of todo) {
      if (start <= 2 && 2 < end) {
        ledger.step(beat(1, now, [held(shard, attempt)], { agent: `agent ${round}` }))
        for (let ticks = 0; ticks < 6; ticks++) {
          now += 0.5
          open.push(...ledger.step({ type: 'tick', now }))
        }
      } else open.push(...ledger.step(report({ shard, attempt, start, end, now })))
    }
    for (const effect of open) if (effect.type === 'poison') poisoned.push(effect.index)
    ledger.checkAll()
  }
  t.deepEqual(poisoned, [2])
  t.is(ledger.ledger.settledItems, 4)
})

// What follows plays any order of any events against the ledger, and looks at its promises after each.

interface Move {
  readonly kind: number
  readonly pick: number
  readonly from: number
  readonly length: number
  readonly failing: number
  readonly agent: number
  readonly seconds: number
  readonly last: boolean
  readonly suspects: boolean
}

const move = (): fc.Arbitrary<Move> =>
  fc.record({
    kind: fc.integer({ min: 0, max: 24 }),
    pick: fc.nat({ max: 1000 }),
    from: fc.nat({ max: 30 }),
    length: fc.integer({ min: 0, max: 12 }),
    failing: fc.integer({ min: 0, max: 2 ** 12 - 1 }),
    agent: fc.integer({ min: 0, max: 3 }),
    seconds: fc.constantFrom(0.1, 0.5, 0.9, 2.5, 7),
    last: fc.boolean(),
    suspects: fc.boolean(),
  })

/** Plays the moves, then gives honest workers the rest; throws where the watch does. */
const play = (options: LedgerOptions, moves: readonly Move[]): LedgerWatch => {
  const watch = new LedgerWatch(new Ledger(options), options)
  const attempts: { shard: number; attempt: number; start: number; end: number }[] = []
  const sequences = new Map<string, number>()
  let now = 0
  let added = 0
  const step = (event: LedgerEvent): void => {
    for (const effect of watch.step(event)) if (effect.type === 'offer') attempts.push(effect)
    watch.checkAll()
  }
  const add = (items: number): void => {
    const start = added
    added += items
    step({ type: 'add', start, end: added, now })
  }
  add(6)
  for (const { kind, pick, from, length, failing, agent, seconds, last, suspects } of moves) {
    const name = `agent ${agent}`
    const chosen = attempts[pick % attempts.length] as (typeof attempts)[number]
    if (kind < 2) add(1 + length)
    else if (kind < 3) {
      step({ type: 'settle', start: added, end: added + 1 })
      added++
    } else if (kind < 7) {
      now += seconds
      step({ type: 'tick', now })
    } else if (kind < 8) step({ type: 'reopen', now })
    else if (kind === 24) step({ type: 'forgive', agent: name })
    else if (kind === 20) step({ type: 'resume', items: 1 + length, now })
    else if (kind === 23) {
      // A caller has no part of a fold's shards.
      if (!options.indivisible) step({ type: 'take', items: 1 + length })
    } else if (kind > 20) {
      const idleness = {
        slots: 1 + (from % 3),
        helpers: from % 2,
        workers: 1 + (from % 3),
        itemSeconds: seconds,
        leastSeconds: 0.5,
        spareSeconds: last ? 100 : 0,
        spareCopies: from % 2,
      }
      step({ type: 'idle', ...idleness, now })
    } else if (kind < 12) {
      const sequence = (sequences.get(name) ?? 0) + (from % 5) - 1
      sequences.set(name, Math.max(sequence, sequences.get(name) ?? 0))
      const named = attempts.filter((_, nth) => (nth * 7 + pick) % 3 === 0).slice(-length - 1)
      const holds = named.map(({ shard, attempt }) => ({ shard, attempt, started: last }))
      const heldInAll = holds.length
      step({ type: 'beat', agent: name, sequence, slots: 4, held: holds, heldInAll, draining: suspects && last, now })
    } else {
      // Any span may be reported of any attempt: a shard's own, a part of it, or one that overlaps its neighbours. A fold
      // has one value for all of it, or the failure of one item.
      const isWild = kind === 19 && !options.indivisible
      const isFailedFold = options.indivisible && failing % 4 === 0 && from < chosen.end - chosen.start
      const isWhole = options.indivisible && !isFailedFold
      const start = isWild ? from % added : isWhole ? chosen.start : Math.min(chosen.start + (from % 5), chosen.end - 1)
      const end = isWhole
        ? chosen.end
        : isFailedFold
          ? start + 1
          : Math.min(start + length, isWild ? added : chosen.end)
      const failures = Array.from({ length: isWhole ? 0 : end - start }, (_, nth) => start + nth)
        .filter((_, nth) => isFailedFold || (failing >> nth) & 1)
        .map(index => ({ index, reason: 'error' as const }))
      const more = {
        ...(suspects && last && { suspects: { start, end: Math.min(end + 2, chosen.end) } }),
        ...(suspects && !last && { givenBack: { start: Math.min(end + (pick % 3), chosen.end), end: chosen.end } }),
        ...(pick % 2 === 0 && { pieceItems: 1 + (pick % 5) }),
        isDoubtful: pick % 7 === 0,
      }
      const { shard, attempt } = chosen
      step({ type: 'report', shard, attempt, agent: name, start, end, failures, last, now, ...more })
    }
  }
  for (let round = 0; watch.live.size > 0 || watch.ledger.hasWaiting; round++) {
    if (round > 10_000) throw new Error('the job does not end')
    if (watch.live.size === 0) step({ type: 'resume', items: 2, now })
    const [shard, { attempt, start, end }] = [...watch.live][0] as [
      number,
      { attempt: number; start: number; end: number },
    ]
    step({ type: 'report', shard, attempt, agent: 'honest', start, end, failures: [], last: true, now })
  }
  if (watch.ledger.settledItems !== added) throw new Error(`${watch.ledger.settledItems} of ${added} items are settled`)
  return watch
}

const games = { numRuns: 4000 }

test('every item is settled exactly once under any order of any reports, beats and losses', t => {
  fc.assert(
    fc.property(fc.array(move(), { maxLength: 60 }), fc.integer({ min: 0, max: 3 }), (moves, retries) => {
      play({ retries, indivisible: false }, moves)
    }),
    games,
  )
  t.pass()
})

test('every fold is settled exactly once and whole under any order of any reports, beats and losses', t => {
  fc.assert(
    fc.property(fc.array(move(), { maxLength: 60 }), fc.integer({ min: 0, max: 3 }), (moves, retries) => {
      play({ retries, indivisible: true }, moves)
    }),
    games,
  )
  t.pass()
})

test('what an earlier process has settled is not offered, and shards are numbered behind its own', t => {
  const ledger = watched({
    settled: [
      { start: 0, end: 4 },
      { start: 6, end: 7 },
    ],
    firstShard: 100,
  })
  t.is(ledger.ledger.settledItems, 5)
  const effects = ledger.step({ type: 'add', start: 3, end: 9, now: 0 })
  t.deepEqual(offers(effects), ['100.1 [4, 6)', '101.1 [7, 9)'])
  t.deepEqual(
    effects.filter(({ type }) => type === 'known'),
    [
      { type: 'known', start: 3, end: 4 },
      { type: 'known', start: 6, end: 7 },
    ],
  )
  t.is(ledger.ledger.openItems, 4)
  t.deepEqual(offers(ledger.step({ type: 'add', start: 9, end: 9, now: 0 })), [])
})

test('a report of an earlier process settles what is read already, and what is not', t => {
  const ledger = watched({ firstShard: 100 })
  ledger.step({ type: 'add', start: 0, end: 4, now: 0 })
  const early = ledger.step(report({ shard: 7, start: 2, end: 8 }))
  t.deepEqual(settled(early), [[2, 8]])
  t.is(ledger.ledger.openItems, 2)
  t.deepEqual(ledger.step({ type: 'add', start: 4, end: 8, now: 0 }), [{ type: 'known', start: 4, end: 8 }])
  t.deepEqual(offers(ledger.step({ type: 'add', start: 8, end: 9, now: 0 })), ['101.1 [8, 9)'])
  t.is(ledger.ledger.openItems, 3)
  t.deepEqual(settled(ledger.step(report({ shard: 100, start: 0, end: 4 }))), [[0, 2]])
  t.is(ledger.ledger.openItems, 1)
  ledger.checkAll()
})

test('property: whatever was settled before, and whatever comes of it late, each item is settled once', t => {
  const span = fc.record({ start: fc.nat(40), length: fc.integer({ min: 1, max: 12 }) })
  fc.assert(
    fc.property(fc.array(span), fc.array(span), fc.integer({ min: 1, max: 7 }), (before, late, size) => {
      const settledSpans = before.map(({ start, length }) => ({ start, end: start + length }))
      const known = new SpanSet(settledSpans).all()
      const ledger = watched({ settled: known, firstShard: 1000 })
      const strays = [...late]
      const live: LedgerEffect[] = []
      for (let start = 0; start < 60; start += size) {
        live.push(...ledger.step({ type: 'add', start, end: Math.min(60, start + size), now: 0 }))
        const stray = strays.pop()
        if (stray) ledger.step(report({ shard: stray.start, start: stray.start, end: stray.start + stray.length }))
      }
      ledger.checkAll()
      for (const effect of live)
        if (effect.type === 'offer') ledger.step(report({ shard: effect.shard, start: effect.start, end: effect.end }))
      ledger.checkAll()
      return ledger.ledger.settledItems === 60 && ledger.ledger.openItems === 0 && ledger.ledger.liveShards === 0
    }),
  )
  t.pass()
})

const failure = (index: number) => ({ index, reason: 'error' as const })

test('what failed where everything fails is no try, as long as there are further ones', t => {
  const ledger = watched({ retries: 1 })
  ledger.step({ type: 'add', start: 0, end: 1, now: 0 })
  const fail = (shard: number, more: Partial<Report>) =>
    ledger.step(report({ shard, start: 0, end: 1, failures: [failure(0)], ...more }))
  for (const shard of [0, 1, 2, 3]) t.deepEqual(settled(fail(shard, { agent: 'bad', isDoubtful: true })), [])
  t.deepEqual(settled(fail(4, { agent: 'good' })), [])
  t.deepEqual(settled(fail(5, { agent: 'good' })), [[0, 1]])
  const strict = watched({ retries: 0 })
  strict.step({ type: 'add', start: 0, end: 1, now: 0 })
  const effects = strict.step(report({ shard: 0, start: 0, end: 1, failures: [failure(0)], isDoubtful: true }))
  t.deepEqual(settled(effects), [[0, 1]])
})

test('tries of an agent that turns out to be bad are given back', t => {
  const ledger = watched({ retries: 1 })
  ledger.step({ type: 'add', start: 0, end: 1, now: 0 })
  const fail = (shard: number, agent: string) =>
    ledger.step(report({ shard, agent, start: 0, end: 1, failures: [failure(0)] }))
  fail(0, 'bad')
  ledger.step({ type: 'forgive', agent: 'bad' })
  t.deepEqual(settled(fail(1, 'good')), [])
  t.deepEqual(settled(fail(2, 'good')), [[0, 1]])
})

test('with a limit of live shards, what comes back waits', t => {
  const ledger = watched({ mostLive: 1 })
  ledger.step({ type: 'add', start: 0, end: 10, now: 0 })
  ledger.step(report({ shard: 0, start: 4, end: 5, last: false }))
  const effects = ledger.step(report({ shard: 0, start: 5, end: 6 }))
  t.deepEqual(offers(effects), ['1.1 [0, 4)'])
  t.true(ledger.ledger.hasWaiting)
  t.is(ledger.ledger.liveShards, 1)
})
