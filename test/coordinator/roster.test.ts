// The agents that are heard of, and what is wanted of them.
import test from 'ava'
import { Roster } from '../../coordinator/roster.js'
import type { Beat } from '../../proto/presence.js'
import { VERSIONS } from '../../proto/version.js'

const beat = (agent: string, more: Partial<Beat> = {}): Beat => ({
  agent,
  host: `host-of-${agent}`,
  sequence: 1,
  slots: 4,
  held: [],
  draining: false,
  versions: VERSIONS,
  program: '1.2.3',
  labels: [],
  ...more,
})

test('an agent is seen as its newest beat says, until it is heard of no more', t => {
  const roster = new Roster()
  const held = [true, true, false].map((started, shard) => ({
    job: 'j',
    epoch: 1,
    shard,
    attempt: 1,
    started,
    reported: false,
  }))
  roster.hear(beat('b', { labels: ['gpu'], held }), 1)
  roster.hear(beat('a', { draining: true }), 2)
  const [a, b] = roster.views(3, agent => (agent === 'a' ? 'it drains' : undefined))
  t.like(a, { name: 'a', slots: 0, draining: true, why: 'it drains', secondsSinceBeat: 1 })
  t.like(b, { name: 'b', host: 'host-of-b', slots: 4, busySlots: 2, labels: ['gpu'], program: '1.2.3', why: undefined })
  t.deepEqual(roster.leave(4, 2), ['b'])
  t.deepEqual(
    roster.views(4, () => undefined).map(({ name }) => name),
    ['a'],
  )
})

test('a wish is kept as long as its agent, and the later one comes after all that the agent knows', t => {
  const roster = new Roster()
  t.false(roster.drain('a'))
  t.false(roster.setSlots('a', 2, 5))
  roster.hear(beat('a', { wishedMs: 1000 }), 0)
  t.true(roster.setSlots('a', 2, 5))
  t.deepEqual(roster.wishes(), [{ agent: 'a', drain: false, slots: { count: 2, askedMs: 1001 } }])
  t.true(roster.setSlots('a', 3, 5))
  t.true(roster.drain('a'))
  t.deepEqual(roster.wishes(), [{ agent: 'a', drain: true, slots: { count: 3, askedMs: 1002 } }])
  roster.leave(10, 1)
  t.deepEqual(roster.wishes(), [])
})

test('labels that nobody offers are named', t => {
  const roster = new Roster()
  t.is(roster.unmet([]), undefined)
  t.is(roster.unmet(['gpu']), 'no agent offers gpu')
  roster.hear(beat('a', { labels: ['gpu'] }), 0)
  roster.hear(beat('b', { labels: ['site=x'] }), 0)
  t.is(roster.unmet(['gpu']), undefined)
  t.is(roster.unmet(['gpu', 'tpu']), 'no agent offers tpu')
  t.is(roster.unmet(['gpu', 'site=x']), 'no agent offers all of gpu, site=x')
})
