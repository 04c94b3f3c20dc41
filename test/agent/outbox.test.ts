import test from 'ava'
import fc from 'fast-check'
import { Outbox, type OutboxKey } from '../../agent/outbox.js'

const key = (shard: number, attempt = 1, job = 'j'): OutboxKey => ({ job, epoch: 1, shard, attempt })
const ids = (sends: readonly { id: string }[]): string[] => sends.map(({ id }) => id)

test('a report is sent at once, and kept until it is released', t => {
  const outbox = new Outbox<string>()
  outbox.put(key(0), 0, true, 'payload', 7)
  const [send] = outbox.next(0)
  t.deepEqual(send?.payloads, ['payload'])
  outbox.sent('j/1/0/1/0', true, 0)
  t.true(outbox.isStored)
  t.deepEqual(outbox.held(), [key(0)])
  t.is(outbox.bytes, 7)
  outbox.release(() => false)
  t.deepEqual(outbox.held(), [])
  t.is(outbox.bytes, 0)
})

test('what was not stored is sent again under its own id, after a while', t => {
  const outbox = new Outbox<string>()
  outbox.put(key(0), 0, true, '', 1)
  outbox.next(0)
  t.deepEqual(outbox.next(0), [], 'it is on its way')
  outbox.sent('j/1/0/1/0', false, 0)
  t.false(outbox.isStored)
  t.deepEqual(ids(outbox.next(0.1)), [])
  t.deepEqual(ids(outbox.next(0.2)), ['j/1/0/1/0'])
})

test('when the connection is back what was not stored is sent at once', t => {
  const outbox = new Outbox<string>()
  outbox.put(key(0), 0, true, '', 1)
  outbox.next(0)
  outbox.sent('j/1/0/1/0', false, 0)
  outbox.hurry()
  t.deepEqual(ids(outbox.next(0)), ['j/1/0/1/0'])
})

test('what is stored and not settled after a while is stored again, under a new id each time', t => {
  const outbox = new Outbox<string>()
  outbox.put(key(0), 0, true, '', 1)
  let now = 0
  const sent: string[] = []
  for (let times = 0; times < 3; times++) {
    const [id] = ids(outbox.next(now)) as [string]
    sent.push(id)
    outbox.sent(id, true, now)
    outbox.tick(now + 4.9)
    t.deepEqual(outbox.next(now + 4.9), [])
    now += 5
    outbox.tick(now)
    t.false(outbox.isStored)
  }
  t.deepEqual(sent, ['j/1/0/1/0', 'j/1/0/1/0+1', 'j/1/0/1/0+2'])
})

test("an attempt's last report waits until the others are stored", t => {
  const outbox = new Outbox<string>()
  outbox.put(key(0), 0, false, 'first', 1)
  outbox.put(key(0), 1, true, 'last', 1)
  outbox.put(key(1), 0, true, 'another', 1)
  t.deepEqual(
    outbox.next(0).flatMap(({ payloads }) => payloads),
    ['first', 'another'],
  )
  outbox.sent('j/1/0/1/0', false, 0)
  t.deepEqual(ids(outbox.next(0.2)), ['j/1/0/1/0'])
  outbox.sent('j/1/0/1/0', true, 0.3)
  t.deepEqual(ids(outbox.next(0.3)), ['j/1/0/1/1'])
})

test('two ends of one attempt do not wait for each other', t => {
  const outbox = new Outbox<string>()
  outbox.put(key(0), 'one', true, 'one', 1)
  outbox.put(key(0), 'other', true, 'other', 1)
  t.deepEqual(
    outbox.next(0).flatMap(({ payloads }) => payloads),
    ['one', 'other'],
  )
})

test('small reports of one job that are ready at once are one send; large ones, and those of other jobs, are not', t => {
  const outbox = new Outbox<string>()
  outbox.put(key(0), 0, true, 'a', 10)
  outbox.put(key(1), 0, true, 'b', 4096)
  outbox.put(key(2), 0, true, 'large', 4097)
  outbox.put(key(3), 0, true, 'c', 1)
  outbox.put(key(4, 1, 'k'), 0, true, 'd', 1)
  for (let shard = 5; shard < 25; shard++) outbox.put(key(shard, 1, 'k'), 0, true, 'e', 4096)
  const sends = outbox.next(0).map(({ job, payloads }) => `${job} ${payloads.join('')}`)
  t.deepEqual(sends, ['j ab', 'j large', 'j c', `k d${'e'.repeat(15)}`, 'k eeeee'])
})

test('what was sent as one is sent again as one, also when some of it is not needed any more', t => {
  const outbox = new Outbox<string>()
  for (let shard = 0; shard < 3; shard++) outbox.put(key(shard), 0, true, `${shard}`, 1)
  const [first] = outbox.next(0)
  outbox.put(key(3), 0, true, '3', 1)
  const [second] = outbox.next(0)
  outbox.sent('j/1/0/1/0', false, 0)
  outbox.sent('j/1/3/1/0', false, 0)
  outbox.release(({ shard }) => shard !== 1)
  t.deepEqual(outbox.next(0.2), [first, second])
  outbox.release(({ shard }) => shard === 3)
  outbox.sent('j/1/0/1/0', false, 0.2)
  outbox.sent('j/1/3/1/0', false, 0.2)
  t.deepEqual(outbox.next(0.4), [second], 'of the first nothing is needed')
  outbox.sent('j/1/3/1/0', true, 0.4)
  t.true(outbox.isStored)
  t.is(outbox.bytes, 1)
})

test('of two reports with one number the first one counts', t => {
  const outbox = new Outbox<string>()
  outbox.put(key(0), 0, true, 'first', 5)
  outbox.put(key(0), 0, true, 'second', 6)
  t.deepEqual(
    outbox.next(0).flatMap(({ payloads }) => payloads),
    ['first'],
  )
  outbox.sent('j/1/0/1/0', true, 0)
  t.is(outbox.bytes, 5)
  t.true(outbox.isStored)
})

test('it holds what was put and not released, of that attempt only', t => {
  const outbox = new Outbox<string>()
  outbox.put(key(3, 2), 0, true, '', 1)
  t.true(outbox.holds(key(3, 2)))
  for (const other of [key(3, 1), key(2, 2), key(3, 2, 'k'), { ...key(3, 2), epoch: 2 }]) t.false(outbox.holds(other))
})

test('what is released while it is on its way makes room for others', t => {
  const outbox = new Outbox<string>()
  for (let round = 0; round < 10; round++) {
    for (let shard = 0; shard < 16; shard++) outbox.put(key(shard + 16 * round), 0, true, '', 5000)
    const sends = outbox.next(round)
    t.is(sends.length, 16)
    outbox.release(() => false)
    for (const { id } of sends) outbox.sent(id, true, round)
  }
  t.is(outbox.bytes, 0)
})

test('everything is stored in the end, each last report after its others, whatever fails', t => {
  const step = fc.record({
    kind: fc.integer({ min: 0, max: 9 }),
    shard: fc.nat({ max: 5 }),
    pick: fc.nat({ max: 99 }),
    seconds: fc.constantFrom(0, 0.1, 0.3, 6),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const outbox = new Outbox<{ shard: number; number: number; last: boolean }>()
      const numbers = new Map<number, number>()
      const put = new Map<number, number>()
      const ended = new Set<number>()
      const released = new Set<number>()
      const known = new Map<number, Set<number>>()
      const onTheirWay: ReturnType<typeof outbox.next> = []
      const seen = new Set<string>()
      let now = 0
      const send = (): void => {
        for (const next of outbox.next(now)) {
          for (const { shard, number, last } of next.payloads)
            if (last && (known.get(shard)?.size ?? 0) < number)
              throw new Error(`the last of shard ${shard} overtook another`)
          onTheirWay.push(next)
        }
        if (onTheirWay.length > 16) throw new Error(`${onTheirWay.length} sends are under way`)
      }
      const end = (at: number, isStored: boolean): void => {
        const [{ id, payloads }] = onTheirWay.splice(at, 1) as [(typeof onTheirWay)[number]]
        if (isStored && seen.has(id)) throw new Error(`${id} was stored, and sent again under the same id`)
        if (isStored) {
          seen.add(id)
          for (const { shard, number } of payloads) known.set(shard, (known.get(shard) ?? new Set()).add(number))
        }
        outbox.sent(id, isStored, now)
      }
      for (const { kind, shard, pick, seconds } of steps) {
        now += seconds
        if (kind < 4 && !ended.has(shard)) {
          const number = numbers.get(shard) ?? 0
          numbers.set(shard, number + 1)
          const last = pick % 3 === 0
          if (last) ended.add(shard)
          const bytes = pick % 2 === 0 ? 1 : 5000
          put.set(shard, (put.get(shard) ?? 0) + bytes)
          outbox.put(key(shard), number, last, { shard, number, last }, bytes)
        } else if (kind < 7 && onTheirWay.length > 0) end(pick % onTheirWay.length, kind !== 4)
        else if (kind === 7) outbox.tick(now)
        else if (kind === 8) outbox.hurry()
        else if (kind === 9 && ended.has(shard)) {
          released.add(shard)
          outbox.release(other => other.shard !== shard)
        }
        send()
      }
      for (let rounds = 0; rounds < 50; rounds++) {
        now += 0.3
        send()
        while (onTheirWay.length > 0) end(0, true)
      }
      if (!outbox.isStored) throw new Error('something is never stored')
      const kept = [...put].filter(([shard]) => !released.has(shard)).reduce((sum, [, bytes]) => sum + bytes, 0)
      if (outbox.bytes !== kept) throw new Error(`${outbox.bytes} bytes are counted for ${kept}`)
      for (const [shard, count] of numbers)
        if (!released.has(shard) && known.get(shard)?.size !== count)
          throw new Error(`of shard ${shard} not all is stored`)
      outbox.release(() => false)
      if (outbox.bytes !== 0 || outbox.held().length > 0) throw new Error('something is kept')
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
