import test from 'ava'
import { type Demand, demandOf, type Room } from '../../agent/demand.js'

const demand = (job: string, weight = 1, priority = 0, more: Partial<Demand> = {}): Demand => ({
  job,
  share: { weight, priority },
  isAsked: false,
  isDry: false,
  ...more,
})
const room = (slots: number, here: Readonly<Record<string, readonly [number, number]>>): Room => {
  const running = Object.values(here).reduce((sum, [, busy]) => sum + busy, 0)
  return {
    slots,
    idleSlots: Math.max(0, slots - running),
    spareDepth: 1,
    of: job => ({ waiting: here[job]?.[0] ?? 0, running: here[job]?.[1] ?? 0 }),
  }
}
const asked = (demands: readonly Demand[], there: Room): unknown => Object.fromEntries(demandOf(demands, there))

test('a job that is alone with work has all slots at hand, and a newcomer its part of them', t => {
  t.deepEqual(asked([demand('a'), demand('b')], room(4, { a: [4, 4] })), { a: 4, b: 4 })
  t.deepEqual(asked([demand('a', 3), demand('b')], room(4, { a: [0, 3], b: [0, 1] })), { a: 6, b: 2 })
  t.deepEqual(asked([demand('a', 1000), demand('b')], room(2, { a: [2, 2] })), { a: 2, b: 2 })
})

test('those of a lower priority are asked when the others have said nothing for a while, for the slots that are idle', t => {
  const low = demand('low', 9, 0)
  t.deepEqual(asked([low, demand('high', 1, 1)], room(4, {})), { high: 12 })
  const dry = demand('high', 1, 1, { isAsked: true, isDry: true })
  t.is(demandOf([low, dry], room(4, { high: [0, 1] })).get('low'), 3)
  t.is(demandOf([low, dry], room(4, { high: [0, 4] })).get('low'), 0)
})
