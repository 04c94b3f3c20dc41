import test from 'ava'
import { Decisions } from '../../coordinator/decisions.js'
import type { Ledger, LedgerEffect } from '../../coordinator/ledger.js'
import { Sizing } from '../../coordinator/sizing.js'
import { Stragglers } from '../../coordinator/stragglers.js'
import { NO_TIME } from '../../proto/timing.js'

const open = (liveShards: number, effects: LedgerEffect[]) => {
  const sizing = new Sizing({})
  sizing.observe(100, { ...NO_TIME, computeSeconds: 0.01 }, 0)
  const ledger = { liveShards, step: () => effects } as unknown as Ledger
  return new Stragglers({ ledger, sizing, decisions: new Decisions(), isCopying: false, startedAtSeconds: () => 0 })
}

test('what was taken back may turn out to be begun: there is another look while slots are idle', t => {
  const recall = { type: 'recall', shard: 1, restSeconds: 1 } as unknown as LedgerEffect
  const { effects, againSeconds = Number.NaN } = open(1, [recall]).look(2, 0, 1)
  t.deepEqual(effects, [recall])
  t.true(againSeconds > 0 && againSeconds < 0.05)
})

test('without idle slots nobody looks; a caller who would help counts as one', t => {
  t.deepEqual(open(2, []).look(2, 0, 1), { effects: [] })
  t.true((open(2, []).look(2, 1, 1).againSeconds ?? 0) > 0)
  t.deepEqual(open(0, []).look(2, 1, 1), { effects: [] })
})
